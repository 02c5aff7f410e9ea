"""The parts of a report, in their order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from training.pictures.texts import Texts
from training.report.details import learning, protocols
from training.report.gallery import Gallery
from training.report.glance import glance
from training.report.material import data, making, recordings
from training.report.names import protocol_names, run_names
from training.report.page import Html, Section, joined, tag
from training.report.record import Record
from training.report.tables import all_tables


def title_and_body(
    records: Sequence[Record], pictures: Path, corpora_dir: Path | None, texts: Texts, command: str
) -> tuple[str, Html]:
    """Return the title and the body of the report on ``records``; its pictures are written into ``pictures``.

    Raises:
        RunError: The pictures can not be written.
        CorpusError: A corpus is not there, or can not be read.
    """
    title = texts["html.title"].format(names=texts["html.and"].join(run_names(records)))
    made = _sections(records, Gallery(pictures), corpora_dir, texts, command)
    num_sections = 6 + len(protocol_names(records))
    sections = list(tqdm(made, "report", num_sections, unit="section"))
    links = [tag("li", tag("a", part.title, href=f"#{part.identity}")) for part in sections]
    contents = tag("nav", tag("ul", *links), aria_label=texts["html.contents"])
    return title, joined([tag("h1", title), contents, tag("main", *(part.html for part in sections))])


def _sections(
    records: Sequence[Record], gallery: Gallery, corpora_dir: Path | None, texts: Texts, command: str
) -> Iterator[Section]:
    yield glance(records, gallery, texts)
    yield all_tables(records, texts)
    yield from protocols(records, gallery, texts)
    yield learning(records, gallery, texts)
    yield recordings(records, corpora_dir, gallery, texts)
    yield data(records, corpora_dir, gallery, texts)
    yield making(records, command, texts)
