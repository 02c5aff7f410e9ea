"""Model files: a network that can be asked, for emotions or speech, or refused; quickly, and without much memory.

Bytes alone would hardly ever make another network: whole parts of it are changed.
"""

import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from tiny_model import write_adapting_model, write_detector, write_model
from tiny_silero import write_silero

from fuzz import mutated_bytes
from fuzz.outcome import as_file, result_or_one_line
from streamer.commands import _outline
from streamer.emotion.classifier import OnnxClassifier
from streamer.emotion.model_file import UNCERTAIN
from streamer.graph import OPERATORS
from streamer.settings import SpeechSettings
from streamer.speech.network import SpeechNetwork
from streamer.speech.rows import NUM_COLUMNS
from streamer.speech.silero import SileroDetector

_HARMFUL = ("If", "Loop", "Scan", "Mod", "Tile", "Resize", "OneHot", "NonZero", "RandomNormal", "SequenceEmpty", "LSTM")
_NODES = sorted({*OPERATORS, *_HARMFUL})
_SIZES = (0, 1, 2, 3, 4, 5, 13, 100, -1, -2, 1000, 2**20, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
_ATTRIBUTES = (
    "axis",
    "axes",
    "to",
    "perm",
    "keepdims",
    "group",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "mode",
)
_TEXTS = ("", "0", "-1", "1e999", "NaN", "null", "[]", "{}", '"a"', "[" * 400 + "]" * 400, "\r\u2028", "x" * 3000)


def check(data: bytes) -> None:
    """Load ``data`` as each kind of model, and ask it."""
    random_rows = np.random.default_rng(0).standard_normal((130, 64)).astype(np.float32)
    with as_file(data, "x.onnx") as path:
        with result_or_one_line():
            _ask_for_emotions(OnnxClassifier(path), random_rows)
        with result_or_one_line():
            network = SpeechNetwork(path)
            for rows in np.split(random_rows[:, :NUM_COLUMNS], (1, 8)):
                assert np.isfinite(network.push(rows)).all()
        with result_or_one_line():
            detector = SileroDetector(SpeechSettings(), path)
            detector.push(np.full((50, 320), 9000, np.int16))
            assert np.isfinite(detector.judge(is_last=True)[0]).all()


def _ask_for_emotions(classifier: OnnxClassifier, random_rows: np.ndarray[Any, Any]) -> None:
    with result_or_one_line():
        classifier.self_test()
    assert all("\n" not in line for line in _outline(asdict(classifier.info)))
    for rows in np.split(random_rows[:, : classifier.features.num_columns], (1, 8)):
        classifier.push(rows)
        posterior = classifier.posterior()
        assert np.isfinite(posterior).all()
        assert abs(posterior.sum() - 1.0) < 1e-6
        assert classifier.decide(posterior) in {*classifier.labels, UNCERTAIN}
        assert classifier.heard_before >= 0
        classifier.learn()


def seeds() -> list[bytes]:
    """Return a network of each kind."""
    write: list[Callable[[Path], Path]] = [write_model, write_adapting_model, write_detector, write_silero]
    with tempfile.TemporaryDirectory() as folder:
        return [each(Path(folder) / "x.onnx").read_bytes() for each in write]


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Return ``data`` with something about its network changed, where it is ONNX."""
    try:
        model = onnx.load_from_string(data)
        for _ in range(dice.randint(1, 3)):
            dice.choice(_CHANGES)(model, dice)
        changed: bytes = model.SerializeToString()
    except (DecodeError, ValueError, TypeError, IndexError):
        return mutated_bytes(data, dice)
    return mutated_bytes(changed, dice) if dice.random() < 0.05 else changed


def _replace_operator(model: Any, dice: random.Random) -> None:
    dice.choice(model.graph.node).op_type = dice.choice(_NODES)


def _insert_node(model: Any, dice: random.Random) -> None:
    place = dice.randrange(len(model.graph.node) + 1)
    names = [name for node in model.graph.node[:place] for name in node.output]
    names += [weights.name for weights in model.graph.initializer] + [given.name for given in model.graph.input]
    name = f"made_{dice.randrange(10**6)}"
    inputs = [dice.choice(names) for _ in range(dice.choice((1, 1, 2, 2, 3, 4)))]
    operator = dice.choice(_NODES)
    made = helper.make_node(operator, inputs, [name], **_attributes(operator, dice))
    later = model.graph.node[place] if place < len(model.graph.node) else None
    if later is not None and later.input:
        later.input[dice.randrange(len(later.input))] = name
    model.graph.node.insert(place, made)


def _attributes(operator: str, dice: random.Random) -> dict[str, Any]:
    if operator == "Cast":
        return {"to": dice.choice((1, 1, 11, 7, 7, 6, 9, 2, 8, 10, 16))}
    if operator in {"If", "Loop", "Scan"}:
        return {"body": helper.make_graph([], "inner", [], [])}
    if operator == "Constant":
        return {"value": _weights("", dice)}
    made: dict[str, Any] = {}
    while dice.random() < 0.5:
        sizes = [dice.choice(_SIZES) for _ in range(dice.randrange(4))]
        made[dice.choice(_ATTRIBUTES)] = dice.choice((sizes or 1, dice.choice(_SIZES)))
    return made


def _weights(name: str, dice: random.Random) -> Any:
    if dice.random() < 0.5:
        return numpy_helper.from_array(
            np.array([dice.choice(_SIZES) for _ in range(dice.randrange(5))], np.int64), name
        )
    shape = [dice.choice((1, 2, 3, 13)) for _ in range(dice.randrange(4))]
    value = dice.choice((0.0, 1.0, -1.0, 1e30, np.nan, np.inf))
    return numpy_helper.from_array(np.full(shape, value, np.float32), name)


def _rewire(model: Any, dice: random.Random) -> None:
    one, other = dice.choice(model.graph.node), dice.choice(model.graph.node)
    one.input[dice.randrange(len(one.input))] = dice.choice([*other.input, *other.output])


def _remove_node(model: Any, dice: random.Random) -> None:
    del model.graph.node[dice.randrange(len(model.graph.node))]


def _change_attribute(model: Any, dice: random.Random) -> None:
    node = dice.choice(model.graph.node)
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(*item) for item in _attributes(node.op_type, dice).items())


def _change_weights(model: Any, dice: random.Random) -> None:
    weights = dice.choice(model.graph.initializer)
    match dice.randrange(5):
        case 0:
            weights.dims[:] = [dice.choice(_SIZES) for _ in range(dice.randrange(4))]
        case 1:
            weights.data_type = dice.randrange(25)
        case 2:
            weights.data_location = TensorProto.EXTERNAL
            weights.external_data.add(key="location", value=dice.choice(("/etc/passwd", "../../x", "x.onnx", "")))
        case 3:
            weights.raw_data = mutated_bytes(weights.raw_data, dice)
        case _:
            weights.CopyFrom(_weights(weights.name, dice))


def _change_shape(model: Any, dice: random.Random) -> None:
    value = dice.choice([*model.graph.input, *model.graph.output])
    tensor = value.type.tensor_type
    if dice.random() < 0.2:
        tensor.elem_type = dice.randrange(20)
    elif tensor.shape.dim and dice.random() < 0.8:
        size = dice.choice(tensor.shape.dim)
        if dice.random() < 0.2:
            size.dim_param = "any"
        else:
            size.dim_value = dice.choice(_SIZES)
    else:
        tensor.shape.dim.add(dim_value=dice.choice(_SIZES))


def _rename(model: Any, dice: random.Random) -> None:
    value = dice.choice([*model.graph.input, *model.graph.output])
    value.name = dice.choice(("rows", "logits", "state_x", "next_state_x", "voice_mean", "worth", "\n", ""))


def _change_metadata(model: Any, dice: random.Random) -> None:
    entry = dice.choice(model.metadata_props)
    match dice.randrange(4):
        case 0:
            entry.value = dice.choice(_TEXTS)
        case 1:
            model.metadata_props.remove(entry)
        case 2:
            values = json.loads(entry.value)
            if isinstance(values, dict) and values:
                values[dice.choice(sorted(values))] = json.loads(dice.choice(_TEXTS))
            entry.value = json.dumps(values)
        case _:
            entry.key = dice.choice(("self_test", "kind", "format", "voice"))


def _add_what_is_not_run(model: Any, dice: random.Random) -> None:
    match dice.randrange(4):
        case 0:
            model.functions.add(name="Add", domain="")
        case 1:
            dice.choice(model.graph.node).domain = dice.choice(("com.microsoft", "ai.onnx.ml", "x", "ai.onnx"))
        case 2:
            model.training_info.add()
        case _:
            model.graph.sparse_initializer.add(dims=[2**40])


_CHANGES: tuple[Callable[[Any, random.Random], None], ...] = (
    *(_insert_node,) * 6,
    *(_rewire,) * 2,
    *(_change_attribute,) * 2,
    *(_change_weights,) * 3,
    *(_change_shape,) * 2,
    *(_change_metadata,) * 3,
    _replace_operator,
    _remove_node,
    _rename,
    _add_what_is_not_run,
)
