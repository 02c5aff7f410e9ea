"""The pictures of a report: files in a folder, and the same inside the page."""

import base64
from pathlib import Path

from matplotlib.figure import Figure

from training.pictures.style import save
from training.report.page import Html, image, tag

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


class Gallery:
    """Saves each picture as PNG and SVG, and gives the element that shows it."""

    def __init__(self, folder: Path) -> None:
        """Save into ``folder``, which is made."""
        self._folder = folder

    def save(self, name: str, figure: Figure) -> list[Path]:
        """Write ``figure`` as ``name``; return the files.

        Raises:
            RunError: They can not be written.
        """
        return list(save(figure, self._folder, name))

    def show(self, name: str, figure: Figure, title: str, caption: str) -> Html:
        """Write ``figure`` as ``name`` and return it as an element, under which stand ``title`` and ``caption``.

        Raises:
            RunError: The files can not be written.
        """
        smaller = min(self.save(name, figure), key=lambda path: path.stat().st_size)
        content = base64.b64encode(smaller.read_bytes()).decode("ascii")
        picture = image(f"data:{_TYPES[smaller.suffix]};base64,{content}", title, figure.get_size_inches()[0])
        return tag("figure", picture, tag("figcaption", tag("strong", f"{title}."), " ", caption))
