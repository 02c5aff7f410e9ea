"""What computes the weights."""

import platform
from importlib.metadata import version

import keras
import numpy as np


def versions() -> dict[str, str]:
    """Return the versions of the libraries that the weights depend on."""
    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "keras": keras.__version__,
        "backend": backend,
        backend: version(backend),
    }
