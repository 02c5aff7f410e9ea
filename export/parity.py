"""The model file must give the numbers of the network it was made from."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ParityError
from streamer.emotion.classifier import OnnxClassifier
from streamer.emotion.memory import Voice
from streamer.emotion.model_file import OUTPUT_NAME, VOICE_OUTPUTS, ModelInfo, SelfTest
from streamer.features.normalise import GlobalNormaliser
from streamer.onnx import compared
from streamer.speech.network import SpeechNetwork
from training.judging import told
from training.networks import Network
from training.networks.streaming import StreamingNetwork

TOLERANCE = 1e-5
"""Of logits, beside as much of their size, as is float32's."""
IMPRESSION_TOLERANCE = 1e-4
"""Of what is remembered: skews are large numbers over small ones."""
_PREFIX_ROWS = (1, 2, 7, 30, 64)
_NUM_SELF_TEST_ROWS = 48
_VOICE_WEIGHT = 3.0

Rows = NDArray[np.float32]


def check_parity(network: Network, classifier: OnnxClassifier, clips: Sequence[Rows]) -> float:
    """Return the largest difference of a logit between ``network`` and ``classifier``, over many lengths and splits.

    Args:
        network: The Keras model.
        classifier: The same as the daemon loads it; it is left knowing a voice that nobody has.
        clips: Rows of real clips, each of shape ``(num_rows, num_columns)``, not normalised.

    Raises:
        ParityError: A difference is above what is allowed, or not a number.
    """
    num_columns = len(classifier.info.mean)
    random, voice = np.random.default_rng(0), some_voice(classifier.impression_size)
    classifier.know(voice)
    largest = 0.0
    for rows in clips:
        if rows.ndim != 2 or rows.shape[1] != num_columns:
            raise ParityError(f"rows to compare with must be of shape (num_rows, {num_columns}), got {rows.shape}")
        ends = [*(num_rows for num_rows in _PREFIX_ROWS if num_rows < len(rows)), len(rows)]
        expected = {end: said_of(network, classifier.info, rows[:end], voice) for end in ends}
        for most_rows in (1, 5, 50, len(rows)):
            classifier.reset()
            end = 0
            while end < len(rows):
                chunk = rows[end : end + int(random.integers(1, most_rows + 1))]
                # No chunk goes beyond where the network was asked.
                chunk = chunk[: min(stop for stop in ends if stop > end) - end]
                classifier.push(chunk)
                end += len(chunk)
                if end in expected:
                    what = f"{end} rows, up to {most_rows} at once, of {classifier.path}"
                    largest = max(largest, _compared(expected[end], classifier.said, what))
    return largest


def _compared(expected: Mapping[str, NDArray[Any]], said: Mapping[str, NDArray[Any]], what: str) -> float:
    """Return the largest difference of a logit; refuse one of anything that is too large."""
    differences = {
        name: _difference(array, said[name], f"{name} after {what}", _TOLERANCES.get(name, TOLERANCE))
        for name, array in expected.items()
    }
    return differences[OUTPUT_NAME]


_TOLERANCES = {"impressions": IMPRESSION_TOLERANCE}


def self_test_of(network: Network, info: ModelInfo) -> SelfTest:
    """Return a vector for the model file of ``network``: rows as spread as those that it learnt from."""
    spread = np.random.default_rng(0).standard_normal((_NUM_SELF_TEST_ROWS, len(info.mean)))
    rows = np.round(np.array(info.mean) + np.array(info.std) * spread, 3).astype(np.float32)
    voice = some_voice(network.impression_size) if isinstance(network, StreamingNetwork) else None
    logits = [said_of(network, info, rows[:end], voice)[OUTPUT_NAME][0] for end in range(1, len(rows) + 1)]
    return SelfTest(rows, np.array(logits, np.float64), voice)


def some_voice(size: int) -> Voice:
    """Return a voice that nobody has, of ``size`` numbers: like an average one, to the third digit."""
    mean = np.round(0.3 * np.random.default_rng(0).standard_normal(size), 3)
    return Voice(_VOICE_WEIGHT, mean, np.round(np.square(mean) + 1.0, 3))


def said_of(network: Network, info: ModelInfo, rows: Rows, voice: Voice | None) -> dict[str, NDArray[np.float32]]:
    """Return what the Keras model gives for all of ``rows`` by the name of the model file's output.

    Args:
        network: The Keras model.
        info: How rows are normalised.
        rows: Shape ``(num_rows, num_columns)``, not normalised.
        voice: Who speaks, for a network that adapts.
    """
    normalised = GlobalNormaliser(info.mean, info.std).normalise(rows)[np.newaxis]
    if not isinstance(network, StreamingNetwork) or voice is None:
        return {OUTPUT_NAME: np.asarray(network(normalised))}
    described = network.describe(normalised, np.ones(normalised.shape[:2], np.float32))
    known = told([voice], network.told_size)
    alone = [np.zeros_like(part) for part in known]
    outputs = (network.judge(described, *alone), network.impressions(described)[0], network.worth(described, len(rows)))
    named = dict(zip(VOICE_OUTPUTS, outputs, strict=True))
    return {name: np.asarray(said) for name, said in {OUTPUT_NAME: network.judge(described, *known), **named}.items()}


def check_detector_parity(network: Any, exported: SpeechNetwork, scenes: Sequence[Rows]) -> float:
    """Return the largest difference of a probability between ``network`` and ``exported``, over many splits.

    Args:
        network: The Keras model, from rows and states to probabilities and states.
        exported: The same as the daemon loads it.
        scenes: Rows of scenes, each of shape ``(num_rows, NUM_COLUMNS)``.

    Raises:
        ParityError: A difference is above :data:`TOLERANCE`, or not a number.
    """
    silence = [np.zeros(node.shape, np.float32) for node in network.inputs[1:]]
    largest = 0.0
    for rows, num_rows in product(scenes, _PREFIX_ROWS):
        expected = np.asarray(network([rows[np.newaxis], *silence], training=False)[0])[0]
        exported.reset()
        parts = [rows[first : first + num_rows] for first in range(0, len(rows), num_rows)]
        said = np.concatenate([exported.push(part) for part in parts])
        largest = max(largest, _difference(expected, said, f"{num_rows} rows at once", TOLERANCE))
    return largest


def _difference(expected: NDArray[Any], said: NDArray[Any], what: str, tolerance: float) -> float:
    """Return the largest difference; refuse one that is too large, also for the size of the number, or no number."""
    difference, is_within = compared(expected, said, tolerance)
    if not is_within:
        raise ParityError(
            f"for {what} the model file differs by {difference:.2g} from the network, allowed is {tolerance:g}"
        )
    return difference
