"""Model files that mean harm are refused, in one line, before they take time, memory or other files."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hostile_models import HOSTILE, computing, node
from onnx import helper
from tiny_model import model_info, write_adapting_model, write_detector, write_model
from tiny_silero import write_silero

from streamer import onnx as onnx_files
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.errors import ModelError
from streamer.graph import OPERATORS, check_graph
from streamer.settings import SpeechSettings
from streamer.speech.network import BUNDLED_DETECTOR
from streamer.speech.silero import SileroDetector

MOST_TRIAL = onnx_files._MOST_TRIAL_S


@pytest.mark.parametrize("name", [name for name in HOSTILE if "500 times" not in name])
def test_what_means_harm_is_refused(tmp_path: Path, name: str) -> None:
    make, complaint = HOSTILE[name]
    path = tmp_path / "x.onnx"
    path.write_bytes(make())

    with pytest.raises(ModelError) as caught:
        OnnxClassifier(path)

    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert complaint in message
    assert "\n" not in message


def test_what_takes_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_files, "_MOST_TRIAL_S", 0.05)
    products = [node("MatMul", [f"m{k}", "m0"], [f"m{k + 1}"]) for k in range(4000)]
    path = tmp_path / "x.onnx"
    path.write_bytes(
        computing(
            [node("Expand", ["one", "n"], ["m0"]), *products, node("Abs", ["m4000"], ["huge"])],
            {"one": 1e-3, "n": [800, 800]},
        )
    )

    with pytest.raises(
        ModelError, match=r"the network fails on an input of shape \(1, 13\) \(it takes more than 0\.05 s"
    ):
        OnnxClassifier(path)


def test_nothing_but_the_model_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that really are beside the file are not taken."""
    path = write_model(tmp_path / "x.onnx")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="x.weights", size_threshold=0)
    assert (tmp_path / "x.weights").is_file()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ModelError, match="keeps weights in another file, which is not read: save all in one file"):
        OnnxClassifier(path)


@pytest.mark.parametrize("path", [BUNDLED_MODEL, BUNDLED_DETECTOR], ids=lambda path: path.stem)
def test_the_bundled_models_are_taken(path: Path) -> None:
    check_graph(path.read_bytes())


@pytest.mark.parametrize("write", [write_model, write_adapting_model, write_detector, write_silero])
def test_small_ones_are_taken(tmp_path: Path, write: Any) -> None:
    check_graph(write(tmp_path / "x.onnx").read_bytes())


def test_silero_may_choose_between_graphs_and_others_may_not(tmp_path: Path) -> None:
    model = onnx.load(write_silero(tmp_path / "x.onnx"))
    branch = helper.make_graph(
        [node("Identity", ["input"], ["same"])],
        "branch",
        [],
        [helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, None)],
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "on"))
    model.graph.node.insert(0, node("If", ["on"], ["chosen"], then_branch=branch, else_branch=branch))
    model.graph.node[1].input[0] = "chosen"
    path = tmp_path / "x.onnx"
    onnx.save(model, path)

    assert SileroDetector(SpeechSettings(), path).name == "silero"
    with pytest.raises(ModelError, match="operator 'If' is none of those"):
        check_graph(path.read_bytes())


def test_what_silero_may_not_do_is_found_within_its_graphs(tmp_path: Path) -> None:
    model = onnx.load(write_silero(tmp_path / "x.onnx"))
    body = helper.make_graph([node("Loop", [""], ["x"])], "branch", [], [])
    model.graph.node.insert(0, node("If", ["on"], ["chosen"], then_branch=body, else_branch=body))
    onnx.save(model, tmp_path / "x.onnx")

    with pytest.raises(ModelError, match="operator 'Loop' is none of those"):
        SileroDetector(SpeechSettings(), tmp_path / "x.onnx")


@pytest.mark.parametrize(
    "content",
    [
        b"\x3a",  # a graph that is not there
        b"\x3a\xff\xff\xff\xff\x0f",  # one that goes on behind the end
        b"\x38\x01",  # a number for a graph
        b"\x3b\x3c",  # a group
        b"\xff" * 11,  # a number without end
        b"\xba\x80\x80\x80\x20\x00",  # a field that protobuf would take for that of the graph
        b"\x3a\x02\x0a\x05",
    ],
    ids=bytes.hex,
)
def test_what_is_no_protobuf_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="not a model that onnxruntime loads"):
        check_graph(content)


