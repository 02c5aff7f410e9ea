"""Keras to ONNX; the only user of tf2onnx and onnx."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf2onnx
from onnx import helper

from streamer.emotion.model_file import INPUT_NAME, OUTPUT_NAME, ModelInfo
from streamer.speech.network import NEXT_STATE, PROBABILITIES, ROWS, STATE

_OPSET = 17  # the newest that tf2onnx writes reliably
_PRODUCER = "emotion-streamer export"


def to_onnx(network: Any, info: ModelInfo) -> bytes:
    """Return the model file of ``network`` with ``info`` as its metadata.

    Args:
        network: A Keras model from rows, shape ``(batch, time, num_cepstra)``, to logits.
        info: What the file says about itself.
    """
    signature = [tf.TensorSpec((1, None, info.features.num_cepstra), tf.float32, name=INPUT_NAME)]
    return _convert(lambda rows: {OUTPUT_NAME: network(rows, training=False)}, signature, info.to_metadata())


def detector_to_onnx(network: Any, metadata: Mapping[str, str]) -> bytes:
    """Return the model file of a detector with ``metadata``.

    Args:
        network: A Keras model from rows and states to probabilities and the next states; see
            :class:`training.detector.network.DetectorNetwork`.
        metadata: What the file says about itself.
    """
    names = [ROWS, *(f"{STATE}{index}" for index in range(len(network.inputs) - 1))]
    outputs = [PROBABILITIES, *(f"{NEXT_STATE}{index}" for index in range(len(network.inputs) - 1))]
    signature = [tf.TensorSpec(node.shape, tf.float32, name) for node, name in zip(network.inputs, names, strict=True)]

    def function(*given: Any) -> dict[str, Any]:
        return dict(zip(outputs, network(list(given), training=False), strict=True))

    return _convert(function, signature, metadata)


def _convert(function: Callable[..., Any], signature: Sequence[Any], metadata: Mapping[str, str]) -> bytes:
    # From a function that names its outputs, not from the model: that path fails for some kinds of model.
    traced = tf.function(function, input_signature=signature)
    model, _ = tf2onnx.convert.from_function(traced, input_signature=signature, opset=_OPSET)
    helper.set_model_props(model, dict(metadata))
    model.producer_name, model.doc_string = _PRODUCER, metadata["name"]
    return bytes(model.SerializeToString())
