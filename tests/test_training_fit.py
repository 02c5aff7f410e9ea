"""From a toy corpus to a model file with its figures, by the commands that people type."""

import csv
import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toys import SPEAKERS, make_toy_emodb, small_experiment

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

from signals import speech

import export.__main__ as export_command
import training.__main__ as training_command
from streamer.emotion.classifier import OnnxClassifier
from streamer.settings import SpeechSettings
from training import fitting
from training.corpora import find_corpora, load_clips
from training.corpora.base import LABELS
from training.errors import ExperimentError, RunError
from training.evaluate import ask
from training.evaluation import evaluation_of
from training.experiment import QUIET, load_experiment
from training.fitting import TEST, VALIDATION, Fitted, fit_held_out, fit_task
from training.hearing import heard_rows
from training.protocols import final_task, speaker_tasks
from training.rooms import place
from training.runs import read_run
from training.sessions import SessionSampler

EPOCHS_OF_PARTS = 4
"""Two networks see two epochs each before the one that is used begins."""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a toy corpus and a run of two epochs, fitted and evaluated."""
    folder = tmp_path_factory.mktemp("laboratory")
    make_toy_emodb(folder / "corpora")
    experiment = small_experiment(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(folder / "cache"))
        for command in ("evaluate", "fit"):
            assert training_command.main(arguments(command, experiment, folder / "corpora", folder / "run")) == 0
    return folder


@pytest.fixture(scope="module")
def model_file(laboratory: Path) -> Path:
    """Give the model file of that run."""
    path = laboratory / "toy.onnx"
    assert export_command.main([str(laboratory / "run"), "-o", str(path)]) == 0
    return path


def arguments(command: str, experiment: Path, corpora_dir: Path, out: Path) -> list[str]:
    return [command, str(experiment), str(corpora_dir), "--corpora", "emodb", "--out", str(out)]


def evaluation_in(laboratory: Path) -> dict:
    return json.loads((laboratory / "run" / "evaluation.json").read_text(encoding="utf-8"))


def predictions_in(laboratory: Path) -> list[dict[str, str]]:
    with (laboratory / "run" / "predictions.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_run_says_how_it_was_made(laboratory: Path) -> None:
    description = read_run(laboratory / "run").description

    assert len(description["history"]["loss"]) == len(description["history"]["uar"]["validation"]) == 2
    assert description["history"]["best_epoch"]["validation"] == 2
    assert description["experiment"]["network"]["hidden_units"] == [8]
    assert len(description["data_sha256"]) == 64
    assert set(description["versions"]) == {"python", "numpy", "keras", "backend", "tensorflow"}
    assert description["command"] == "python -m training fit RUN/experiment.toml CORPORA_DIR --corpora emodb --out RUN"


def test_an_evaluation_has_every_protocol_and_says_what_is_absent(laboratory: Path) -> None:
    protocols = evaluation_in(laboratory)["protocols"]

    assert list(protocols) == ["random", "speakers", "corpus", "live"]
    assert protocols["corpus"]["states"]["cold"] is None  # a single corpus can not be left out
    by_clip = {"cold", "warm_5", "warm_10", "warm_20", "one_emotion_10"}  # nobody says anything neutral twice
    for name, there in (("random", by_clip), ("speakers", by_clip), ("live", {"cold", "warm"})):
        assert protocols[name]["states"]["cold"]["pooled"]["clips"] in (24, 12)
        assert {state for state, figures in protocols[name]["states"].items() if figures} == there
    assert set(protocols["speakers"]["by_seconds_heard"]) == {"0.5", "1.0", "1.5", "2.0", "3.0", "4.0"}
    assert protocols["live"]["utterances"]["clips"] == 24


def test_every_clip_is_predicted_once_by_a_network_that_never_heard_its_speaker(laboratory: Path) -> None:
    asked = ("speakers", "cold")
    rows = [row for row in predictions_in(laboratory) if (row["protocol"], row["state"]) == asked]

    assert len(rows) == len({row["clip"] for row in rows}) == 24
    by_task = Counter((row["task"], row["speaker"]) for row in rows)
    assert len(by_task) == len(SPEAKERS)
    for row in rows:
        assert sum(float(row[label]) for label in LABELS) == pytest.approx(1, abs=1e-5)


def test_the_figures_follow_from_the_predictions(laboratory: Path) -> None:
    rows = [row for row in predictions_in(laboratory) if row["protocol"] == "live"]

    num_right = sum(
        row["label"] == max(LABELS, key=lambda label: float(row[label] or 0)) for row in rows if row["anger"]
    )

    figures = evaluation_in(laboratory)["protocols"]["live"]["states"]["cold"]["pooled"]
    assert figures["accuracy"]["value"] == pytest.approx(num_right / len(rows), abs=1e-4)
    assert figures["coverage"] == pytest.approx(np.mean([row["is_uncertain"] == "0" for row in rows]), abs=1e-4)


def test_an_evaluation_trains_nothing_twice(laboratory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(laboratory / "cache"))
    before = {path: path.stat().st_mtime_ns for path in (laboratory / "cache").rglob("*") if path.is_file()}
    experiment, out = laboratory / "small-streaming.toml", laboratory / "again"

    assert training_command.main(arguments("evaluate", experiment, laboratory / "corpora", out)) == 0

    after = {path: path.stat().st_mtime_ns for path in (laboratory / "cache").rglob("*") if path.is_file()}
    assert after == before
    assert (out / "evaluation.json").read_bytes() == (laboratory / "run" / "evaluation.json").read_bytes()


def test_a_model_file_of_cc0_data_is_cc0(model_file: Path) -> None:
    """The way to a model that may be used commercially."""
    info = OnnxClassifier(model_file).info

    assert info.licence["spdx"] == "CC0-1.0"
    assert [corpus["corpus"] for corpus in info.data] == ["EmoDB"]
    assert info.data[0]["speakers"] == {"train": ["03", "08", "12", "14", "15", "16"], "validation": []}


def test_a_model_file_carries_the_figures_of_the_evaluation(model_file: Path, laboratory: Path) -> None:
    figures = OnnxClassifier(model_file).info.figures

    expected = evaluation_in(laboratory)["protocols"]["live"]["states"]["cold"]["emodb"]
    assert figures["protocols"]["live"]["cold"]["emodb"]["confusion"] == expected["confusion"]
    assert figures["command"] == "python -m training evaluate RUN/experiment.toml CORPORA_DIR --corpora emodb --out RUN"


def test_a_model_file_classifies_what_the_pipeline_hears(model_file: Path) -> None:
    classifier = OnnxClassifier(model_file)
    rows = heard_rows(place(speech(16_000) / 32768.0, QUIET, 0), classifier.features, SpeechSettings())

    classifier.push(rows)
    posterior = classifier.posterior()

    assert posterior.shape == (4,)
    assert posterior.sum() == pytest.approx(1.0)


def test_the_card_is_generated_beside_the_file(model_file: Path) -> None:
    text = model_file.with_suffix(".md").read_text(encoding="utf-8")

    for part in ("CC0-1.0", "EmoDB", "Generated by", "lie detector", "--corpora emodb", "Speakers held out"):
        assert part in text
    assert str(model_file.parent) not in text


def test_an_export_leaves_nothing_but_the_file_and_its_card(model_file: Path) -> None:
    made = [path.name for path in model_file.parent.iterdir() if path.name.startswith("toy")]

    assert sorted(made) == ["toy.md", "toy.onnx"]


def test_a_folder_that_holds_a_network_is_not_written_over(
    laboratory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = laboratory / "small-streaming.toml"

    code = training_command.main(arguments("fit", experiment, laboratory / "corpora", laboratory / "run"))

    assert code == 2
    assert "already holds a network" in capsys.readouterr().err


def test_an_evaluation_of_another_experiment_does_not_go_into_the_run(
    laboratory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small_experiment(tmp_path, **{"\ndropout = 0.3": "\ndropout = 0.2"})

    code = training_command.main(arguments("evaluate", other, laboratory / "corpora", laboratory / "run"))

    assert code == 2
    assert "is of another experiment, or of other settings" in capsys.readouterr().err


def test_a_missing_corpus_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = training_command.main(arguments("fit", small_experiment(tmp_path), tmp_path, tmp_path / "run"))

    assert code == 2
    assert "emodb" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("after_epochs", "is_kept"), [(EPOCHS_OF_PARTS + 1, True), (EPOCHS_OF_PARTS, False), (1, False)]
)
def test_ctrl_c_keeps_what_was_learnt_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_epochs: int, is_kept: bool
) -> None:
    """Before the first epoch ends of the network that is used, there is nothing to keep."""
    interrupt_after(after_epochs, monkeypatch)
    corpora_dir = make_toy_emodb(tmp_path, SPEAKERS)

    code = training_command.main(arguments("fit", small_experiment(tmp_path), corpora_dir, tmp_path / "run"))

    assert (code == 0) == is_kept
    assert (tmp_path / "run" / "run.json").exists() == is_kept


def interrupt_after(num_epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C come when all networks together have seen so many epochs."""
    whole, begun = SessionSampler.epoch, iter(range(1000))

    def epoch(self: SessionSampler, number: int):
        if next(begun) >= num_epochs:
            raise KeyboardInterrupt
        return whole(self, number)

    monkeypatch.setattr(SessionSampler, "epoch", epoch)


