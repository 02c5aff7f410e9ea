"""Networks in ONNX files; the only user of onnxruntime."""

import contextlib
import copy
import functools
import math
import os
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ModelError
from streamer.graph import MOST_BYTES, OPERATORS, check_graph

# The compiled halves of hashlib, which itself loads OpenSSL: 3 MiB.
if sys.version_info >= (3, 12):
    from _sha2 import sha256
else:
    from _sha256 import sha256

DETECTOR_KIND = "speech"
"""Under the key ``kind`` of a detector; a network for emotions has no such key."""

STATE, NEXT_STATE = "state_", "next_state_"

MOST_MEMORY_BYTES = 256 << 20
"""Of all networks in the process together, beside what is in their files; the bundled ones take some MiB."""
_MOST_TRIAL_S = 10.0
_MOST_NUMBERS_CARRIED = 1_000_000
_MOST_FOLDED_BYTES = 1 << 20
_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


class StreamingNetwork:
    """A network that takes a stream in chunks, and carries along what it needs of those before.

    What its outputs called ``next_state_...`` give goes into the inputs ``state_...`` with the next chunk; at the
    start these are zeros. Other inputs than the chunk are its ``context``: they stay as they are until a reset.
    """

    def __init__(
        self, path: Path, session: Any, input_name: str, output_names: Sequence[str], context: Sequence[str] = ()
    ) -> None:
        """Take the ``session`` of the model at ``path``, and check the names of what goes in and out.

        Args:
            path: For messages.
            session: What :func:`open_session` gives.
            input_name: Takes the chunks.
            output_names: What :meth:`push` returns.
            context: Further inputs, floats of a fixed shape: zeros at first.

        Raises:
            ModelError: It has other inputs or outputs.
        """
        self._path, self._session, self._input_name = path, session, input_name
        given = {node.name: node for node in self._session.get_inputs()}
        said = {node.name: node for node in self._session.get_outputs()}
        states = [name for name in given if name.startswith(STATE)]
        if set(given) != {input_name, *context, *states} or not set(output_names) <= set(said):
            raise ModelError(
                f"{path}: the network must take {_listed(input_name, *context)} and give {_listed(*output_names)}, "
                f"got {list(given)} and {list(said)}"
            )
        self.input, self.outputs = given[input_name], [said[name] for name in output_names]
        self._zeros = {name: _zeros(path, given[name]) for name in states}
        self.context = {name: _zeros(path, given[name]) for name in context}
        self._output_names = [*output_names, *(_next(name) for name in states)]
        self._run_options: Any = None
        lacking = [name for name in self._output_names if name not in said]
        if lacking:
            raise ModelError(f"{path}: the network takes a state, but does not give {', '.join(lacking)}")
        self.reset()

    def twin(self) -> Self:
        """Return one for another stream; the network itself is shared, also by threads."""
        other = copy.copy(self)
        other.reset()
        return other

    def reset(self, context: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Forget the stream; go on with ``context``, of the shapes and dtypes of that before, where it is given."""
        if context is not None:
            self.context = dict(context)
        self._inputs: dict[str, NDArray[Any]] = {**self._zeros, **self.context}

    @contextlib.contextmanager
    def trial(self) -> Iterator[None]:
        """Let the network fail where all that it is asked inside takes longer than ten seconds."""
        with limited_time() as options:
            self._run_options = options
            try:
                yield
            finally:
                self._run_options = None

    def mark(self) -> Mapping[str, NDArray[Any]]:
        """Return what :meth:`go_back` takes to forget what is heard from now on."""
        return {name: self._inputs[name] for name in self._zeros}

    def go_back(self, mark: Mapping[str, NDArray[Any]]) -> None:
        """Forget what was heard since ``mark`` was given."""
        self._inputs = {**mark, **self.context}

    def push(self, chunk: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Return what the network says when it has heard ``chunk``, too: an array an output.

        Raises:
            ModelError: It fails.
        """
        self._inputs[self._input_name] = chunk
        try:
            found = self._session.run(self._output_names, self._inputs, self._run_options)
        except Exception as error:  # as in open_session
            raise ModelError(
                f"{self._path}: the network fails on an input of shape {chunk.shape} ({reason(error)})"
            ) from error
        said, state = found[: len(self.outputs)], found[len(self.outputs) :]
        self._inputs = {**dict(zip(self._zeros, state, strict=True)), **self.context}
        return [np.asarray(one) for one in said]


def _listed(*names: str) -> str:
    return ", ".join(map(repr, names))


def metadata_of(session: Any) -> Mapping[str, str]:
    """Return what the model of ``session`` says about itself."""
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    return metadata


@contextlib.contextmanager
def limited_time() -> Iterator[Any]:
    """Give options of a run with which a network fails, between two of its nodes, once ten seconds are over.

    Whether a network is fit for anything is tried out when it is loaded; one that never ends would keep us waiting.
    """
    import onnxruntime  # as in open_session

    options = onnxruntime.RunOptions()
    timer = threading.Timer(_MOST_TRIAL_S, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    finally:
        timer.cancel()


def _next(name: str) -> str:
    return NEXT_STATE + name.removeprefix(STATE)


def _zeros(path: Path, node: Any) -> NDArray[Any]:
    if node.type not in _DTYPES or not all(isinstance(size, int) and size >= 0 for size in node.shape):
        raise ModelError(f"{path}: {node.name!r} must be numbers of a fixed shape, got {node.type} of {node.shape}")
    if math.prod(node.shape) > _MOST_NUMBERS_CARRIED:
        raise ModelError(
            f"{path}: {node.name!r} must be at most {_MOST_NUMBERS_CARRIED} numbers, got a shape of {node.shape}"
        )
    return np.zeros(node.shape, _DTYPES[node.type])


def read_model(path: Path) -> tuple[bytes, str]:
    """Return the content of the model file at ``path``, and its SHA-256.

    Raises:
        ModelError: It is missing, no file, too large or can not be read.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would keep us waiting, a device never end
            raise ModelError(f"{path}: expected a file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: can not be read ({error.strerror})") from error
    if len(content) > MOST_BYTES:
        raise ModelError(f"{path}: a model file has at most {MOST_BYTES} bytes, this one has more")
    return content, sha256(content).hexdigest()


def open_session(path: Path, content: bytes, operators: Collection[str] = OPERATORS) -> Any:
    """Return the onnxruntime session of the model ``content``, which was read from ``path``.

    Args:
        path: For messages.
        content: Of the file.
        operators: That the network may be made of.

    Raises:
        ModelError: onnxruntime can not be imported, or does not take the model; or it may do harm.
    """
    try:
        check_graph(content, operators)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    # onnxruntime's builds otherwise leave a device id in the user's home and send events to its maker.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime  # takes 20 MiB and 100 ms: only where a model is used
    except ImportError as error:
        raise ModelError(f"onnxruntime can not be loaded ({first_line(error)}); install the package again") from error

    options = onnxruntime.SessionOptions()
    # One thread without spinning: more cost forty times the CPU and win nothing at this size.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # More of it loads longer, keeps a second copy of the weights and runs as fast.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # All memory comes from one place that has an end: the sizes in a network may follow from what it computes.
    _limit_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # What is computed beforehand does not come from there.
    options.add_session_config_entry("optimization.constant_folding_max_output_size_in_bytes", str(_MOST_FOLDED_BYTES))
    options.add_session_config_entry("session.load_model_format", "ONNX")  # the other one was not looked at
    options.log_severity_level = 4
    try:
        # From bytes, so that a file cannot refer to others beside it.
        # Its fallback would be the same provider again, behind lines on standard output.
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
        # What is asked for later on may be no text: that fails here.
        metadata_of(session)
        for node in [*session.get_inputs(), *session.get_outputs()]:
            _ = node.name, node.shape
    except Exception as error:  # onnxruntime's errors have no common base below Exception
        raise ModelError(f"{path}: not a model that onnxruntime loads ({reason(error)})") from error
    return session


@functools.cache
def _limit_memory() -> None:
    import onnxruntime  # as in open_session

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # It grows by what is asked for: by doubling it would keep twice as much.
    limits = {"max_mem": MOST_MEMORY_BYTES, "arena_extend_strategy": 1, "initial_chunk_size_bytes": 1 << 16}
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(limits))


def compared(expected: NDArray[Any], said: NDArray[Any], tolerance: float) -> tuple[float, bool]:
    """Return by how much ``said`` differs at most, and whether that is no more than float32 allows.

    Args:
        expected: What a network gave elsewhere.
        said: What it gives here, of the same shape.
        tolerance: Of each number, beside as much of its size; what is no number never is within it.
    """
    differences = np.abs(expected - said)
    return float(differences.max()), bool((differences <= tolerance * (1.0 + np.abs(expected))).all())


def runtime_version() -> str:
    """Return the version of onnxruntime."""
    import onnxruntime  # as in open_session

    return str(onnxruntime.__version__)


def reason(error: Exception) -> str:
    """Return why onnxruntime failed, in the words of its limits where it ran into these."""
    said = str(error)
    if "terminate flag" in said:
        return f"it takes more than {_MOST_TRIAL_S:g} s"
    if "Available memory of" in said:
        return f"it takes more than {MOST_MEMORY_BYTES >> 20} MiB of memory"
    return first_line(error)


def first_line(error: Exception) -> str:
    """Return what ``error`` says first; onnxruntime's errors go on for pages."""
    return str(error).partition("\n")[0][:500]
