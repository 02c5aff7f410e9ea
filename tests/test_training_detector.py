"""The detector of speech: what it learns from, its two forms, and its way into a model file."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

import keras
from signals import speech

import training.__main__ as training_command
from export.errors import ParityError
from export.files import export_run
from export.parity import check_detector_parity
from streamer.errors import ModelError
from streamer.settings import SpeechSettings
from streamer.speech.network import NetworkDetector, SpeechNetwork
from streamer.speech.rows import FRAMES_PER_ROW, NUM_COLUMNS
from training.corpora.base import Clip
from training.detector.lessons import lesson_of, load_lessons, practice_scene, talking
from training.detector.network import DetectorNetwork, delayed
from training.detector.settings import DetectorSettings, load_settings
from training.errors import ExperimentError, RunError
from training.runs import read_detector_run
from training.scenes.noises import BABBLE, NOISES
from training.scenes.scene import Cast, Cell, Scene

SMALL = DetectorSettings(
    seed=0,
    num_scenes=6,
    scene_s=4,
    channels=(4, 4),
    kernel_rows=(3, 2),
    dilations=(1, 3),
    num_epochs=2,
    batch_size=2,
    learning_rate=1e-2,
)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def corpora_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a corpus of one's own with five speakers."""
    folder = tmp_path_factory.mktemp("corpora")
    for number, label in enumerate(("anger", "happiness", "neutral", "sadness")):
        for speaker in "abcde":
            path = folder / "mine" / label / speaker / "1.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, speech(16_000 + 3000 * number, seed=ord(speaker)), 16_000)
    return folder


def clips_of(corpora_dir: Path) -> list[Clip]:
    return [
        Clip(path, path.parts[-3], path.parts[-2], "mine", "") for path in sorted((corpora_dir / "mine").rglob("*.wav"))
    ]


@pytest.fixture(scope="module")
def run(corpora_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a small detector that was trained by the command."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.detector.settings.load_settings", lambda: SMALL)
        code = training_command.main(["detector", str(corpora_dir), "--corpora", "mine", "--out", str(folder)])
    assert code == 0
    return folder


def test_the_settings_file_holds_settings() -> None:
    settings = load_settings()

    assert len(settings.channels) == len(settings.kernel_rows) == len(settings.dilations)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"channels": (4,)}, "one entry a convolution"),
        ({"kernel_rows": (1, 2)}, "kernel_rows must be at least 2"),
        ({"num_scenes": 0}, "sizes must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate from 0"),
    ],
)
def test_settings_that_make_no_network_are_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ExperimentError, match=complaint):
        replace(SMALL, **changes)  # type: ignore[arg-type]


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("a = ")

    with pytest.raises(ExperimentError, match=r"x\.toml: can not be read as TOML"):
        load_settings(tmp_path / "x.toml")


def test_clips_without_a_beginning_are_heard_as_babble_where_there_are_others(corpora_dir: Path) -> None:
    clips = clips_of(corpora_dir)
    cut = [replace(clip, corpus="emodb") for clip in clips]

    assert talking(clips + cut) == ["mine"]
    assert talking(cut) == ["emodb"]


def test_a_scene_to_learn_from_follows_from_its_number(corpora_dir: Path) -> None:
    cast = Cast(clips_of(corpora_dir), ["mine"])

    scenes = [practice_scene(cast, SMALL, index)[0] for index in (3, 3, 4)]

    assert np.array_equal(scenes[0].samples, scenes[1].samples)
    assert not np.array_equal(scenes[0].samples, scenes[2].samples)
    assert all(scene.samples.size == 64_000 and scene.is_speech.size == 400 for scene in scenes)


