"""From a run to a model file: the same numbers, or no file."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

import keras
from signals import speech

import export.__main__ as export_command
from export.errors import ExportError, ParityError
from export.files import export_run
from export.parity import TOLERANCE, check_parity, said_of
from streamer.emotion.classifier import OnnxClassifier
from streamer.emotion.memory import Voice, Voiceprints
from streamer.emotion.model_file import ModelInfo
from streamer.settings import FeatureSettings, SpeechSettings
from training.calibration import Calibration
from training.corpora.base import LABELS, Clip
from training.dataset import Example
from training.errors import RunError
from training.evaluation import Outcome, evaluation_of
from training.experiment import QUIET, NetworkSettings
from training.hearing import heard_rows
from training.learning import History
from training.live import Heard
from training.networks.streaming import StreamingNetwork
from training.predictions import Said, predictions
from training.protocols import Task
from training.rooms import place
from training.runs import read_run, write_run

FEATURES = FeatureSettings(pitch=True)


def made_up_examples() -> list[Example]:
    """Return what the pipeline hears in made-up speech of several lengths."""
    examples = []
    for seed, label in enumerate(LABELS):
        heard = place(speech(8000 + 9000 * seed, seed=seed) / 32768.0, QUIET, seed)
        clip = Clip(Path("x"), label, str(seed), "emodb", "woman")
        examples.append(Example(clip, heard_rows(heard, FEATURES, SpeechSettings())))
    return examples


def made_up_evaluation(examples: list[Example]) -> dict[str, Any]:
    """Return what an evaluation holds in which every clip was right, whoever trained."""
    clips = tuple(example.clip for example in examples)
    made = predictions(clips, np.eye(4), Calibration(1.0, 0.4, 0.8))
    task = Task("final", "fold 0", clips, tuple(replace(clip, speaker=f"v{clip.speaker}") for clip in clips), ())
    said = tuple(Said(protocol, "cold", "validation", task, made) for protocol in ("random", "speakers", "live"))
    said += (Said("speakers", "warm_10", "validation", task, made),)
    history = History([1.0], {"validation": [0.5]}, {"validation": 1})
    heard = Heard(clips, made.probabilities, num_utterances=5, num_split=1, num_merged=0, num_spurious=0)
    return evaluation_of(
        [
            Outcome(
                task,
                said,
                history,
                in_noise=made,
                by_seconds={0.5: made},
                heard=(heard,),
                live_in_noise=made,
                heard_in_noise=(heard,),
            )
        ]
    )


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the run folder of a small network that nobody trained."""
    keras.utils.set_random_seed(1)
    settings = NetworkSettings("streaming", hidden_units=(8,), voiceprint_size=3)
    network = StreamingNetwork(FEATURES.num_columns, len(LABELS), settings)
    examples = made_up_examples()
    info = ModelInfo(
        name="untrained",
        labels=LABELS,
        features=FEATURES,
        mean=(0.5,) * FEATURES.num_columns,
        std=(7.0,) * FEATURES.num_columns,
        temperature=1.25,
        uncertain_below=0.4,
        voiceprints=Voiceprints(network.told_size, (2.0,) * 3, 2.0),
        data=[],
        licence={"spdx": "CC0-1.0", "attribution": "nobody"},
        figures={},
    )
    same = {"experiment": {"name": "untrained"}, "data_sha256": "0" * 64}
    history = {"loss": [], "best_epoch": {"validation": 0}}
    more = {
        "command": "fit",
        "history": history,
        "versions": {},
        "coverage_on_validation": 0.8,
        "risk_on_validation": 0.2,
        "is_complete": True,
        **same,
    }
    folder = tmp_path_factory.mktemp("untrained") / "run"
    write_run(folder, network, info, more, examples)
    evaluation = {"command": "evaluate", **same, **made_up_evaluation(examples)}
    (folder / "evaluation.json").write_text(json.dumps(evaluation), encoding="utf-8")
    return folder


def copy_of(run_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "run"))


def change_evaluation(folder: Path, key: str, value: object) -> None:
    path = folder / "evaluation.json"
    evaluation = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**evaluation, key: value}), encoding="utf-8")


