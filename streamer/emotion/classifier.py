"""The network that hears emotions."""

import copy
from itertools import cycle
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.model_file import (
    INPUT_NAME,
    OUTPUT_NAME,
    UNCERTAIN,
    ModelInfo,
    parse_metadata,
    parse_self_test,
)
from streamer.errors import ModelError
from streamer.features.normalise import GlobalNormaliser
from streamer.onnx import StreamingNetwork, metadata_of, open_session, read_model

BUNDLED_MODEL = Path(__file__).parent.parent / "models" / "emotion.onnx"

SELF_TEST_TOLERANCE = 1e-5
SELF_TEST_CHUNKS = ((1,), (1, 2, 3, 5, 8, 13), (7, 1), (1000,))
"""How many rows at once, again and again."""


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the posterior of ``logits``, shape ``(num_labels,)``; it sums to 1 however large they are."""
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())


class OnnxClassifier:
    """Posterior over emotions of all feature rows since the last reset, by a network in a model file.

    What a row costs does not depend on how many came before, and the posterior not on how they were cut into chunks.
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
        self._network = StreamingNetwork(path, session, INPUT_NAME, OUTPUT_NAME)
        _check_nodes(path, self._network, self.info)
        self.labels, self.features = self.info.labels, self.info.features
        self._normaliser = GlobalNormaliser(self.info.mean, self.info.std)
        self.reset()
        self._try_out()

    def twin(self) -> Self:
        """Return one for another stream; the model itself is loaded once, also for streams in other threads."""
        other = copy.copy(self)
        other._network = self._network.twin()
        other.reset()
        return other

    def reset(self) -> None:
        """Forget the rows heard."""
        self._network.reset()
        self._logits = np.zeros(len(self.labels), np.float32)

    def push(self, rows: NDArray[np.float32]) -> None:
        """Hear the rows that follow, shape ``(num_rows, num_columns)``, float32; at least one.

        Raises:
            ModelError: The network fails.
        """
        logits = self._network.push(self._normaliser.normalise(rows))
        if logits.shape != (1, len(self.labels)):
            raise ModelError(f"{self.path}: the network must give one number a label, got shape {logits.shape}")
        self._logits = logits[0]

    def mark(self) -> tuple[object, NDArray[np.float32]]:
        """Return what :meth:`go_back` takes to forget what is heard from now on."""
        return self._network.mark(), self._logits

    def go_back(self, mark: tuple[Any, NDArray[np.float32]]) -> None:
        """Forget the rows heard since ``mark`` was given."""
        network_mark, self._logits = mark
        self._network.go_back(network_mark)

    @property
    def logits(self) -> NDArray[np.float64]:
        """What the network gives for all rows since the last reset, shape ``(num_labels,)``.

        Raises:
            ModelError: They are no numbers.
        """
        if not np.isfinite(self._logits).all():
            raise ModelError(f"{self.path}: the network must give one finite number a label, got {self._logits}")
        return self._logits.astype(np.float64)

    def posterior(self) -> NDArray[np.float64]:
        """Return the posterior of all rows since the last reset, shape ``(num_labels,)``.

        Raises:
            ModelError: The network gave no numbers.
        """
        return softmax(self.logits / self.info.temperature)

    def decide(self, posterior: NDArray[np.float64]) -> str:
        """Return the most probable label, or ``uncertain`` where it is not probable enough."""
        best = int(np.argmax(posterior))
        return self.labels[best] if posterior[best] >= self.info.uncertain_below else UNCERTAIN

    def self_test(self) -> float:
        """Return by how much the logits of the vector in the file differ from what it says, however it is cut.

        Raises:
            ModelError: The file has no such vector, or they differ by more than ``SELF_TEST_TOLERANCE``.
        """
        try:
            vector = parse_self_test(self._metadata, self.info)
        except ModelError as error:
            raise ModelError(f"{self.path}: {error}") from error
        largest = 0.0
        for sizes in SELF_TEST_CHUNKS:
            self.reset()
            end = 0
            for size in cycle(sizes):
                chunk = vector.rows[end : end + size]
                if not len(chunk):
                    break
                end += len(chunk)
                self.push(chunk)
                difference = float(np.abs(self.logits - vector.logits[end - 1]).max())
                if not difference <= SELF_TEST_TOLERANCE:
                    raise ModelError(
                        f"{self.path}: after {end} rows in chunks of {sizes} the logits differ from those in the file "
                        f"by {difference:.2g}, allowed is {SELF_TEST_TOLERANCE:g}: this machine does not run it rightly"
                    )
                largest = max(largest, difference)
        self.reset()
        return largest

    def _try_out(self) -> None:
        """Refuse a network that fails, here rather than at the first utterance."""
        for num_rows in (1, 100):  # an utterance has one at the least
            self.push(np.zeros((num_rows, self.features.num_columns), np.float32))
            _ = self.logits
        self.reset()


def _check_nodes(path: Path, network: StreamingNetwork, info: ModelInfo) -> None:
    given, said = network.input, network.output
    if given.type != "tensor(float)" or len(given.shape) != 2:
        raise ModelError(f"{path}: the network's input must be float of 2 axes, got {given.type} of {given.shape}")
    if len(said.shape) != 2:
        raise ModelError(f"{path}: the network's output must have 2 axes, got {said.shape}")
    if given.shape[-1] != info.features.num_columns:
        raise ModelError(
            f"{path}: key 'features' makes {info.features.num_columns} columns, the network takes {given.shape[-1]}"
        )
    if said.shape[-1] != len(info.labels):
        raise ModelError(f"{path}: key 'labels' names {len(info.labels)} labels, the network gives {said.shape[-1]}")