def test_numbers_of_eight_and_four_bytes_are_stepped_over() -> None:
    check_graph(b"\x09" + bytes(8) + b"\x0d" + bytes(4))


def test_sizes_may_be_packed() -> None:
    """Protobuf takes both ways to write several numbers."""
    packed_shape = b"\x0a\x06" + b"\xff\xff\x03" + b"\xff\xff\x03"  # 65535 x 65535
    graph = b"\x2a" + bytes([len(packed_shape)]) + packed_shape

    with pytest.raises(ModelError, match="are said to be of more numbers than the file holds"):
        check_graph(b"\x3a" + bytes([len(graph)]) + graph)


def test_a_hundred_thousand_axes_are_not_multiplied() -> None:
    content = computing([node("MaxPool", ["row"], ["huge"], kernel_shape=[2**62] * 100_000)], {})

    with pytest.raises(ModelError, match="operator 'MaxPool' has a kernel of 100000 axes"):
        check_graph(content)


@pytest.mark.parametrize(
    "attribute",
    [
        helper.make_attribute("values", [onnx.numpy_helper.from_array(np.zeros(1))]),
        onnx.AttributeProto(name="value", sparse_tensor=onnx.SparseTensorProto(dims=[2**40])),
    ],
    ids=["list", "sparse"],
)
def test_weights_in_lists_or_sparse_ones_are_refused(attribute: Any) -> None:
    constant = node("Constant", [], ["huge"])
    constant.attribute.append(attribute)

    with pytest.raises(ModelError, match="operator 'Constant' has sparse weights or lists of weights"):
        check_graph(computing([constant], {}))


@pytest.mark.parametrize("kind", ["Conv", "ConvInteger"])
def test_a_kernel_that_is_too_large_is_refused(kind: str) -> None:
    content = computing([node(kind, ["signal", "kernel"], ["huge"])], {"signal": [[[1]]], "kernel": [[[1] * 1001]]})

    with pytest.raises(ModelError, match=rf"operator '{kind}' has a kernel of \[1001\], allowed are 1000 numbers"):
        check_graph(content)


@pytest.mark.parametrize(
    ("made", "is_refused"),
    [
        ([node("Cast", ["row"], ["a"], to=onnx.TensorProto.INT64)], True),
        ([node("Shape", ["row"], ["a"])], True),
        ([node("Where", ["on", "whole", "whole"], ["a"])], True),
        ([node("Constant", [], ["a"], value=onnx.numpy_helper.from_array(np.array([1])))], True),
        ([node("ConstantOfShape", ["whole"], ["a"], value=onnx.numpy_helper.from_array(np.array([1])))], True),
        ([node("QuantizeLinear", ["row", "row"], ["a"])], True),
        ([node("ConstantOfShape", ["whole"], ["a"])], False),
        ([node("Cast", ["whole"], ["a"], to=onnx.TensorProto.DOUBLE)], False),
        ([node("Abs", ["row"], ["a"])], False),
        ([node("Add", ["rows", "rows"], ["a"])], False),
    ],
    ids=lambda value: value[0].op_type if isinstance(value, list) else str(value),
)
def test_only_floats_are_divided(made: list[Any], is_refused: bool) -> None:
    content = computing([*made, node("Div", ["a", "a"], ["huge"])], {"whole": [2]})

    if is_refused:
        with pytest.raises(ModelError, match="operator 'Div' of whole numbers is not run"):
            check_graph(content)
    else:
        check_graph(content)


def test_what_is_said_of_a_model_must_be_text(tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.onnx", {**model_info().to_metadata(), "name": "NAME-OF-IT"})
    path.write_bytes(path.read_bytes().replace(b"NAME-OF-IT", b"NAME-OF-\xff\xfe"))

    with pytest.raises(ModelError, match=r"not a model that onnxruntime loads \('utf-8' codec can't decode"):
        OnnxClassifier(path)


def test_the_operators_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parent.parent / "docs" / "model-file.md").read_text(encoding="utf-8")
    listed = page.partition("## What is run")[2].partition("\n## ")[0]

    assert set(OPERATORS) == {
        word
        for line in listed.splitlines()
        if line.startswith("- ")
        for word in line.partition(": ")[2].rstrip(".").split(", ")
    }
