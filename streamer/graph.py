"""What is in an ONNX file, looked at before onnxruntime does: the file of a stranger must do no harm.

Judged is what bounds time and memory, other files and code; whether it is a right model is for onnxruntime to say.
``docs/model-file.md`` tells what is refused. Numbers of fields are those of ``onnx.proto``; where one comes twice that
there may be once, protobuf joins or replaces, so that each of them is looked at.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from streamer.errors import ModelError

MOST_BYTES = 16_000_000
"""Of a file."""
_MOST_METADATA_BYTES = 2_000_000
"""Of what it says about itself, which takes some twenty times as much once it is read."""
_MOST_NODES = 5000
"""The bundled network for emotions has three hundred."""
_MOST_TAPS = 1000
"""Of the kernel of a convolution or pooling: it costs as many times what comes out."""
_MOST_AXES = 16
_MOST_FIELDS = 200_000
"""All that is looked at."""

_NUMBERS = (
    "Abs Add Ceil Clip Cos Div Erf Exp Floor Log Max Min Mul Neg Pow Reciprocal Round Sign Sin Sqrt Sub Sum "
    "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor "
    "Elu HardSigmoid LeakyRelu LogSoftmax PRelu Relu Selu Sigmoid Softmax Softplus Softsign Tanh"
)
_LAYERS = (
    "AveragePool BatchNormalization Conv Gemm GlobalAveragePool GlobalMaxPool LayerNormalization MatMul MaxPool "
    "CumSum ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare "
    "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QuantizeLinear"
)
_SHAPES = (
    "Cast Concat Constant ConstantOfShape Expand Flatten Gather Identity Pad Range Reshape Shape Size Slice Split "
    "Squeeze Transpose Unsqueeze"
)
OPERATORS = frozenset(f"{_NUMBERS} {_LAYERS} {_SHAPES}".split())
"""No control flow, and nothing that calls or reads anything else."""
OPERATORS_OF_SILERO = OPERATORS | {"If", "LSTM"}

_FLOAT, _INT64, _BOOL, _UNKNOWN = 1, 7, 9, 0
_FLOATS = frozenset({_FLOAT, 10, 11})  # of 16 and 64 bits, too
_TYPES_GIVEN = {
    **dict.fromkeys(("And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN"), _BOOL),
    **dict.fromkeys(("Less", "LessOrEqual", "Not", "Or", "Xor"), _BOOL),
    **dict.fromkeys(("Shape", "Size"), _INT64),
    **dict.fromkeys(("ConstantOfShape", "DequantizeLinear"), _FLOAT),
    **dict.fromkeys(("DynamicQuantizeLinear", "QuantizeLinear", "If"), _UNKNOWN),
}
"""Of what these operators give; others give what they take first, unless an attribute says otherwise."""


def check_graph(content: bytes, operators: Collection[str] = OPERATORS) -> None:
    """Look through a model.

    Args:
        content: Of the whole file.
        operators: That it may have; with ``If`` among them, graphs in its graph, too.

    Raises:
        ModelError: It may do harm, or is no ONNX.
    """
    try:
        _Reader(operators).read_model(memoryview(content))
    except (ValueError, IndexError, RecursionError) as error:
        raise ModelError("not a model that onnxruntime loads (it is no ONNX, or damaged)") from error


@dataclass
class _Tensor:
    name: bytes = b""
    kind: int = _UNKNOWN
    shape: list[int] = field(default_factory=list)


class _Reader:
    """Reads as much of protobuf as it takes to find what may do harm."""

    def __init__(self, operators: Collection[str]) -> None:
        self._operators = operators
        self._num_nodes = self._num_fields = 0
        self._kinds: dict[bytes, int] = {}  # of the values in the graph, as far as it was read
        self._weights: dict[bytes, list[int]] = {}  # shapes of those that are in the file

    def read_model(self, model: memoryview) -> None:
        num_about = 0
        for number, value in self._fields(model):
            if number == 14:
                num_about += len(_message(value))
            if num_about > _MOST_METADATA_BYTES:
                raise ModelError(f"the model says more than {_MOST_METADATA_BYTES} bytes about itself")
            if number in {20, 25}:
                raise ModelError("the model brings functions or training of its own, which are not run")
            if number == 7:
                self._read_graph(_message(value))

    def _read_graph(self, graph: memoryview) -> None:
        nodes = []
        for number, value in self._fields(graph):
            if number == 1:
                nodes.append(_message(value))
            elif number == 5:
                weights = self._tensor(_message(value))
                self._kinds[weights.name], self._weights[weights.name] = weights.kind, weights.shape
            elif number == 11:
                self._read_input(_message(value))
            elif number == 15:
                raise ModelError("the model has sparse weights, which are not read: export them as they are")
        self._num_nodes += len(nodes)
        if self._num_nodes > _MOST_NODES:
            raise ModelError(f"the network has more than {_MOST_NODES} nodes")
        for node in nodes:
            self._read_node(node)

    def _read_input(self, given: memoryview) -> None:
        name, kind = b"", _UNKNOWN
        for number, value in self._fields(given):
            if number == 1:
                name = bytes(_message(value))
            elif number == 2:
                for of_type, tensor in self._fields(_message(value)):
                    if of_type == 1:
                        found = dict(self._fields(_message(tensor))).get(1)
                        kind = found if isinstance(found, int) else _UNKNOWN
        self._kinds.setdefault(name, kind)

    def _read_node(self, node: memoryview) -> None:
        texts: dict[int, list[bytes]] = {1: [], 2: [], 4: [b""], 7: [b""]}
        attributes = []
        for number, value in self._fields(node):
            if number == 5:
                attributes.append(_message(value))
            elif number in texts:
                texts[number].append(bytes(_message(value)))
        inputs, outputs, operator, domain = texts[1], texts[2], _text(texts[4][-1]), _text(texts[7][-1])
        if operator not in self._operators or domain not in {"", "ai.onnx"}:
            name = f"{domain}.{operator}" if domain else operator
            raise ModelError(f"operator {name[:80]!r} is none of those that are run; docs/model-file.md lists them")
        kinds = [self._kinds.get(name, _UNKNOWN) for name in inputs] or [_UNKNOWN]
        kind = _TYPES_GIVEN.get(operator, kinds[1] if operator == "Where" and len(kinds) > 1 else kinds[0])
        for attribute in attributes:
            kind = self._read_attribute(operator, attribute, outputs, kind)
        if operator == "Div" and kind not in _FLOATS:
            raise ModelError("operator 'Div' of whole numbers is not run: onnxruntime does not survive all of them")
        if operator in {"Conv", "ConvInteger"}:
            shape = self._weights.get(inputs[1])
            if shape is None:
                raise ModelError(f"operator {operator!r} must have its weights in the file, and computes them")
            _check_taps(operator, shape[2:])
        self._kinds.update(dict.fromkeys(outputs, kind))

    def _read_attribute(self, operator: str, attribute: memoryview, outputs: list[bytes], kind: int) -> int:
        """Return the type of what the node gives, which is ``kind`` unless the attribute says otherwise."""
        found = list(self._fields(attribute))
        name = _text(b"".join(bytes(_message(value)) for number, value in found if number == 1))
        for number, value in found:
            if number == 3 and (operator, name) == ("Cast", "to") and isinstance(value, int):
                kind = value
            elif number == 5:
                tensor = self._tensor(_message(value))
                kind = tensor.kind
                if operator == "Constant":
                    self._weights.update(dict.fromkeys(outputs, tensor.shape))
            elif number == 6 and "If" in self._operators:
                self._read_graph(_message(value))
            elif number in {6, 11}:
                raise ModelError(f"operator {operator!r} has a graph of its own, which is not run")
            elif number in {10, 22, 23}:
                raise ModelError(f"operator {operator!r} has sparse weights or lists of weights, which are not read")
        if name == "kernel_shape":
            _check_taps(operator, [size for number, value in found if number == 8 for size in self._integers(value)])
        if (
            name == "group"
            and not 0 < next((v for number, v in found if number == 3 and isinstance(v, int)), 0) < 2**31
        ):
            raise ModelError(f"operator {operator!r} has no group of channels, which would end the process")
        return kind

    def _tensor(self, content: memoryview) -> _Tensor:
        tensor = _Tensor()
        for number, value in self._fields(content):
            if number == 1:
                tensor.shape += self._integers(value)
            elif number == 2 and isinstance(value, int):
                tensor.kind = value
            elif number == 8:
                tensor.name = bytes(_message(value))
            elif number in {13, 14} and value != 0:
                raise ModelError("the model keeps weights in another file, which is not read: save all in one file")
        if _product(tensor.shape) > 4 * len(content):  # none takes less than two bits
            raise ModelError(f"weights {_text(tensor.name)[:80]!r} are said to be of more numbers than the file holds")
        return tensor

    def _integers(self, value: memoryview | int) -> Iterator[int]:
        """Yield the numbers of a field that holds one of several, or all of them."""
        if isinstance(value, int):
            yield value
            return
        at = 0
        while at < len(value):
            self._count()
            number, at = _varint(value, at)
            yield number

    def _fields(self, message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
        """Yield the number of each field, and what it holds: bytes, or a number."""
        at = 0
        while at < len(message):
            self._count()
            tag, at = _varint(message, at)
            if tag >> 32:  # protobuf would leave out what is more, and read another field than we do
                raise ValueError("a field of a number beyond 32 bits")
            value: memoryview | int
            match tag & 7:
                case 0:
                    value, at = _varint(message, at)
                case 1 | 5 as wire:
                    size = 8 if wire == 1 else 4
                    value, at = int.from_bytes(message[at : at + size], "little"), at + size
                case 2:
                    size, at = _varint(message, at)
                    value, at = message[at : at + size], at + size
                case wire:
                    raise ValueError(f"fields of type {wire} are not ONNX's")
            if at > len(message):
                raise ValueError("a field goes on behind the end")
            yield tag >> 3, value

    def _count(self) -> None:
        self._num_fields += 1
        if self._num_fields > _MOST_FIELDS:
            raise ModelError(f"the model is put together of more than {_MOST_FIELDS} fields")


def _check_taps(operator: str, sizes: list[int]) -> None:
    if _product(sizes) > _MOST_TAPS:
        kernel = sizes if len(sizes) <= _MOST_AXES else f"{len(sizes)} axes"
        raise ModelError(f"operator {operator!r} has a kernel of {kernel}, allowed are {_MOST_TAPS} numbers")


def _product(sizes: list[int]) -> float:
    """Return the product of ``sizes``; of many, which take long to multiply, infinity."""
    return math.prod(sizes) if len(sizes) <= _MOST_AXES else math.inf


def _message(value: memoryview | int) -> memoryview:
    """Return the bytes of a field that must hold some."""
    if isinstance(value, int):
        raise ValueError("a number instead of bytes")  # noqa: TRY004  # what is wrong is the file
    return value


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins ``at``, and where the next begins."""
    if message[at] < 0x80:
        return message[at], at + 1
    number = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number of more than ten bytes")