def count_epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that each epoch of any network is added to."""
    whole, seen = SessionSampler.epoch, list[int]()

    def epoch(self: SessionSampler, number: int):
        seen.append(number)
        return whole(self, number)

    monkeypatch.setattr(SessionSampler, "epoch", epoch)
    return seen


def fit_toy(tmp_path: Path, name: str = "streaming", *, held_out: bool = True) -> Fitted:
    corpora_dir = tmp_path / "corpora"
    if not corpora_dir.exists():
        make_toy_emodb(corpora_dir)
    clips = load_clips(find_corpora(["emodb"], corpora_dir), corpora_dir)
    experiment = load_experiment(str(small_experiment(tmp_path, name)))
    return fit_task(speaker_tasks(clips)[0] if held_out else final_task(clips), experiment)


def test_an_interrupted_fit_goes_on_to_what_an_undisturbed_one_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = fit_toy(tmp_path)
    for path in (tmp_path / "cache" / "fits").iterdir():
        path.unlink()
    with monkeypatch.context() as patch:
        interrupt_after(1, patch)
        with pytest.raises(RunError, match="interrupted; the same command goes on from there"):
            fit_toy(tmp_path)
    with monkeypatch.context() as patch:
        interrupt_after(EPOCHS_OF_PARTS, patch)  # one of them was seen before
        interrupted = fit_toy(tmp_path)

    with monkeypatch.context() as patch:
        epochs_left = count_epochs(patch)
        resumed = fit_toy(tmp_path)

    assert (interrupted.is_complete, resumed.is_complete) == (False, True)
    assert len(interrupted.history.loss) == 1
    assert len(epochs_left) == 1  # what the others learnt was kept
    assert len(list((tmp_path / "cache" / "fits").iterdir())) == 1
    np.testing.assert_allclose(resumed.history.loss, undisturbed.history.loss, atol=1e-6)
    for weights, same in zip(resumed.weights[VALIDATION], undisturbed.weights[VALIDATION], strict=True):
        np.testing.assert_allclose(weights, same, atol=1e-6)


def test_a_fit_comes_from_the_cache_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fit_toy(tmp_path)
    interrupt_after(0, monkeypatch)

    second = fit_toy(tmp_path)

    assert second.history == first.history
    for weights, same in zip(second.weights[VALIDATION], first.weights[VALIDATION], strict=True):
        np.testing.assert_array_equal(weights, same)


def test_the_networks_of_cross_fitting_are_asked_about_everybody_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora_dir, cache = make_toy_emodb(tmp_path / "corpora"), tmp_path / "cache"
    clips = load_clips(find_corpora(["emodb"], corpora_dir), corpora_dir)

    task, experiment = final_task(clips), load_experiment(str(small_experiment(tmp_path)))
    with pytest.raises(KeyError), fit_held_out(task, experiment):
        raise KeyError("what they were to be asked")
    with monkeypatch.context() as patch:
        epochs = count_epochs(patch)
        with fit_held_out(task, experiment) as fits:
            figures = evaluation_of([ask(task, fitted) for task, fitted in fits])["protocols"]

    assert not epochs  # what they had learnt was kept
    assert Counter(clip for task, _ in fits for clip in task.test) == Counter(clips)
    for protocol, state in (("speakers", "cold"), ("speakers", "warm_10"), ("live", "warm")):
        assert figures[protocol]["states"][state]["pooled"]["clips"] == len(clips)
    assert len({fitted.calibrations[VALIDATION] for _, fitted in fits}) == 1
    assert not list((cache / "fits").iterdir())


def test_the_seed_network_is_also_chosen_on_the_test_clips_to_show_how_that_flatters(tmp_path: Path) -> None:
    """As its ancestor was; where nothing is tested, nothing of the kind is there."""
    held_out, final = fit_toy(tmp_path, "seed"), fit_toy(tmp_path, "seed", held_out=False)

    assert set(held_out.weights) == {VALIDATION, TEST}
    assert max(held_out.history.uar[TEST]) == held_out.history.uar[TEST][held_out.history.best_epoch[TEST] - 1]
    assert set(final.weights) == {VALIDATION}


def test_the_seed_network_takes_rows_as_they_are(tmp_path: Path) -> None:
    fitted = fit_toy(tmp_path, "seed")

    assert set(fitted.mean) == {0.0}
    assert set(fitted.std) == {1.0}


@pytest.mark.parametrize("kind", ["done", "checkpoint"])
@pytest.mark.parametrize("damage", [b"", b"PK", b"PK\x03\x04 cut"])
def test_a_damaged_cache_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, damage: bytes) -> None:
    with monkeypatch.context() as patch:
        if kind == "checkpoint":
            interrupt_after(EPOCHS_OF_PARTS + 1, patch)
        fit_toy(tmp_path)
    path = min((tmp_path / "cache" / "fits").iterdir(), key=lambda path: len(path.name))  # not that of a part
    path.write_bytes(damage)

    with pytest.raises(RunError, match=r"damaged \(.*\); delete it, and it is made anew"):
        fit_toy(tmp_path)


def test_another_process_may_have_finished_the_same_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitting.write_whole

    def write_and_lose_the_checkpoint(path: Path, write: Any) -> None:
        whole(path, write)
        path.with_suffix(".checkpoint.npz").unlink()

    monkeypatch.setattr(fitting, "write_whole", write_and_lose_the_checkpoint)

    assert fit_toy(tmp_path).is_complete


def test_a_settings_file_of_ones_own_is_kept_with_the_run(tmp_path: Path) -> None:
    corpora_dir, settings = make_toy_emodb(tmp_path, SPEAKERS), small_experiment(tmp_path)

    assert training_command.main(arguments("fit", settings, corpora_dir, tmp_path / "run")) == 0

    kept = tmp_path / "run" / "experiment.toml"
    assert kept.read_text() == settings.read_text()
    command = json.loads((tmp_path / "run" / "run.json").read_text())["command"]
    assert command.startswith("python -m training fit RUN/experiment.toml CORPORA_DIR --corpora emodb")
    with pytest.raises(ExperimentError, match="unknown"):
        load_experiment(str(kept.with_name("unknown.toml")))
