"""What a model file says about itself; ``docs/model-file.md`` lists the keys.

The network cannot be used without them, so that a missing or contradicting key refuses the file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.memory import Voice, Voiceprints
from streamer.errors import ModelError, SettingsError
from streamer.metadata import json_value, text
from streamer.onnx import DETECTOR_KIND
from streamer.settings import SAMPLE_RATE_HZ, FeatureSettings

FORMAT = 3
UNCERTAIN = "uncertain"
INPUT_NAME = "rows"
OUTPUT_NAME = "logits"
VOICE_INPUTS = ("voice_weight", "voice_mean", "voice_mean_square")
"""What is remembered of the voice, for a network that adapts to it: see :class:`streamer.emotion.memory.Voice`."""
VOICE_OUTPUTS = ("logits_of_stranger", "impressions", "worth")
"""What such a network says beside its logits."""


SELF_TEST_KEY = "self_test"
LEAST_SELF_TEST_ROWS = 20
"""Fewer go into too few chunks to tell that what is carried along is right."""


@dataclass(frozen=True)
class SelfTest:
    """Rows, and what the network that the file was made from gives for them."""

    rows: NDArray[np.float32]
    """Shape ``(num_rows, num_columns)``, not normalised."""

    logits: NDArray[np.float64]
    """After each row, shape ``(num_rows, num_labels)``."""

    voice: Voice | None
    """Of whom the network is told that it is who speaks, where it adapts."""

    def to_metadata(self) -> dict[str, str]:
        """Return the key and value that the model file carries."""
        vector: dict[str, Any] = {"rows": self.rows.tolist(), "logits": self.logits.tolist()}
        if self.voice:
            vector["voice"] = self.voice.to_json()
        return {SELF_TEST_KEY: json.dumps(vector)}


@dataclass(frozen=True)
class ModelInfo:
    """The metadata of a model file of format 3, checked."""

    name: str
    """What people call the model."""

    labels: tuple[str, ...]
    """One label an output, in their order."""

    features: FeatureSettings
    """How the rows are computed."""

    mean: tuple[float, ...]
    """Mean of each coefficient over the training set."""

    std: tuple[float, ...]
    """Standard deviation of each coefficient over the training set."""

    temperature: float
    """Divides the logits before the softmax; above 0."""

    uncertain_below: float
    """A largest probability below this makes the label ``uncertain``; 0 to 1."""

    voiceprints: Voiceprints | None
    """How it tells voices apart, where it adapts to them."""

    data: Any
    """What the network was trained, chosen and tested on."""

    licence: Mapping[str, Any]
    """``spdx`` and ``attribution`` of the weights."""

    figures: Any
    """What was measured, and how."""

    def to_metadata(self) -> dict[str, str]:
        """Return the keys and values that the model file carries."""
        features = {field.name: getattr(self.features, field.name) for field in fields(self.features)}
        return {
            "format": str(FORMAT),
            "name": self.name,
            "labels": json.dumps(self.labels),
            "features": json.dumps(features),
            "normalisation": json.dumps({"mean": self.mean, "std": self.std}),
            "temperature": json.dumps(self.temperature),
            "uncertain_below": json.dumps(self.uncertain_below),
            "voice": json.dumps(self.voiceprints.to_json() if self.voiceprints else {}),
            "data": json.dumps(self.data),
            "licence": json.dumps(self.licence),
            "figures": json.dumps(self.figures),
        }


def parse_metadata(metadata: Mapping[str, str]) -> ModelInfo:
    """Return what ``metadata`` of a model file says.

    Raises:
        ModelError: A key is missing, malformed or contradicts another; the message names it.
    """
    if metadata.get("kind") == DETECTOR_KIND:
        raise ModelError("a detector of speech, which hears no emotions: give it to --vad")
    if "format" not in metadata:
        raise ModelError("key 'format' is missing: not a model of emotion-streamer; make one with `python -m export`")
    if metadata["format"] != str(FORMAT):
        raise ModelError(
            f"key 'format' is {metadata['format']!r}, but this version reads {FORMAT}: "
            "export the run again with `python -m export RUN -o FILE.onnx`"
        )
    normalisation = json_value(metadata, "normalisation", dict)
    if set(normalisation) != {"mean", "std"}:
        raise ModelError(f"key 'normalisation' must hold mean and std, got {sorted(normalisation)}")
    features = _features(json_value(metadata, "features", dict))
    licence = json_value(metadata, "licence", dict)
    if not {"spdx", "attribution"} <= set(licence):
        raise ModelError(f"key 'licence' must hold spdx and attribution, got {sorted(licence)}")
    return ModelInfo(
        name=text(metadata, "name"),
        labels=_labels(json_value(metadata, "labels", list)),
        features=features,
        mean=_numbers(normalisation["mean"], features.num_columns, "mean", -1e6, 1e6),
        std=_numbers(normalisation["std"], features.num_columns, "std", 1e-6, 1e6),
        temperature=_number(metadata, "temperature", 0.01, 100.0),
        uncertain_below=_number(metadata, "uncertain_below", 0.0, 1.0),
        voiceprints=_voiceprints(json_value(metadata, "voice", dict)),
        data=json_value(metadata, "data", list),
        licence=licence,
        figures=json_value(metadata, "figures", dict),
    )


def parse_self_test(metadata: Mapping[str, str], info: ModelInfo) -> SelfTest:
    """Return the vector in ``metadata`` of the model file of ``info``.

    Raises:
        ModelError: It is missing, malformed or contradicts ``info``.
    """
    vector = json_value(metadata, SELF_TEST_KEY, dict)
    rows = _table(vector, "rows", info.features.num_columns).astype(np.float32)
    logits = _table(vector, "logits", len(info.labels))
    if len(rows) != len(logits) or len(rows) < LEAST_SELF_TEST_ROWS:
        raise ModelError(
            f"key {SELF_TEST_KEY!r} must hold at least {LEAST_SELF_TEST_ROWS} rows and as many logits, "
            f"got {len(rows)} and {len(logits)}"
        )
    voice = vector.get("voice")
    if (voice is None) != (info.voiceprints is None):
        raise ModelError(f"key {SELF_TEST_KEY!r} must hold a voice where, and only where, the network adapts to it")
    try:
        return SelfTest(rows, logits, None if voice is None else Voice.from_json(voice))
    except ValueError as error:
        raise ModelError(f"key {SELF_TEST_KEY!r}: {error}") from error


def _table(vector: Mapping[str, Any], key: str, num_columns: int) -> NDArray[np.float64]:
    lines = vector.get(key)
    expected = f"key {SELF_TEST_KEY!r}: {key!r} must hold lists of {num_columns} numbers, at most 1e6 large each"
    if not isinstance(lines, list) or not lines:
        raise ModelError(expected)
    for line in lines:
        if not isinstance(line, list) or len(line) != num_columns:
            raise ModelError(expected)
        for number in line:
            is_number = isinstance(number, int | float) and not isinstance(number, bool)
            if not is_number or not abs(number) <= 1e6:  # nor what is not a number
                raise ModelError(f"{expected}, got {number!r}")
    return np.array(lines, np.float64)


def _labels(labels: list[Any]) -> tuple[str, ...]:
    if len(labels) < 2 or not all(isinstance(label, str) and label.strip() for label in labels):
        raise ModelError(f"key 'labels' must hold at least two names, got {labels}")
    if any(not label.isprintable() or "," in label for label in labels):
        raise ModelError(f"key 'labels' must hold printable names without a comma, got {labels}")
    if len(set(labels)) != len(labels):
        raise ModelError(f"key 'labels' names a label twice: {labels}")
    if UNCERTAIN in labels:
        raise ModelError(f"key 'labels' holds {UNCERTAIN!r}, which is reserved for an answer that is not sure")
    return tuple(labels)


def _voiceprints(values: dict[str, Any]) -> Voiceprints | None:
    try:
        return Voiceprints.from_json(values) if values else None
    except ValueError as error:
        raise ModelError(f"key 'voice': {error}") from error


def _features(values: dict[str, Any]) -> FeatureSettings:
    expected = {field.name for field in fields(FeatureSettings)}
    if set(values) != expected:
        missing, unknown = sorted(expected - set(values)), sorted(set(values) - expected)
        raise ModelError(f"key 'features' lacks {missing} and has unknown {unknown}")
    try:
        features = FeatureSettings(**values)
    except SettingsError as error:
        raise ModelError(f"key 'features': {error}") from error
    if features.sample_rate_hz != SAMPLE_RATE_HZ:
        raise ModelError(f"key 'features': sample_rate_hz must be {SAMPLE_RATE_HZ}, got {features.sample_rate_hz}")
    return features


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _numbers(values: Any, count: int, part: str, low: float, high: float) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(_is_number(value, low, high) for value in values):
        raise ModelError(f"key 'normalisation': {part} must be a list of numbers from {low:g} to {high:g}")
    if len(values) != count:
        raise ModelError(f"key 'normalisation': {part} has {len(values)} numbers, but 'features' makes {count}")
    return tuple(float(value) for value in values)


def _number(metadata: Mapping[str, str], key: str, low: float, high: float) -> float:
    value = json_value(metadata, key, object)
    if not _is_number(value, low, high):
        raise ModelError(f"key {key!r} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)
