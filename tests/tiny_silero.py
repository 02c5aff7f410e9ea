"""A stand-in of a few bytes with the inputs and outputs of silero_vad.onnx: loud windows are speech."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def write_silero(path: Path, *, inputs: tuple[str, ...] = ("input", "state", "sr"), factor: float = 20.0) -> Path:
    """Write a network whose probability is ``factor`` times the mean magnitude, at most 1.

    The state counts how often it was asked.
    """
    shapes = {
        "input": (TensorProto.FLOAT, [None, None]),
        "state": (TensorProto.FLOAT, [2, None, 128]),
        "sr": (TensorProto.INT64, []),
    }
    given = [helper.make_tensor_value_info(name, *shapes.get(name, (TensorProto.FLOAT, [1]))) for name in inputs]
    graph = helper.make_graph(
        [
            helper.make_node("Abs", ["input"], ["magnitude"]),
            helper.make_node("ReduceMean", ["magnitude"], ["mean"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["mean", "factor"], ["raised"]),
            helper.make_node("Min", ["raised", "one"], ["output"]),
            helper.make_node("Add", ["state", "one"], ["stateN"]),
        ],
        "tiny silero",
        given,
        [
            helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("stateN", TensorProto.FLOAT, [None, None, None]),
        ],
        [
            numpy_helper.from_array(np.array(factor, np.float32), "factor"),
            numpy_helper.from_array(np.array(1.0, np.float32), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
