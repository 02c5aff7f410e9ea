"""Keras to ONNX; the only user of tf2onnx and onnx."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf2onnx
from onnx import helper

from export.stepwise import stepwise
from streamer.emotion.model_file import INPUT_NAME, ModelInfo, SelfTest
from streamer.onnx import NEXT_STATE, STATE
from streamer.speech.network import PROBABILITIES, ROWS
from training.networks import Network

_OPSET = 17  # the newest that tf2onnx writes reliably
_PRODUCER = "emotion-streamer export"


def to_onnx(network: Network, info: ModelInfo, self_test: SelfTest) -> bytes:
    """Return the model file of ``network`` in the form that streams, with ``info`` and ``self_test`` as metadata."""
    streaming = stepwise(network)
    rows = tf.TensorSpec((None, info.features.num_columns), tf.float32, INPUT_NAME)
    context = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in streaming.context.items()]
    states = [tf.TensorSpec(spec.shape, spec.dtype, STATE + name) for name, spec in streaming.state.items()]

    def function(rows: Any, *given: Any) -> dict[str, Any]:
        outputs, following = streaming.step(rows, given[: len(context)], given[len(context) :])
        return {**outputs, **_named(streaming.state, following)}

    return _convert(function, [rows, *context, *states], {**info.to_metadata(), **self_test.to_metadata()})


def detector_to_onnx(network: Any, metadata: Mapping[str, str]) -> bytes:
    """Return the model file of a detector with ``metadata``.

    Args:
        network: A Keras model from rows and states to probabilities and the next states; see
            :class:`training.detector.network.DetectorNetwork`.
        metadata: What the file says about itself.
    """
    names = [str(index) for index in range(len(network.inputs) - 1)]
    inputs = zip(network.inputs, [ROWS, *(STATE + name for name in names)], strict=True)

    def function(*given: Any) -> dict[str, Any]:
        probabilities, *following = network(list(given), training=False)
        return {PROBABILITIES: probabilities, **_named(names, following)}

    return _convert(function, [tf.TensorSpec(node.shape, tf.float32, name) for node, name in inputs], metadata)


def _named(names: Iterable[str], states: Iterable[Any]) -> dict[str, Any]:
    return {NEXT_STATE + name: state for name, state in zip(names, states, strict=True)}


def _convert(function: Callable[..., Any], signature: Sequence[Any], metadata: Mapping[str, str]) -> bytes:
    # From a function that names its outputs, not from the model: that path fails for some kinds of model.
    traced = tf.function(function, input_signature=signature)
    model, _ = tf2onnx.convert.from_function(traced, input_signature=signature, opset=_OPSET)
    helper.set_model_props(model, dict(metadata))
    model.producer_name, model.doc_string = _PRODUCER, metadata["name"]
    return bytes(model.SerializeToString())
