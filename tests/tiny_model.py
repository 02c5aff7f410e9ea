"""Model files of a few bytes, right ones and wrong ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from fakes import LABELS
from onnx import TensorProto, helper, numpy_helper

from streamer.emotion.memory import Voiceprints
from streamer.emotion.model_file import INPUT_NAME, OUTPUT_NAME, ModelInfo
from streamer.settings import FeatureSettings
from streamer.speech.network import metadata as detector_metadata
from streamer.speech.rows import FRAMES_PER_ROW, NUM_COLUMNS

Shape = tuple[int | str, ...]


def model_info(**changes: Any) -> ModelInfo:
    """Return metadata of a model of four labels and 13 cepstra that changes nothing in its rows."""
    values: dict[str, Any] = {
        "name": "tiny",
        "labels": LABELS,
        "features": FeatureSettings(),
        "mean": (0.0,) * 13,
        "std": (1.0,) * 13,
        "temperature": 1.0,
        "uncertain_below": 0.0,
        "voiceprints": None,
        "data": [{"name": "none"}],
        "licence": {"spdx": "CC0-1.0", "attribution": ""},
        "figures": {},
    }
    return ModelInfo(**{**values, **changes})


def write_model(
    path: Path,
    metadata: Mapping[str, str] | None = None,
    *,
    weights: Any = None,
    input_name: str = INPUT_NAME,
    input_shape: Shape = ("num_rows", 13),
    input_type: int = TensorProto.FLOAT,
    output_name: str = OUTPUT_NAME,
    more_inputs: Mapping[str, Shape] | None = None,
    next_count: str = "next_state_count",
    each_row: bool = False,
) -> Path:
    """Write a network whose logits are the mean row so far times ``weights``, shape ``(num_columns, num_outputs)``.

    By default the logits of the four labels are the means of the first four columns; with ``each_row`` there are some
    for each row.
    """
    matrix = np.asarray(np.eye(13, 4) if weights is None else weights, np.float32)
    floats = {"state_count": (1,), "state_sums": (1, len(matrix)), **(more_inputs or {})}
    given = [helper.make_tensor_value_info(input_name, input_type, input_shape)]
    given += [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in floats.items()]
    num_rows_said = "any" if each_row else 1
    said: dict[str, Shape] = {output_name: (num_rows_said, matrix.shape[1])}
    said |= {next_count: (1,), "next_state_sums": (1, len(matrix))}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [input_name], ["as_float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["as_float", "first_axis"], ["sums"], keepdims=1),
            helper.make_node("Add", ["state_sums", "sums"], ["next_state_sums"]),
            helper.make_node("Shape", [input_name], ["num_rows"], start=0, end=1),
            helper.make_node("Cast", ["num_rows"], ["count"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["state_count", "count"], [next_count]),
            helper.make_node("Div", ["next_state_sums", next_count], ["mean"]),
            helper.make_node("MatMul", ["as_float" if each_row else "mean", "weights"], [output_name]),
        ],
        "tiny",
        given,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in said.items()],
        [numpy_helper.from_array(matrix, "weights"), numpy_helper.from_array(np.array([0]), "first_axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(model_info().to_metadata() if metadata is None else metadata))
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


VOICEPRINTS = Voiceprints(first=1, variance=(4.0, 4.0), temperature=2.0)


def write_hearing_model(path: Path) -> Path:
    """Write a model whose labels depend on what it hears."""
    weights = np.random.default_rng(0).normal(0, 0.4, (13, 4))
    info = model_info(mean=(5.0,) * 13, std=(10.0,) * 13, uncertain_below=0.3)
    return write_model(path, info.to_metadata(), weights=weights)


def adapting_info(**changes: Any) -> ModelInfo:
    """Return metadata of a model that tells voices apart by two of its cepstra."""
    return model_info(voiceprints=VOICEPRINTS, **changes)


def write_adapting_model(path: Path, metadata: Mapping[str, str] | None = None, *, size: int = 3) -> Path:
    """Write a network that adapts, of which ``mean`` is the mean row so far.

    It gives:

    - ``logits``, the first four of ``mean`` less the first number that is remembered of the voice;
    - ``logits_of_stranger``, the first four of ``mean``;
    - ``impressions``, the first three of ``mean``; of label number ``i`` the first is less by ``i``;
    - ``worth``, the last of ``mean``.
    """
    rows = ("num_rows", 13)
    floats = {"voice_weight": (1, 1), "voice_mean": (1, size), "voice_mean_square": (1, size)}
    floats |= {"state_count": (1,), "state_sums": (1, 13)}
    given = [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, rows)]
    given += [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in floats.items()]
    said = {"logits": (1, 4), "logits_of_stranger": (1, 4), "impressions": (4, 3), "worth": (1, 1)}
    said |= {"next_state_count": (1,), "next_state_sums": (1, 13)}
    shifts = np.zeros((4, 3), np.float32)
    shifts[:, 0] = np.arange(4)
    constants = {
        "first_axis": np.array([0]),
        "zero": np.array([0]),
        "one": np.array([1]),
        "three": np.array([3]),
        "four": np.array([4]),
        "twelve": np.array([12]),
        "thirteen": np.array([13]),
        "second_axis": np.array([1]),
        "shifts": shifts,
    }
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", [INPUT_NAME, "first_axis"], ["sums"], keepdims=1),
            helper.make_node("Add", ["state_sums", "sums"], ["next_state_sums"]),
            helper.make_node("Shape", [INPUT_NAME], ["num_rows"], start=0, end=1),
            helper.make_node("Cast", ["num_rows"], ["count"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["state_count", "count"], ["next_state_count"]),
            helper.make_node("Div", ["next_state_sums", "next_state_count"], ["mean"]),
            helper.make_node("Slice", ["mean", "zero", "four", "second_axis"], ["logits_of_stranger"]),
            helper.make_node("Slice", ["voice_mean", "zero", "one", "second_axis"], ["known"]),
            helper.make_node("Sub", ["logits_of_stranger", "known"], ["less"]),
            # The other inputs are there, and weigh nothing.
            helper.make_node("Slice", ["voice_mean_square", "zero", "one", "second_axis"], ["square"]),
            helper.make_node("Mul", ["square", "voice_weight"], ["others"]),
            helper.make_node("Sub", ["others", "others"], ["nothing"]),
            helper.make_node("Add", ["less", "nothing"], ["logits"]),
            helper.make_node("Slice", ["mean", "zero", "three", "second_axis"], ["impression"]),
            helper.make_node("Sub", ["impression", "shifts"], ["impressions"]),
            helper.make_node("Slice", ["mean", "twelve", "thirteen", "second_axis"], ["worth"]),
        ],
        "adapting",
        given,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in said.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(adapting_info().to_metadata() if metadata is None else metadata))
    path.write_bytes(model.SerializeToString())
    return path


def write_detector(path: Path, *, said: float = 0.5, width: int = FRAMES_PER_ROW, cast_to: int | None = None) -> Path:
    """Write a detector that says the same of everything, in the type ``cast_to``."""
    weights = numpy_helper.from_array(np.zeros((NUM_COLUMNS, width), np.float32), "weights")
    bias = numpy_helper.from_array(np.full(width, said, np.float32), "bias")
    nodes = [
        helper.make_node("MatMul", ["rows", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["probabilities"], to=cast_to or TensorProto.FLOAT),
    ]
    taken = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [1, None, NUM_COLUMNS])
    given = helper.make_tensor_value_info("probabilities", cast_to or TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "toy", [taken], [given], [weights, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, detector_metadata("toy", [], {}, {}))
    path.write_bytes(model.SerializeToString())
    return path
