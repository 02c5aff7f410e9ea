"""From a toy corpus to a model file, by the commands that people type."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from training_toys import SPEAKERS, make_toy_emodb

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

from signals import speech

import export.__main__ as export_command
import training.__main__ as training_command
from streamer.emotion.classifier import OnnxClassifier
from streamer.settings import SpeechSettings
from training import fit as fit_module
from training.batches import Shuffler
from training.hearing import heard_rows
from training.recipe import TRAINING_ROOMS, LearningSettings, NetworkSize, Recipe
from training.rooms import QUIET, place
from training.runs import read_run


def small_recipe() -> Recipe:
    """Return the recipe with a network, and for a corpus, of a toy's size."""
    size, learning = NetworkSize((8, 8), (5, 3), (2, 1), hidden_units=8), LearningSettings(min_batches=2)
    return Recipe(network=size, learning=learning, rooms=TRAINING_ROOMS[:2])


@pytest.fixture(autouse=True)
def _small_and_apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(training_command, "Recipe", small_recipe)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the run folder of two epochs on the toy corpus."""
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(folder / "cache"))
        patch.setattr(training_command, "Recipe", small_recipe)
        code = training_command.main(fit_arguments(make_toy_emodb(folder / "corpora"), folder / "run"))
    assert code == 0
    return folder / "run"


@pytest.fixture(scope="module")
def model_file(run_folder: Path) -> Path:
    """Give the model file of that run."""
    path = run_folder.parent / "toy.onnx"
    assert export_command.main([str(run_folder), "-o", str(path)]) == 0
    return path


def fit_arguments(corpora_dir: Path, out: Path) -> list[str]:
    return ["fit", str(corpora_dir), "--out", str(out), "--epochs", "2", "--corpora", "emodb"]


def test_a_run_says_how_it_was_made(run_folder: Path) -> None:
    description = read_run(run_folder).description

    assert len(description["history"]["loss"]) == 2
    assert len(description["history"]["validation_uar"]) == 2
    assert description["history"]["best_epoch"] in (1, 2)
    assert description["recipe"]["seed"] == 0
    assert len(description["data_sha256"]) == 64
    assert set(description["versions"]) == {"python", "numpy", "keras", "backend"}


def test_a_model_file_of_cc0_data_is_cc0(model_file: Path) -> None:
    """The way to a model that may be used commercially."""
    info = OnnxClassifier(model_file).info

    assert info.licence["spdx"] == "CC0-1.0"
    assert [corpus["corpus"] for corpus in info.data] == ["EmoDB"]
    assert info.data[0]["speakers"] == {"train": ["03", "08"], "validation": ["12", "14"], "test": ["15", "16"]}


def test_a_model_file_carries_its_figures(model_file: Path) -> None:
    figures = OnnxClassifier(model_file).info.figures

    assert {"command", "coverage_on_validation", "validation", "test", "test_in_noise"} == set(figures)
    assert figures["test"]["emodb"]["clips"] == 8
    assert np.sum(figures["test"]["emodb"]["confusion"]) == 8
    assert figures["command"].endswith("--epochs 2 --seed 0 --corpora emodb")


def test_measuring_the_file_gives_the_figures_again(
    model_file: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = training_command.main(["measure", str(run_folder.parent / "corpora"), "--model", str(model_file)])

    figures, expected = json.loads(capsys.readouterr().out), OnnxClassifier(model_file).info.figures
    assert code == 0
    for room in ("test", "test_in_noise"):
        assert figures[room]["emodb"] == expected[room]["emodb"]
        assert figures[room]["nll"] == pytest.approx(expected[room]["nll"], abs=1e-3)


def test_measuring_on_other_speakers_is_refused(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures of another test set are not those of this file."""
    make_toy_emodb(tmp_path, ("03", "08", "12", "14", "15"))

    assert training_command.main(["measure", str(tmp_path), "--model", str(model_file)]) == 2
    assert "was tested on other speakers than 15" in capsys.readouterr().err


def test_a_model_file_classifies_what_the_pipeline_hears(model_file: Path) -> None:
    classifier = OnnxClassifier(model_file)
    rows = heard_rows(place(speech(16_000) / 32768.0, QUIET, 0), classifier.features, SpeechSettings())

    posterior = classifier.classify(rows)

    assert posterior.shape == (4,)
    assert posterior.sum() == pytest.approx(1.0)


def test_the_card_is_generated_beside_the_file(model_file: Path) -> None:
    text = model_file.with_suffix(".md").read_text(encoding="utf-8")

    for part in ("CC0-1.0", "EmoDB", "Generated by", "lie detector", "--corpora emodb", "rests on 2 speakers"):
        assert part in text
    assert str(model_file.parent) not in text


def test_an_export_leaves_nothing_but_the_file_and_its_card(model_file: Path) -> None:
    made = [path.name for path in model_file.parent.iterdir() if not path.is_dir()]

    assert sorted(made) == ["toy.md", "toy.onnx"]


def test_a_folder_that_holds_a_run_is_not_written_over(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = training_command.main(fit_arguments(run_folder.parent / "corpora", run_folder))

    assert code == 2
    assert "already holds a run" in capsys.readouterr().err


def test_a_missing_corpus_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = training_command.main(fit_arguments(tmp_path, tmp_path / "run"))

    assert code == 2
    assert capsys.readouterr().err == f"training: {tmp_path / 'emodb' / 'wav'}: no WAV or FLAC files here\n"


@pytest.mark.parametrize(("after_epochs", "is_kept"), [(1, True), (0, False)])
def test_ctrl_c_keeps_the_best_epoch_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_epochs: int, is_kept: bool
) -> None:
    """Before the first epoch ends, there is nothing to keep."""
    begun = 0

    class Interrupted(Shuffler):
        def epoch(self):
            nonlocal begun
            begun += 1
            if begun > after_epochs:
                raise KeyboardInterrupt
            return super().epoch()

    monkeypatch.setattr(fit_module, "Shuffler", Interrupted)

    code = training_command.main(fit_arguments(make_toy_emodb(tmp_path, SPEAKERS), tmp_path / "run"))

    assert (code == 0) == is_kept
    assert (tmp_path / "run" / "run.json").exists() == is_kept
