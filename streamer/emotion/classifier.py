"""The network that hears emotions."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.model_file import INPUT_NAME, OUTPUT_NAME, UNCERTAIN, ModelInfo, parse_metadata
from streamer.errors import ModelError
from streamer.features.normalise import GlobalNormaliser
from streamer.onnx import first_line, open_session, read_model

BUNDLED_MODEL = Path(__file__).parent.parent / "models" / "emotion.onnx"


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the posterior of ``logits``, shape ``(num_labels,)``; it sums to 1 however large they are."""
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())


class OnnxClassifier:
    """Posterior over emotions of any number of feature rows, by a network in a model file."""

    def __init__(self, path: Path) -> None:
        """Load and check the model file.

        Raises:
            ModelError: The file is missing, is no model, or contradicts itself.
        """
        content = read_model(path)
        self.path, self.size_bytes = path, len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = open_session(path, content)
        try:
            self.info = parse_metadata(self._session.get_modelmeta().custom_metadata_map)
            _check_nodes(self._session, self.info)
            self.labels, self.features = self.info.labels, self.info.features
            self._normaliser = GlobalNormaliser(self.info.mean, self.info.std)
            self._try_out()
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    def logits(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the network's output, shape ``(num_labels,)``, for ``rows``, shape ``(num_rows, num_cepstra)``."""
        network_input = self._normaliser.normalise(rows)[np.newaxis]
        try:
            (logits,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: network_input})
        except Exception as error:  # as in open_session
            raise ModelError(f"the network fails on {len(rows)} rows ({first_line(error)})") from error
        if not np.isfinite(logits).all():
            raise ModelError(f"the network must give one finite number a label, got {logits[0]}")
        return np.asarray(logits[0], np.float64)

    def classify(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the posterior, shape ``(num_labels,)``, of ``rows``, shape ``(num_rows, num_cepstra)``, float32."""
        return softmax(self.logits(rows) / self.info.temperature)

    def decide(self, posterior: NDArray[np.float64]) -> str:
        """Return the most probable label, or ``uncertain`` where it is not probable enough."""
        best = int(np.argmax(posterior))
        return self.labels[best] if posterior[best] >= self.info.uncertain_below else UNCERTAIN

    def _try_out(self) -> None:
        """Refuse a network that fails, here rather than at the first utterance."""
        for num_rows in (1, 100):  # an utterance has one at the least
            logits = self.logits(np.zeros((num_rows, self.features.num_cepstra), np.float32))
            if logits.shape != (len(self.labels),):
                raise ModelError(f"the network must give one finite number a label, got {logits}")


def _check_nodes(session: Any, info: ModelInfo) -> None:
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    if set(inputs) != {INPUT_NAME} or OUTPUT_NAME not in outputs:
        raise ModelError(
            f"the network must take {INPUT_NAME!r} and give {OUTPUT_NAME!r}, got {list(inputs)} and {list(outputs)}"
        )
    if inputs[INPUT_NAME].type != "tensor(float)" or len(inputs[INPUT_NAME].shape) != 3:
        raise ModelError(f"the network's input must be float of 3 axes, got {inputs[INPUT_NAME].shape}")
    if len(outputs[OUTPUT_NAME].shape) != 2:
        raise ModelError(f"the network's output must have 2 axes, got {outputs[OUTPUT_NAME].shape}")
    num_columns = inputs[INPUT_NAME].shape[-1]
    if num_columns != info.features.num_cepstra:
        raise ModelError(f"key 'features' makes {info.features.num_cepstra} columns, the network takes {num_columns}")
    num_outputs = outputs[OUTPUT_NAME].shape[-1]
    if num_outputs != len(info.labels):
        raise ModelError(f"key 'labels' names {len(info.labels)} labels, the network gives {num_outputs}")
