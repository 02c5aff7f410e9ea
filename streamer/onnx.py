"""Networks in ONNX files; the only user of onnxruntime."""

import os
from pathlib import Path
from typing import Any

from streamer.errors import ModelError


def read_model(path: Path) -> bytes:
    """Return the content of the model file at ``path``.

    Raises:
        ModelError: It is missing, no file or can not be read.
    """
    if path.exists() and not path.is_file():  # a pipe would keep us waiting, a device never end
        raise ModelError(f"{path}: expected a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: can not be read ({error.strerror})") from error


def open_session(path: Path, content: bytes) -> Any:
    """Return the onnxruntime session of the model ``content``, which was read from ``path``.

    Raises:
        ModelError: onnxruntime can not be imported, or does not take the model.
    """
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
    options.log_severity_level = 4
    try:
        # From bytes, so that a file cannot refer to others beside it.
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base below Exception
        raise ModelError(f"{path}: not a model that onnxruntime loads ({first_line(error)})") from error


def first_line(error: Exception) -> str:
    """Return what ``error`` says first; onnxruntime's errors go on for pages."""
    return str(error).partition("\n")[0]
