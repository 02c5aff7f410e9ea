"""Pictures of recordings and figures, the only user of matplotlib: plain data in, a matplotlib ``Figure`` out."""

import logging
import os

from training.cache import cache_dir


def load_matplotlib() -> None:
    """Import matplotlib without a word, and without a folder of its own in the user's home.

    The settings of the user are not read either: a picture looks the same everywhere.
    """
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir() / "matplotlib"))
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # "building the font cache", "temporary folder"
    import matplotlib as mpl  # noqa: F401  # wanted loaded, not used here
