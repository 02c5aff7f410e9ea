"""The network; the only user of onnxruntime."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.model_file import INPUT_NAME, OUTPUT_NAME, UNCERTAIN, ModelInfo, parse_metadata
from streamer.errors import ModelError
from streamer.features.normalise import GlobalNormaliser

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
        if path.exists() and not path.is_file():  # a pipe would keep us waiting, a device never end
            raise ModelError(f"{path}: expected a file")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: can not be read ({error.strerror})") from error
        self.path, self.size_bytes = path, len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = _load(path, content)
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
        except Exception as error:  # as in _load
            raise ModelError(f"the network fails on {len(rows)} rows ({_first_line(error)})") from error
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


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _load(path: Path, content: bytes) -> Any:
    # onnxruntime's builds otherwise leave a device id in the user's home and send events to its maker.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # takes 20 MiB and 100 ms: only where a model is used

    options = onnxruntime.SessionOptions()
    # One thread without spinning: more cost forty times the CPU and win nothing at this size.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # From bytes, so that a file cannot refer to others beside it.
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base below Exception
        raise ModelError(f"{path}: not a model that onnxruntime loads ({_first_line(error)})") from error


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
