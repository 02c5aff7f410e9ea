"""The network that hears emotions."""

import copy
from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.memory import Voice, VoiceMemory, Voiceprints
from streamer.emotion.model_file import (
    INPUT_NAME,
    OUTPUT_NAME,
    SELF_TEST_KEY,
    UNCERTAIN,
    VOICE_INPUTS,
    VOICE_OUTPUTS,
    ModelInfo,
    parse_metadata,
    parse_self_test,
)
from streamer.errors import ModelError
from streamer.features.normalise import GlobalNormaliser
from streamer.onnx import StreamingNetwork, compared, metadata_of, open_session, read_model

BUNDLED_MODEL = Path(__file__).parent.parent / "models" / "emotion.onnx"

_FAMILIAR = 0.5
"""From here on it is rather the voice heard before that speaks."""

SELF_TEST_TOLERANCE = 1e-5
"""Of logits, beside as much of their size, as is float32's."""
SELF_TEST_CHUNKS = ((1,), (1, 2, 3, 5, 8, 13), (7, 1), (1000,))
"""How many rows at once, again and again."""


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the posterior of ``logits``, shape ``(num_labels,)``; it sums to 1 however large they are."""
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())


class OnnxClassifier:
    """Posterior over emotions of all feature rows since the last reset, by a network in a model file.

    What a row costs does not depend on how many came before, and the posterior not on how they were cut into chunks.
    A network that adapts is told what is remembered of the voice that speaks, and says what to remember of it.
    """

    def __init__(self, path: Path) -> None:
        """Load and check the model file.

        Raises:
            ModelError: The file is missing, is no model, or contradicts itself.
        """
        content, self.sha256 = read_model(path)
        self.path = path
        session = open_session(path, content)
        self._metadata = metadata_of(session)
        try:
            self.info = parse_metadata(self._metadata)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error
        adapts = self.info.voiceprints is not None
        outputs, context = (VOICE_OUTPUTS, VOICE_INPUTS) if adapts else ((), ())
        self._network = StreamingNetwork(path, session, INPUT_NAME, [OUTPUT_NAME, *outputs], context)
        _check_nodes(path, self._network, self.info)
        self.labels, self.features = self.info.labels, self.info.features
        self._normaliser = GlobalNormaliser(self.info.mean, self.info.std)
        self._taught: int | None = None
        self._begin_with(None)
        size = self.impression_size
        self._try_out([Voice.unknown(size), Voice(1.0, np.zeros(size), np.zeros(size))] if self.memory else [None])

    @property
    def impression_size(self) -> int:
        """How many numbers are remembered of a voice; 0 for a network that does not adapt."""
        return int(self._network.outputs[2].shape[-1]) if self.info.voiceprints else 0

    def twin(self) -> Self:
        """Return one for another stream; the model itself is loaded once, also for streams in other threads."""
        other = copy.copy(self)
        other._network = self._network.twin()
        other._begin_with(self._known)
        return other

    def know(self, voice: Voice | None) -> None:
        """Begin a stream with ``voice``, of ``impression_size`` numbers; with None, or without adapting, with none.

        Raises:
            ValueError: It is none that the network can take.
        """
        self._begin_with(voice)
        if voice and self.memory:
            try:
                self._try_out([voice])
            except ModelError as error:  # without it, the network does not fail
                raise ValueError("the network gives no numbers for such a voice") from error

    def _begin_with(self, voice: Voice | None) -> None:
        self._known = voice
        voiceprints = self.info.voiceprints
        self.memory = VoiceMemory(self.impression_size, voiceprints, voice) if voiceprints else None
        self.reset()

    def teach(self, label: str) -> None:
        """Take every utterance that is learnt from now on for one of ``label``, one of ``labels``."""
        self._taught = self.labels.index(label)

    def forget(self) -> None:
        """Forget the voices heard, save the one known from the beginning."""
        if self.memory:
            self.memory.reset()
        self.reset()

    def reset(self) -> None:
        """Forget the rows heard; what is remembered of voices stays."""
        self._network.reset(_told(self.memory.voice) if self.memory else None)
        self._said: list[NDArray[np.float32]] = [np.zeros((1, len(self.labels)), np.float32)]
        self._recognition: tuple[NDArray[np.float64], float] | None = None

    def push(self, rows: NDArray[np.float32]) -> None:
        """Hear the rows that follow, shape ``(num_rows, num_columns)``, float32; at least one.

        Raises:
            ModelError: The network fails.
        """
        self._said, self._recognition = self._network.push(self._normaliser.normalise(rows)), None
        if self._said[0].shape != (1, len(self.labels)):
            shape = self._said[0].shape
            raise ModelError(f"{self.path}: the network must give one number a label, got shape {shape}")

    def mark(self) -> tuple[object, list[NDArray[np.float32]]]:
        """Return what :meth:`go_back` takes to forget what is heard from now on."""
        return self._network.mark(), self._said

    def go_back(self, mark: tuple[Any, list[NDArray[np.float32]]]) -> None:
        """Forget the rows heard since ``mark`` was given."""
        network_mark, self._said = mark
        self._recognition = None
        self._network.go_back(network_mark)

    @property
    def said(self) -> Mapping[str, NDArray[np.float32]]:
        """What the network gives for all rows since the last reset, by the names of its outputs."""
        names = [output.name for output in self._network.outputs]
        return dict(zip(names, self._said, strict=False))

    @property
    def logits(self) -> NDArray[np.float64]:
        """What the network gives for all rows since the last reset, shape ``(num_labels,)``: one at least.

        Raises:
            ModelError: They are no numbers.
        """
        return np.asarray(self._numbers(0)[0])

    def posterior(self) -> NDArray[np.float64]:
        """Return the posterior of all rows since the last reset, shape ``(num_labels,)``.

        As far as it may be somebody else who speaks, it is that of a stranger.

        Raises:
            ModelError: The network gave no numbers.
        """
        logits = self.logits
        if self.memory:
            _, familiarity = self._recognised()
            stranger = softmax(self._numbers(1)[0])
            logits = np.log(familiarity * softmax(logits) + (1.0 - familiarity) * stranger)
        return softmax(logits / self.info.temperature)

    @property
    def heard_before(self) -> int:
        """How many utterances of the voice that speaks the posterior rests on, beside the one in hand."""
        if not self.memory or self._recognised()[1] < _FAMILIAR:
            return 0
        return round(self.memory.voice.weight)

    def learn(self) -> None:
        """Remember the utterance of which all rows were heard.

        Raises:
            ModelError: The network gave no numbers.
        """
        if self.memory:
            worth = float(np.clip(self._numbers(3)[0, 0], 0.0, 1.0))
            impression = self._recognised()[0] if self._taught is None else self._numbers(2)[self._taught]
            self.memory.learn(impression, worth)
            self._recognition = None  # what was learnt sounds familiar

    def _recognised(self) -> tuple[NDArray[np.float64], float]:
        """Return what to remember of the rows heard, and how familiar it sounds; made once for all that ask."""
        if self._recognition is None:
            if not (self.memory and self.info.voiceprints):
                raise ValueError("only a network that adapts remembers")
            # What it would be for each label, as far as a stranger would be taken for that.
            guesses = softmax(self._numbers(1)[0] / self.info.voiceprints.temperature)
            impression = np.asarray(guesses @ self._numbers(2))
            self._recognition = impression, self.memory.familiarity(impression)
        return self._recognition

    def _numbers(self, index: int) -> NDArray[np.float64]:
        said = self._said[index]
        if not np.isfinite(said).all():
            name = self._network.outputs[index].name
            raise ModelError(f"{self.path}: the network must give finite numbers as {name!r}, got {said.ravel()[:8]}")
        return said.astype(np.float64)

    def decide(self, posterior: NDArray[np.float64]) -> str:
        """Return the most probable label, or ``uncertain`` where it is not probable enough."""
        best = int(np.argmax(posterior))
        return self.labels[best] if posterior[best] >= self.info.uncertain_below else UNCERTAIN

    @property
    def has_self_test(self) -> bool:
        """Whether the file has a vector for :meth:`self_test`."""
        return SELF_TEST_KEY in self._metadata

    def self_test(self) -> float:
        """Return by how much the logits of the vector in the file differ from what it says, however it is cut.

        Raises:
            ModelError: The file has no such vector, or they differ by more than ``SELF_TEST_TOLERANCE``.
        """
        try:
            vector = parse_self_test(self._metadata, self.info)
        except ModelError as error:
            raise ModelError(f"{self.path}: {error}") from error
        if vector.voice and vector.voice.mean.size != self.impression_size:
            found, expected = vector.voice.mean.size, self.impression_size
            raise ModelError(f"{self.path}: key 'self_test': a voice of {found} numbers, the network takes {expected}")
        largest = 0.0
        for sizes in SELF_TEST_CHUNKS:
            self._network.reset(_told(vector.voice) if vector.voice else None)
            end = 0
            for size in cycle(sizes):
                chunk = vector.rows[end : end + size]
                if not len(chunk):
                    break
                end += len(chunk)
                self.push(chunk)
                difference, is_within = compared(vector.logits[end - 1], self.logits, SELF_TEST_TOLERANCE)
                if not is_within:
                    raise ModelError(
                        f"{self.path}: after {end} rows in chunks of {sizes} the logits differ from those in the file "
                        f"by {difference:.2g}, allowed is {SELF_TEST_TOLERANCE:g}: this machine does not run it rightly"
                    )
                largest = max(largest, difference)
        self.reset()
        return largest

    def _try_out(self, voices: Sequence[Voice | None]) -> None:
        """Refuse a network that fails beside one of ``voices``, here rather than at the first utterance."""
        with self._network.trial():
            for voice, num_rows in product(voices, (1, 100)):  # an utterance has one at the least
                self._network.reset(_told(voice) if voice else None)
                self.push(np.zeros((num_rows, self.features.num_columns), np.float32))
                for index in range(len(self._said)):
                    self._numbers(index)
        self.reset()


def _told(voice: Voice) -> dict[str, NDArray[np.float32]]:
    """Return ``voice`` as the network is told of it."""
    told = (np.array([voice.weight]), voice.mean, voice.mean_square)
    return {name: part[np.newaxis].astype(np.float32) for name, part in zip(VOICE_INPUTS, told, strict=True)}


def _check_nodes(path: Path, network: StreamingNetwork, info: ModelInfo) -> None:
    given, said = network.input, network.outputs
    if given.type != "tensor(float)" or len(given.shape) != 2:
        raise ModelError(f"{path}: the network's input must be float of 2 axes, got {given.type} of {given.shape}")
    for output in said:
        if output.type != "tensor(float)" or len(output.shape) != 2:
            raise ModelError(
                f"{path}: output {output.name!r} must be float of 2 axes, got {output.type} of {output.shape}"
            )
    if given.shape[-1] != info.features.num_columns:
        raise ModelError(
            f"{path}: key 'features' makes {info.features.num_columns} columns, the network takes {given.shape[-1]}"
        )
    if said[0].shape[-1] != len(info.labels):
        raise ModelError(f"{path}: key 'labels' names {len(info.labels)} labels, the network gives {said[0].shape[-1]}")
    if info.voiceprints:
        _check_voice_nodes(path, network, info.voiceprints, len(info.labels))


def _check_voice_nodes(path: Path, network: StreamingNetwork, voiceprints: Voiceprints, num_labels: int) -> None:
    size = network.outputs[2].shape[-1]
    shapes = {name: list(told.shape) for name, told in network.context.items()}
    shapes |= {node.name: node.shape for node in network.outputs[1:]}
    expected = [[1, 1], [1, size], [1, size], [1, num_labels], [num_labels, size], [1, 1]]
    for (name, shape), right in zip(shapes.items(), expected, strict=True):
        if shape != right:
            raise ModelError(f"{path}: {name!r} must be of shape {right}, got {shape}")
    if voiceprints.end > size:
        raise ModelError(f"{path}: key 'voice' tells of a voiceprint beyond the {size} numbers of an impression")