def change_description(folder: Path, key: str, value: object) -> None:
    path = folder / "run.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["model"][key] = value
    path.write_text(json.dumps(description), encoding="utf-8")


def test_the_file_gives_the_numbers_of_the_network_for_clips_of_any_length(run_folder: Path, tmp_path: Path) -> None:
    export_run(run_folder, tmp_path / "x.onnx")
    classifier = OnnxClassifier(tmp_path / "x.onnx")
    network = keras.saving.load_model(run_folder / "model.keras", compile=False)
    rows = max((example.rows for example in made_up_examples()), key=len)
    nobody = Voice.unknown(classifier.impression_size)

    for num_rows in (1, 2, 3, 50, 99, len(rows)):
        expected = said_of(network, classifier.info, rows[:num_rows], nobody)["logits"][0]
        classifier.reset()
        classifier.push(rows[:num_rows])
        np.testing.assert_allclose(classifier.logits, expected, atol=TOLERANCE)


def test_the_file_says_what_the_run_says(run_folder: Path, tmp_path: Path) -> None:
    export_run(run_folder, tmp_path / "x.onnx")

    info = OnnxClassifier(tmp_path / "x.onnx").info
    assert replace(info, figures={}) == read_run(run_folder).info
    assert info.figures["protocols"]["speakers"]["cold"]["pooled"]["accuracy"]["value"] == 1.0


