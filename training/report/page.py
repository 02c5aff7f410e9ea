"""A page of HTML from parts: what is not HTML already is escaped, so that nothing in a file can become markup."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from training.cache import write_text_whole

_STYLE_SHEET = Path(__file__).parent / "report.css"


class Html(str):
    """Text that is HTML; any other ``str`` is escaped where it is put into some."""

    __slots__ = ()


NOTHING = Html()


def tag(name: str, *inside: str, **attributes: str) -> Html:
    """Return the element ``name``; attributes are written here as Python allows: ``class_``, ``aria_label``."""
    written = "".join(f' {_attribute(key)}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{written}>{joined(inside)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Return ``parts`` one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading, which links name by ``identity``."""

    identity: str
    title: str
    inside: Html

    @property
    def html(self) -> Html:
        """The element."""
        return tag("section", tag("h2", self.title), self.inside, id=self.identity)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, num_names: int = 1) -> Html:
    """Return a table.

    Args:
        caption: What it shows.
        head: One text a column.
        rows: One text a column; a row that ends early has its last text in all columns that are left.
        num_names: How many columns on the left name the row.
    """
    names = [tag("th", text, scope="col", class_="name") for text in head[:num_names]]
    heads = tag("tr", *names, *(tag("th", text, scope="col") for text in head[num_names:]))
    body = [tag("tr", *_cells(row, len(head), num_names)) for row in rows]
    inside = tag("table", tag("caption", caption), tag("thead", heads), tag("tbody", *body))
    return tag("div", inside, class_="table")


def image(source: str, alternative: str, width_inches: float) -> Html:
    """Return a picture at ``source``, as wide as it would be in print where there is room."""
    return Html(f'<img src="{escape(source)}" alt="{escape(alternative)}" style="width:{width_inches:.2f}in">')


def beside(blocks: Iterable[Html]) -> Html:
    """Return ``blocks``, less empty ones, in columns where there is room."""
    shown = [tag("div", block) for block in blocks if block]
    return tag("div", *shown, class_="beside") if len(shown) > 1 else joined(shown)


def write_page(path: Path, title: str, language: str, body: Html) -> None:
    """Write a page that needs nothing else: no other file, no network, no script."""
    style = Html(_STYLE_SHEET.read_text(encoding="utf-8"))
    head = (
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        tag("style", style),
    )
    page = tag("html", tag("head", *head), tag("body", body), lang=language)
    write_text_whole(path, f"<!DOCTYPE html>\n{page}\n")


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _cells(row: Sequence[str], num_columns: int, num_names: int) -> list[Html]:
    names = [tag("th", text, scope="row") for text in row[:num_names]]
    values = [tag("td", text) for text in row[num_names:]]
    num_missing = num_columns - len(row)
    if num_missing:
        values[-1] = tag("td", row[-1], colspan=str(1 + num_missing), class_="absent")
    return [*names, *values]
