"""Every word of pictures and reports, in each language: data, not code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import RunError
from training.pictures.values import Estimate

_FOLDER = Path(__file__).parent / "texts"

LANGUAGES = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
"""Two letters each; a file in ``texts/`` adds one."""

_SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Texts:
    """The words and the way of writing numbers of one language."""

    language: str
    entries: Mapping[str, str]
    """By ``section.name`` as in the file."""

    def __getitem__(self, key: str) -> str:
        """Return the text called ``key``."""
        return self.entries[key]

    def get(self, key: str, otherwise: str) -> str:
        """Return the text called ``key``, or what the data call it where it is none of ours."""
        return self.entries.get(key, otherwise)

    def number(self, value: float, decimals: int) -> str:
        """Return ``value`` with this language's decimal mark."""
        return f"{value:.{decimals}f}".replace(".", self["number.decimal_mark"])

    def percent(self, part: float, decimals: int = 1) -> str:
        """Return ``part``, of 1, in percent."""
        return f"{self.number(100 * part, decimals)}{_SPACE}%"

    def points(self, difference: float) -> str:
        """Return ``difference`` of two parts of 1 in percentage points, with its sign."""
        sign = "+" if round(difference, 3) > 0 else ""
        return f"{sign}{self.number(100 * difference, 1)}"

    def interval(self, estimate: Estimate) -> str:
        """Return ``estimate`` in percent with its interval in brackets."""
        low, high = (self.number(100 * bound, 1) for bound in (estimate.low, estimate.high))
        return f"{self.percent(estimate.value)} [{low}{self['number.list_mark']}{_SPACE}{high}]"


def load_texts(language: str) -> Texts:
    """Return the texts of ``language``, one of :data:`LANGUAGES`.

    Raises:
        RunError: It is none of them.
    """
    if language not in LANGUAGES:
        raise RunError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    sections = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Texts(language, _flat(sections))


def _flat(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {f"{section}.{name}": text for section, entries in sections.items() for name, text in entries.items()}
