"""Keras to ONNX; the only user of tf2onnx and onnx."""

from typing import Any

import tensorflow as tf
import tf2onnx
from onnx import helper

from streamer.emotion.model_file import INPUT_NAME, OUTPUT_NAME, ModelInfo

_OPSET = 17  # the newest that tf2onnx writes reliably
_PRODUCER = "emotion-streamer export"


def to_onnx(network: Any, info: ModelInfo) -> bytes:
    """Return the model file of ``network`` with ``info`` as its metadata.

    Args:
        network: A Keras model from rows, shape ``(batch, time, num_cepstra)``, to logits.
        info: What the file says about itself.
    """
    # From a function that names its outputs, not from the model: that path fails for some kinds of model.
    signature = [tf.TensorSpec((1, None, info.features.num_cepstra), tf.float32, name=INPUT_NAME)]
    function = tf.function(lambda rows: {OUTPUT_NAME: network(rows, training=False)}, input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=_OPSET)
    helper.set_model_props(model, info.to_metadata())
    model.producer_name, model.doc_string = _PRODUCER, info.name
    return bytes(model.SerializeToString())
