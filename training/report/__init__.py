"""Reports: one self-contained page per experiment, or one that sets two side by side."""

from collections.abc import Sequence
from pathlib import Path

from training.errors import RunError
from training.pictures import load_matplotlib
from training.pictures.texts import load_texts
from training.report.page import write_page
from training.report.record import read_record

PAGE_FILE = "report.html"
PICTURES_FOLDER = "pictures"


def write_report(runs: Sequence[Path], out: Path, *, corpora_dir: Path | None, language: str, command: str) -> Path:
    """Write ``report.html`` and its pictures into ``out``; return the page.

    Args:
        runs: The folders of one run, or of two that are set side by side; each was evaluated.
        out: A folder, which is made.
        corpora_dir: Holds the corpora that were evaluated on; without it there are no pictures of recordings.
        language: One of ``training.pictures.texts.LANGUAGES``.
        command: What was typed, for the record.

    Raises:
        RunError: A run was not evaluated, or ``out`` can not be written.
        CorpusError: A corpus is not there, or can not be read.
    """
    if len(runs) not in (1, 2):
        raise RunError(f"a report is about one run or two, got {len(runs)}")
    texts, records = load_texts(language), [read_record(run) for run in runs]
    load_matplotlib()
    from training.report.parts import title_and_body  # here, since it imports matplotlib

    title, body = title_and_body(records, out / PICTURES_FOLDER, corpora_dir, texts, command)
    page = out / PAGE_FILE
    write_page(page, title, texts["html.language"], body)
    return page