def test_a_run_that_was_not_evaluated_says_so_in_its_card(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(run_folder, tmp_path)
    (folder / "evaluation.json").unlink()

    export_run(folder, tmp_path / "x.onnx")

    assert OnnxClassifier(tmp_path / "x.onnx").info.figures == {}
    assert "It was not evaluated" in (tmp_path / "x.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ["experiment", "data_sha256"])
def test_figures_of_another_network_are_refused(run_folder: Path, tmp_path: Path, key: str) -> None:
    folder = copy_of(run_folder, tmp_path)
    change_evaluation(folder, key, "another")

    with pytest.raises(ExportError, match=f"its {key} is not that of the network"):
        export_run(folder, tmp_path / "x.onnx")


def test_an_evaluation_that_lacks_something_is_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(run_folder, tmp_path)
    change_evaluation(folder, "protocols", {"speakers": {}})

    with pytest.raises(ExportError, match=r"evaluation\.json: lacks 'states'"):
        export_run(folder, tmp_path / "x.onnx")


def test_the_card_tells_every_protocol_and_that_the_random_one_flatters(run_folder: Path, tmp_path: Path) -> None:
    export_run(run_folder, tmp_path / "x.onnx")

    text = (tmp_path / "x.md").read_text(encoding="utf-8")
    for part in ("Random 80/20", "Optimistic", "Speakers held out", "Live:", "Of 4 clips 0 were missed and 1 split"):
        assert part in text
    assert "| after 10 earlier clips of the speaker, of any emotion | 1.000 " in text
    assert "### Corpus left out" in text
    assert "Absent: it needs more than one corpus." in text


def test_the_file_is_written_over_by_the_next_export(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("an older one", encoding="utf-8")

    export_run(run_folder, tmp_path / "x.onnx")

    assert OnnxClassifier(tmp_path / "x.onnx").labels == LABELS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.md", "x.onnx"]


def test_a_file_that_is_too_large_is_refused(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.files.MAX_BYTES", 1000)

    with pytest.raises(ExportError, match="allowed are 1000: train a smaller network"):
        export_run(run_folder, tmp_path / "x.onnx")

    assert list(tmp_path.iterdir()) == []


def test_a_run_without_parity_rows_is_refused(run_folder: Path, tmp_path: Path) -> None:
    """An export that was checked on nothing was not checked."""
    folder = copy_of(run_folder, tmp_path)
    np.savez(folder / "parity.npz")

    with pytest.raises(RunError, match="holds no rows"):
        export_run(folder, tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("labels", ["anger", "uncertain"], "reserved"),
        ("temperature", -1, "temperature"),
        ("licence", {}, "spdx"),
    ],
)
def test_a_run_that_describes_no_model_is_refused(
    run_folder: Path, tmp_path: Path, key: str, value: object, reason: str
) -> None:
    folder = copy_of(run_folder, tmp_path)
    change_description(folder, key, value)

    with pytest.raises(RunError, match=reason):
        export_run(folder, tmp_path / "x.onnx")

    assert not (tmp_path / "x.onnx").exists()


def change_run(folder: Path, **changed: object) -> None:
    path = folder / "run.json"
    description = {**json.loads(path.read_text(encoding="utf-8")), **changed}
    kept = {key: value for key, value in description.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def test_the_card_of_an_interrupted_training_says_so(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(run_folder, tmp_path)
    change_run(folder, is_complete=False)

    export_run(folder, tmp_path / "x.onnx")

    assert "**Its training was interrupted** after epoch 0" in (tmp_path / "x.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ["history", "versions", "command", "coverage_on_validation", "is_complete"])
def test_a_run_that_lacks_what_a_card_needs_is_one_line_and_no_file(run_folder: Path, tmp_path: Path, key: str) -> None:
    folder = copy_of(run_folder, tmp_path)
    change_run(folder, **{key: None})

    with pytest.raises(ExportError, match=f"lacks what a card needs .*{key}"):
        export_run(folder, tmp_path / "x.onnx")

    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_rows_of_another_width_are_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(run_folder, tmp_path)
    np.savez(folder / "parity.npz", np.zeros((5, 3), np.float32))

    with pytest.raises(ParityError, match=r"must be of shape \(num_rows, 15\), got \(5, 3\)"):
        export_run(folder, tmp_path / "x.onnx")


def test_what_a_corpus_says_of_itself_is_no_markup_in_the_card(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(run_folder, tmp_path)
    sides = {"train": 1, "validation": 1, "test": 0}
    corpus = {
        "corpus": "Mine",
        "language": "a | b",
        "description": "<script>",
        "remarks": [],
        "licence": "CC0-1.0",
        "attribution": "me",
        "clips": sides,
        "speakers": {side: [] for side in sides},
    }
    change_description(folder, "data", [corpus])

    export_run(folder, tmp_path / "x.onnx")

    text = (tmp_path / "x.md").read_text(encoding="utf-8")
    assert "| Mine | a \\| b |" in text
    assert "Mine: &lt;script>." in text


@pytest.mark.parametrize(
    ("name", "reason"),
    [("run.json", "not a training run"), ("parity.npz", "not a training run"), ("model.keras", "not a network")],
)
@pytest.mark.parametrize("is_there", [True, False], ids=["broken", "missing"])
def test_a_run_with_a_bad_file_ends_with_one_line(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str, is_there: bool
) -> None:
    folder = copy_of(run_folder, tmp_path)
    (folder / name).unlink()
    if is_there:
        (folder / name).write_text("broken", encoding="utf-8")

    code = export_command.main([str(folder), "-o", str(tmp_path / "x.onnx")])

    lines = capsys.readouterr().err.splitlines()
    assert code == 2
    assert len(lines) == 1
    assert reason in lines[0]
    assert not (tmp_path / "x.onnx").exists()


def test_a_file_that_gives_other_numbers_is_refused_and_nothing_written(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_numbers(network, classifier, clips):
        return check_parity(StreamingNetwork.from_config(network.get_config()), classifier, clips)

    monkeypatch.setattr("export.files.check_parity", other_numbers)

    with pytest.raises(ParityError, match="differs by"):
        export_run(run_folder, tmp_path / "x.onnx")

    assert list(tmp_path.iterdir()) == []


def test_labels_that_are_not_as_many_as_the_outputs_are_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(run_folder, tmp_path)
    change_description(folder, "labels", ["anger", "happiness", "neutral"])

    assert export_command.main([str(folder), "-o", str(tmp_path / "x.onnx")]) == 4
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.parametrize(("target", "reason"), [("x.bin", "ends in .onnx"), ("nowhere/x.onnx", "can not be written")])
def test_a_target_that_can_not_be_written_is_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, reason: str
) -> None:
    assert export_command.main([str(run_folder), "-o", str(tmp_path / target)]) == 2
    assert reason in capsys.readouterr().err
