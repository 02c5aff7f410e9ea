"""Reports: everything that was measured, on one page that needs nothing else."""

import json
import re
from pathlib import Path

import pytest
from toy_runs import ToyNetwork, change_evaluation, write_toy_run

import training.__main__ as training_command
from training.errors import CorpusError, RunError
from training.pictures.texts import LANGUAGES, load_texts
from training.pictures.values import Estimate
from training.report import write_report

COMMAND = "python -m training report RUN --out FOLDER"


def page_of(*runs: Path, out: Path, language: str = "en", corpora_dir: Path | None = None) -> str:
    page = write_report(runs, out, corpora_dir=corpora_dir, language=language, command=COMMAND)
    return page.read_text(encoding="utf-8")


def written(figure: dict) -> str:
    """Return a figure of evaluation.json as an English page tells it."""
    return load_texts("en").interval(Estimate(figure["value"], *figure["interval_95"]))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run of the seed network, which was also chosen on the test clips."""
    folder = tmp_path_factory.mktemp("runs")
    return write_toy_run(folder / "seed", ToyNetwork("seed", is_selected_on_test_too=True))


@pytest.fixture(scope="module")
def reported(run: Path) -> Path:
    """Give the folder of a report on that run."""
    out = run.parent / "report"
    page_of(run, out=out)
    return out


@pytest.fixture(scope="module")
def page(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_no_other_file_and_no_network(page: str) -> None:
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)

    assert sources
    assert {source.split(":", maxsplit=1)[0] for source in sources if not source.startswith("#")} == {"data"}
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_every_picture_has_a_text_for_those_who_do_not_see_it(page: str) -> None:
    pictures = re.findall(r"<img [^>]*>", page)

    assert len(pictures) > 10
    assert all(re.search(r'alt="[^"]{10,}"', picture) for picture in pictures)


def test_every_picture_is_there_as_png_and_svg_too(reported: Path, page: str) -> None:
    pictures = {path.name for path in (reported / "pictures").iterdir()}

    stems = {Path(name).stem for name in pictures}
    assert pictures == {f"{stem}{suffix}" for stem in stems for suffix in (".png", ".svg")}
    assert len(stems) >= len(re.findall(r"<img ", page)) > 10


def test_the_figures_are_those_of_the_evaluation(run: Path, page: str) -> None:
    protocols = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))["protocols"]

    for protocol in protocols.values():
        assert written(protocol["states"]["cold"]["pooled"]["uar"]) in page


def test_states_that_the_daemon_does_not_have_are_absent_and_not_left_out(page: str) -> None:
    texts = load_texts("en")

    assert page.count(texts["tables.absent"]) >= 4 * 2  # each protocol, two states


def test_choosing_on_the_test_clips_is_shown_beside_and_explained(page: str) -> None:
    assert "chosen on the test" in page.lower() or "on the test clips" in page.lower()
    assert "validation" in page


def test_a_network_that_was_not_chosen_so_has_no_such_part(tmp_path: Path) -> None:
    page = page_of(write_toy_run(tmp_path / "streaming"), out=tmp_path / "report")

    assert "on the test clips" not in page.lower()


def test_what_a_file_says_can_not_become_markup(tmp_path: Path) -> None:
    run = write_toy_run(tmp_path / "run")
    change_evaluation(run, command='<img src="http://elsewhere/x"><script>alert(1)</script>')

    page = page_of(run, out=tmp_path / "report")

    assert "<script" not in page
    assert '<img src="http' not in page
    assert "&lt;script&gt;" in page


def test_without_the_corpora_it_says_that_pictures_of_recordings_are_left_out(reported: Path) -> None:
    assert not [path for path in (reported / "pictures").iterdir() if "spectrogram" in path.name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_one_language(run: Path, tmp_path: Path, language: str) -> None:
    page = page_of(run, out=tmp_path / "report", language=language)

    texts = load_texts(language)
    assert f'<html lang="{texts["html.language"]}"' in page
    for label in ("anger", "happiness", "neutral", "sadness"):
        assert texts[f"label.{label}"] in page


def test_two_runs_stand_side_by_side(run: Path, tmp_path: Path) -> None:
    other = write_toy_run(tmp_path / "streaming", ToyNetwork(skill=2.0))

    page = page_of(other, run, out=tmp_path / "report")

    figures = [
        json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["protocols"]["speakers"]["states"]["cold"]
        for folder in (other, run)
    ]
    assert all(written(one["pooled"]["uar"]) in page for one in figures)
    assert 'class="beside"' in page


@pytest.mark.parametrize("num_runs", [0, 3])
def test_a_report_is_about_one_run_or_two(run: Path, tmp_path: Path, num_runs: int) -> None:
    with pytest.raises(RunError, match=f"one run or two, got {num_runs}"):
        page_of(*[run] * num_runs, out=tmp_path / "report")


def test_a_run_that_was_not_evaluated_is_refused_with_the_command_that_does_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()

    code = training_command.main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "report")])

    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert "python -m training evaluate" in error


@pytest.mark.parametrize("name", ["evaluation.json", "predictions.csv", "run.json"])
def test_a_damaged_file_ends_with_one_line_that_names_it(tmp_path: Path, name: str) -> None:
    run = write_toy_run(tmp_path / "run")
    content = (run / name).read_text(encoding="utf-8")
    (run / name).write_text(content.replace('"', "").replace("anger", "ang,er"), encoding="utf-8")

    with pytest.raises(RunError, match=re.escape(name)) as caught:
        page_of(run, out=tmp_path / "report")

    assert "\n" not in str(caught.value)


def test_a_folder_without_the_corpora_that_were_evaluated_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        page_of(run, out=tmp_path / "report", corpora_dir=tmp_path)
