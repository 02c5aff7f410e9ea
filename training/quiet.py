"""TensorFlow without its greetings."""

import contextlib
import logging
import os
from collections.abc import Iterator


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Send what native code writes to stderr nowhere: TensorFlow logs while it is loaded, at no level one can set."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load_tensorflow() -> None:
    """Import TensorFlow and Keras without a word; what goes wrong is still raised."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _native_stderr_closed():
        import keras  # noqa: F401  # the module is wanted loaded, not used here
    for name in ("tensorflow", "tf2onnx", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
