"""Model files that mean harm: what each is, and what it is refused with; run as a program, what refusing it costs."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_model import write_model

node = helper.make_node


def changed(change: Callable[[Any], Any]) -> bytes:
    """Return the tiny model after ``change``."""
    with tempfile.TemporaryDirectory() as folder:
        model = onnx.load(write_model(Path(folder) / "x.onnx"))
    change(model)
    return bytes(model.SerializeToString())


def computing(nodes: Sequence[Any], constants: Mapping[str, Any]) -> bytes:
    """Return the tiny model, which also computes ``nodes``, to ``huge``, and adds the sum of that to its logits."""

    def change(model: Any) -> None:
        last = model.graph.node[-1]
        (name,) = last.output
        last.output[:] = ["small"]
        more = [
            *nodes,
            node("Cast", ["huge"], ["huge_floats"], to=TensorProto.FLOAT),
            node("ReduceSum", ["huge_floats"], ["total"], keepdims=0),
            node("Add", ["small", "total"], [name]),
        ]
        model.graph.node.extend(more)
        given = {"shape": [1, -1], "tall": [-1, 1], "row": [[1.0] * 13], **constants}
        model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v, _kind(v)), k) for k, v in given.items())

    return changed(change)


def _kind(value: Any) -> Any:
    return np.float32 if np.asarray(value).dtype.kind == "f" else np.int64


def _outside(location: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        weights = model.graph.initializer[0]
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=location)

    return change


def _outside_in_a_node(model: Any) -> None:
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.insert(0, node("Constant", [], ["t"], value=tensor))


def _graph_within() -> Any:
    said = [helper.make_tensor_value_info("on", TensorProto.BOOL, [])]
    given = [helper.make_tensor_value_info("index", TensorProto.INT64, []), *said]
    return helper.make_graph([node("Identity", ["on"], ["out"])], "inner", given, said)


def _add_state(model: Any) -> None:
    for name, values in (("state_huge", model.graph.input), ("next_state_huge", model.graph.output)):
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [2**20, 2**20]))
    model.graph.node.append(node("Abs", ["state_huge"], ["next_state_huge"]))


def _metadata(model: Any) -> None:
    helper.set_model_props(model, {"format": "3", "figures": "[" + "{}," * 1_000_000 + "{}]"})


_BEYOND = "takes more than 256 MiB of memory"

HOSTILE: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "weights in /etc/passwd": (lambda: changed(_outside("/etc/passwd")), "keeps weights in another file"),
    "weights in ../x": (lambda: changed(_outside("../x")), "keeps weights in another file"),
    "a constant in /etc/passwd": (lambda: changed(_outside_in_a_node), "keeps weights in another file"),
    "weights said to be 2^40 numbers": (
        lambda: changed(lambda model: model.graph.initializer[0].dims.__setitem__(0, 2**40)),
        "are said to be of more numbers than the file holds",
    ),
    "2^40 sparse weights": (
        lambda: changed(lambda model: model.graph.sparse_initializer.add(dims=[2**40])),
        "sparse weights",
    ),
    "a state of 2^40 numbers": (lambda: changed(_add_state), "must be at most 1000000 numbers"),
    "Loop of 2^62 turns": (
        lambda: computing([node("Loop", ["turns", ""], ["huge"], body=_graph_within())], {"turns": 2**62}),
        "operator 'Loop' is none of those that are run",
    ),
    "If": (
        lambda: computing(
            [node("If", ["on"], ["huge"], then_branch=_graph_within(), else_branch=_graph_within())], {"on": 1}
        ),
        "operator 'If' is none of those that are run",
    ),
    "Scan": (
        lambda: computing([node("Scan", ["row"], ["huge"], body=_graph_within(), num_scan_inputs=1)], {}),
        "operator 'Scan' is none of those that are run",
    ),
    "a graph in a harmless operator": (
        lambda: computing([node("Abs", ["row"], ["huge"], body=_graph_within())], {}),
        "operator 'Abs' has a graph of its own",
    ),
    "an operator of others": (
        lambda: computing([node("Gelu", ["row"], ["huge"], domain="com.microsoft")], {}),
        "operator 'com.microsoft.Gelu' is none of those that are run",
    ),
    "a function that is called Add": (
        lambda: changed(lambda model: model.functions.add(name="Add", domain="")),
        "functions or training of its own",
    ),
    "Tile": (lambda: computing([node("Tile", ["row", "n"], ["huge"])], {"n": [2**20, 2**20]}), "operator 'Tile'"),
    "ConstantOfShape of 2^40": (
        lambda: computing([node("ConstantOfShape", ["n"], ["huge"])], {"n": [2**20, 2**20]}),
        _BEYOND,
    ),
    "ConstantOfShape of 2^31": (
        lambda: computing([node("ConstantOfShape", ["n"], ["huge"])], {"n": [2**31]}),
        _BEYOND,
    ),
    "Expand to 2^40": (
        lambda: computing([node("Expand", ["one", "n"], ["huge"])], {"one": 1.0, "n": [2**20, 2**20]}),
        _BEYOND,
    ),
    "Range of 2^40": (
        lambda: computing([node("Range", ["from", "to", "by"], ["huge"])], {"from": 0, "to": 2**40, "by": 1}),
        _BEYOND,
    ),
    "Range of 2^30, computed": (
        lambda: computing(
            [node("Mul", ["to", "to"], ["end"]), node("Range", ["from", "end", "by"], ["huge"])],
            {"from": 0, "to": 2**15, "by": 1},
        ),
        _BEYOND,
    ),
    "Pad by 2^40": (
        lambda: computing([node("Pad", ["row", "n"], ["huge"])], {"n": [0, 0, 2**40, 0]}),
        _BEYOND,
    ),
    "doubled forty times": (
        lambda: computing(
            [
                *(node("Concat", ["row" if k == 0 else f"d{k}"] * 2, [f"d{k + 1}"], axis=0) for k in range(39)),
                node("Concat", ["d39", "d39"], ["huge"], axis=0),
            ],
            {},
        ),
        _BEYOND,
    ),
    "squared by broadcasting five times": (
        lambda: computing(
            [
                step
                for k in range(5)
                for step in (
                    node("Reshape", ["row" if k == 0 else f"s{k}", "shape"], [f"a{k}"]),
                    node("Reshape", ["row" if k == 0 else f"s{k}", "tall"], [f"b{k}"]),
                    node("Add", [f"a{k}", f"b{k}"], ["huge" if k == 4 else f"s{k + 1}"]),
                )
            ],
            {},
        ),
        _BEYOND,
    ),
    "a product of 4000 x 4000, 500 times": (
        lambda: computing(
            [
                node("Expand", ["one", "n"], ["m0"]),
                *(node("MatMul", [f"m{k}", "m0"], ["huge" if k == 499 else f"m{k + 1}"]) for k in range(500)),
            ],
            {"one": 1e-4, "n": [4000, 4000]},
        ),
        "takes more than 10 s",
    ),
    "a kernel of 2^20, computed": (
        lambda: computing(
            [
                node("Expand", ["one", "n"], ["w"]),
                node("Expand", ["one", "n"], ["x"]),
                node("Conv", ["x", "w"], ["huge"]),
            ],
            {"one": 1.0, "n": [1, 1, 2**20]},
        ),
        "'Conv' must have its weights in the file",
    ),
    "no group of channels": (
        lambda: computing(
            [
                node("Slice", ["x", "zero", "zero", "one_axis"], ["nothing"]),
                node("Conv", ["nothing", "w"], ["huge"], group=0),
            ],
            {"x": np.ones((1, 4, 8), np.float32), "w": np.ones((0, 1, 3), np.float32), "zero": [0], "one_axis": [1]},
        ),
        "has no group of channels",
    ),
    "pooling over 2^20": (
        lambda: computing(
            [node("Expand", ["one", "n"], ["x"]), node("MaxPool", ["x"], ["huge"], kernel_shape=[2**20])],
            {"one": 1.0, "n": [1, 1, 2**22]},
        ),
        "has a kernel of [1048576]",
    ),
    "the least integer by -1": (
        lambda: computing([node("Div", ["least", "by"], ["huge"])], {"least": [-(2**63)], "by": [-1]}),
        "'Div' of whole numbers",
    ),
    "6000 operators": (
        lambda: computing(
            [
                node("Abs", ["row"], ["a0"]),
                *(node("Abs", [f"a{k}"], [f"a{k + 1}"]) for k in range(6000)),
                node("Abs", ["a6000"], ["huge"]),
            ],
            {},
        ),
        "more than 5000 nodes",
    ),
    "3 MB about itself": (lambda: changed(_metadata), "says more than 2000000 bytes about itself"),
    "17 MB": (lambda: bytes(17_000_000), "has at most 16000000 bytes"),
    "16 MB of empty fields": (lambda: b"\x42\0" * 8_000_000, "put together of more than 200000 fields"),
    "another format of onnxruntime's": (lambda: b"\x3a\0\0\0ORTM" + bytes(100), "not a model that onnxruntime loads"),
}


def cost(name: str) -> str:
    """Return what it takes this process to refuse a model, and the reason."""
    from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
    from streamer.errors import ModelError

    OnnxClassifier(BUNDLED_MODEL)  # onnxruntime is loaded
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.onnx"
        path.write_bytes(HOSTILE[name][0]())
        before_kib, started_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        try:
            OnnxClassifier(path)
            refusal = "loaded"
        except ModelError as error:
            refusal = str(error).removeprefix(f"{path}: ")
        seconds = time.monotonic() - started_s
        more_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    return f"| {name} | {1e3 * seconds:.0f} ms | {more_mib:.0f} MiB | {refusal} |"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(cost(sys.argv[1]))
    else:
        for each in HOSTILE:
            done = subprocess.run([sys.executable, __file__, each], check=False, stdout=subprocess.PIPE, text=True)
            print(done.stdout.strip() or f"| {each} | exit status {done.returncode} |", flush=True)