def test_each_noise_is_heard_with_any_voices(corpora_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_draws: dict[str, list[float]] = {}

    def scene_of(cell: Cell, _cast: Cast, duration_s: float, seed: Sequence[int]) -> Scene:
        first_draws.setdefault(cell.noise, []).append(np.random.default_rng(list(seed)).random())
        frames = round(100 * duration_s)
        return Scene(np.zeros(160 * frames, np.int16), np.zeros(frames, np.bool_), ())

    monkeypatch.setattr("training.detector.lessons.make_scene", scene_of)
    cast = Cast(clips_of(corpora_dir), ["mine"])
    for index in range(400):
        practice_scene(cast, SMALL, index)

    assert all(min(draws) < 0.25 and max(draws) > 0.75 for draws in first_draws.values())


def test_a_lesson_has_a_row_each_40_ms_and_says_which_part_of_each_20_is_speech(corpora_dir: Path) -> None:
    scene, noise = practice_scene(Cast(clips_of(corpora_dir), ["mine"]), SMALL, 1)

    lesson = lesson_of(scene, noise)

    assert lesson.rows.shape == (100, NUM_COLUMNS)
    assert lesson.targets.shape == (100, FRAMES_PER_ROW)
    assert set(np.unique(lesson.targets)) <= {0.0, 0.5, 1.0}
    assert lesson.targets.mean() == pytest.approx(scene.is_speech.mean())


def test_lessons_are_kept(corpora_dir: Path) -> None:
    clips = clips_of(corpora_dir)[:8]

    first = load_lessons(clips, SMALL)
    for lesson, again in zip(first, load_lessons(clips, SMALL), strict=True):
        np.testing.assert_array_equal(lesson.rows, again.rows)
        assert lesson.noise == again.noise in (*NOISES, BABBLE)


def test_the_network_hears_nothing_of_the_future_but_the_row_after() -> None:
    keras.utils.set_random_seed(0)
    network = DetectorNetwork(SMALL)
    rows = np.random.default_rng(0).standard_normal((1, 30, NUM_COLUMNS)).astype(np.float32)
    changed = rows.copy()
    changed[:, 20:] += 1.0

    said, otherwise = np.asarray(network.whole(rows)), np.asarray(network.whole(changed))

    np.testing.assert_allclose(said[:, :20], otherwise[:, :20], atol=1e-6)
    assert not np.allclose(said[:, 20:], otherwise[:, 20:])


def test_targets_are_said_a_row_later() -> None:
    targets = np.arange(8, dtype=np.float32).reshape(1, 4, 2)

    assert delayed(targets)[0].tolist() == [[0, 0], [0, 1], [2, 3], [4, 5]]


def test_both_forms_of_the_network_say_the_same() -> None:
    keras.utils.set_random_seed(0)
    network = DetectorNetwork(SMALL)
    rows = np.random.default_rng(0).standard_normal((1, 30, NUM_COLUMNS)).astype(np.float32)
    states = [np.zeros((1, *shape), np.float32) for shape in network.state_shapes]

    logits = np.asarray(network.whole(rows))
    parts = []
    for first in range(0, 30, 7):
        said, *states = (np.asarray(each) for each in network.streaming([rows[:, first : first + 7], *states]))
        parts.append(said)

    np.testing.assert_allclose(np.concatenate(parts, axis=1), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_a_run_becomes_a_detector_and_its_card(run: Path, tmp_path: Path) -> None:
    said = export_run(run, tmp_path / "speech.onnx")

    assert "differs from the network by at most" in said
    NetworkDetector(SpeechSettings(), tmp_path / "speech.onnx")
    card = (tmp_path / "speech.md").read_text(encoding="utf-8")
    assert "6 simulated scenes of 4 s" in card
    assert "python -m training detector CORPORA_DIR --corpora mine --out RUN" in card
    assert "| mine |" in card


def test_nobody_of_the_first_fold_is_heard_in_training(run: Path) -> None:
    description = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (corpus,) = json.loads(description["detector"]["data"])

    assert set(corpus["speakers"]["train"]) | set(corpus["speakers"]["test"]) == set("abcde")
    assert not set(corpus["speakers"]["train"]) & set(corpus["speakers"]["test"])
    assert len(description["loss"]) == 2


def test_a_folder_that_holds_a_network_is_not_written_over(
    run: Path, corpora_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = training_command.main(["detector", str(corpora_dir), "--corpora", "mine", "--out", str(run)])

    assert code == 2
    assert "already holds a network" in capsys.readouterr().err


def test_other_weights_are_found_out(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "speech.onnx")
    detector = read_detector_run(run)
    assert detector

    with pytest.raises(ParityError, match="differs by"):
        check_detector_parity(
            DetectorNetwork(SMALL).streaming, SpeechNetwork(tmp_path / "speech.onnx"), detector.parity_rows
        )


def test_a_damaged_run_is_refused(run: Path, tmp_path: Path) -> None:
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    description = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "run.json").write_text(json.dumps({**description, "detector": {"name": 3}}), encoding="utf-8")

    with pytest.raises(RunError, match="'detector' must hold texts"):
        export_run(tmp_path, tmp_path / "speech.onnx")


def test_a_detector_without_its_kind_is_refused(run: Path, tmp_path: Path) -> None:
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    description = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    description["detector"]["kind"] = "other"
    (tmp_path / "run.json").write_text(json.dumps(description), encoding="utf-8")

    with pytest.raises(ModelError, match="key 'kind' is 'other'"):
        export_run(tmp_path, tmp_path / "speech.onnx")
