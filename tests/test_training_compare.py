"""Peers and the comparison: what each may see, what is kept, what the figures and tables say."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import speech
from training_toys import make_toy_emodb

from training.calibration import Calibration
from training.compare import COMPARISON_FILE, TEXT_FILE, compare, measure, with_live
from training.corpora import find_corpora, load_clips
from training.corpora.base import LABELS, Clip
from training.dataset import data_hash
from training.errors import CorpusError, RunError
from training.figures import UNHEARD, decisions, label_indices, uar
from training.peers.base import Decisions
from training.peers.functionals import FunctionalStore
from training.peers.majority import Majority
from training.peers.measured import Column, difference, differences, figures, mean_figures, results_of
from training.peers.normalisation import by_speaker, by_training_clips
from training.peers.recorded import recorded_networks
from training.peers.svm import SvmGrid, SvmPeer, groups_of, mean_squared_distances
from training.peers.text import markdown, plain
from training.predictions import COLUMNS, Said, predictions, write_csv
from training.protocols import Clips, Task
from training.runs import EVALUATION_FILE, PREDICTIONS_FILE

SMALL_GRID = SvmGrid(penalties=(1.0, 10.0), gammas=(0.3, 1.0), num_folds=3)
NUM_COLUMNS = 5
CLIPS_HASH = "hash of the clips"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


def clips_of(folder: Path, speakers: str, *, num_takes: int = 4, corpus: str = "emodb") -> Clips:
    """Return clips of each label for each letter of ``speakers``; the files differ, but are no audio."""
    clips = []
    for speaker in speakers:
        for label in LABELS:
            for take in range(num_takes):
                path = folder / f"{corpus}-{speaker}-{label}-{take}.wav"
                path.write_text(path.name)
                clips.append(Clip(path, label, speaker, corpus, "woman"))
    return tuple(clips)


def task_of(folder: Path, protocol: str = "speakers", name: str = "fold 0") -> Task:
    """Return a task with two speakers to train on, one to validate and two to test."""
    return Task(protocol, name, *(clips_of(folder, speakers) for speakers in ("ab", "c", "de")))


class ToySource:
    """Columns that tell the label, after those of the speaker are taken off; notes who was asked for."""

    version = "toy"

    def __init__(self, *, tells_speaker: float = 0.0, tells_label: float = 3.0) -> None:
        self.asked: list[Clip] = []
        self.changed: dict[Clip, np.ndarray] = {}
        self._tells_speaker, self._tells_label = tells_speaker, tells_label

    def functionals(self, clips: Sequence[Clip]) -> np.ndarray:
        self.asked += clips
        return np.stack([self.changed.get(clip, self._row(clip)) for clip in clips]).astype(np.float32)

    def _row(self, clip: Clip) -> np.ndarray:
        random = np.random.default_rng([ord(letter) for letter in clip.path.stem])
        row = random.standard_normal(NUM_COLUMNS)
        row[LABELS.index(clip.label)] += self._tells_label
        return row + self._tells_speaker * (ord(clip.speaker) - ord("a"))


def svm(source: ToySource, normalise: object = by_training_clips, grid: SvmGrid = SMALL_GRID) -> SvmPeer:
    return SvmPeer("svm", "an SVM", source, normalise, grid)


class Fixed:
    """Decides as told: a rule for each clip."""

    title = "as told"

    def __init__(self, name: str, wrong: Sequence[str] = (), *, is_live: bool = False) -> None:
        """Be wrong about the speakers ``wrong``."""
        self.name, self._wrong, self._is_live = name, wrong, is_live

    def answers(self, protocol: str) -> bool:
        return self._is_live or protocol != "live"

    def decide(self, task: Task) -> Decisions:
        truth = label_indices(task.test)
        is_wrong = np.array([clip.speaker in self._wrong for clip in task.test])
        return Decisions((truth + is_wrong) % len(LABELS))


def test_the_majority_is_that_of_the_training_clips(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    sad = tuple(replace(clip, label="sadness") for clip in clips_of(tmp_path, "f"))

    decided = Majority().decide(replace(task, train=task.train + sad))

    assert decided.indices.tolist() == [LABELS.index("sadness")] * len(task.test)


def test_normalising_per_speaker_uses_only_the_clips_of_that_speaker(tmp_path: Path) -> None:
    clips = clips_of(tmp_path, "abc")
    own = np.array([clip.speaker == "b" for clip in clips])
    rows = np.random.default_rng(0).normal(3.0, 2.0, (len(clips), NUM_COLUMNS))
    changed = np.where(own[:, np.newaxis], rows, rows * 7.0 + 1.0)

    normalised, normalised_again = by_speaker(rows, clips, 16), by_speaker(changed, clips, 16)

    np.testing.assert_array_equal(normalised[own], normalised_again[own])
    np.testing.assert_allclose(normalised[own].mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(normalised[own].std(axis=0), 1.0)


def test_speakers_of_the_same_name_in_two_corpora_are_two_people(tmp_path: Path) -> None:
    clips = clips_of(tmp_path, "a") + clips_of(tmp_path, "a", corpus="nemo")
    rows = np.random.default_rng(0).standard_normal((len(clips), 2))
    rows[16:] += 100.0

    normalised = by_speaker(rows, clips, 16)

    np.testing.assert_allclose(normalised[:16].mean(axis=0), 0.0, atol=1e-12)


def test_normalising_globally_uses_only_the_training_clips(tmp_path: Path) -> None:
    clips = clips_of(tmp_path, "abc")
    rows = np.random.default_rng(0).normal(3.0, 2.0, (len(clips), NUM_COLUMNS))
    changed = rows.copy()
    changed[32:] += 50.0

    normalised, normalised_again = by_training_clips(rows, clips, 32), by_training_clips(changed, clips, 32)

    np.testing.assert_array_equal(normalised[:32], normalised_again[:32])
    np.testing.assert_allclose(normalised[:32].mean(axis=0), 0.0, atol=1e-12)


def test_a_column_that_is_constant_in_training_says_nothing(tmp_path: Path) -> None:
    """Else what float32 rounds there, or a test clip has, would drown all other columns."""
    clips = clips_of(tmp_path, "ab")
    rows = np.random.default_rng(0).standard_normal((len(clips), 2))
    rows[:16, 1] = 1000.0 + 1e-5 * rows[:16, 1]

    normalised = by_training_clips(rows, clips, 16)

    assert not normalised[:, 1].any()
    assert normalised[:, 0].any()


def test_distances_are_those_of_the_definition() -> None:
    rows = np.random.default_rng(0).standard_normal((6, 3))

    distances = mean_squared_distances(rows)

    expected = np.square(rows[:, np.newaxis] - rows).mean(axis=2)
    np.testing.assert_allclose(distances, expected, atol=1e-12)


def test_an_svm_learns_what_the_columns_tell(tmp_path: Path) -> None:
    task = task_of(tmp_path)

    decided = svm(ToySource()).decide(task)

    (result,) = results_of([(task, decided)]).values()
    assert uar(result.confusion) > 0.8
    assert decided.settings["uar_when_chosen"] > 0.8
    assert decided.settings["penalty"] in SMALL_GRID.penalties


def test_speakers_who_differ_are_told_apart_from_emotions_by_normalising_each(tmp_path: Path) -> None:
    task = task_of(tmp_path)

    globally = svm(ToySource(tells_speaker=20.0), by_training_clips).decide(task)
    each = svm(ToySource(tells_speaker=20.0), by_speaker).decide(task)

    truth = label_indices(task.test)
    assert (globally.indices == truth).mean() < 0.5
    assert (each.indices == truth).mean() > 0.8


def test_the_choice_of_settings_never_sees_test_clips(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    plain_source, changed_source = ToySource(), ToySource()
    changed_source.version = "changed"
    changed_source.changed = {clip: np.full(NUM_COLUMNS, 9.0) for clip in task.test}

    settings = svm(plain_source).decide(task).settings
    settings_again = svm(changed_source).decide(task).settings

    assert settings == settings_again


def test_decisions_do_not_depend_on_the_labels_of_the_test_clips(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    turned = tuple(replace(clip, label=LABELS[LABELS.index(clip.label) - 1]) for clip in task.test)
    rows = ToySource().functionals(task.test)
    source = ToySource()
    source.changed = dict(zip(turned, rows, strict=True))

    decided = svm(ToySource()).decide(task)
    decided_again = svm(source).decide(replace(task, test=turned))

    np.testing.assert_array_equal(decided.indices, decided_again.indices)
    assert decided.settings == decided_again.settings


@pytest.mark.parametrize(("protocol", "num_groups"), [("speakers", 3), ("corpus", 3), ("random", 48)])
def test_settings_are_chosen_as_the_protocol_tests(tmp_path: Path, protocol: str, num_groups: int) -> None:
    task = task_of(tmp_path, protocol)

    groups = groups_of(task)

    assert len(groups) == len(task.train) + len(task.validation)
    assert len(np.unique(groups)) == num_groups


def test_a_speaker_is_not_judged_by_what_was_learnt_of_the_same_speaker(tmp_path: Path) -> None:
    """Each speaker has one label, which the columns tell: known speakers are easy, others impossible."""

    def one_label(protocol: str) -> Task:
        task = task_of(tmp_path, "random")
        known = {speaker: LABELS[index] for index, speaker in enumerate("abc")}
        train = tuple(replace(clip, label=known[clip.speaker]) for clip in task.train)
        sides = {"train": train + clips_of(tmp_path, "f"), "validation": task.validation, "test": task.test}
        return Task(protocol, "fold 0", **sides)

    source = ToySource(tells_speaker=20.0, tells_label=0.0)
    by_clip = svm(source).decide(one_label("random")).settings["uar_when_chosen"]
    by_people = svm(source).decide(one_label("speakers")).settings["uar_when_chosen"]

    assert by_people < by_clip - 0.2


def test_a_comparison_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    first, second = task_of(tmp_path, name="fold 0"), task_of(tmp_path, "random", "emodb 0")
    before, after = ToySource(), ToySource()
    decided = svm(before).decide(first)  # and here it is killed

    decided_again = svm(after).decide(first)
    num_asked = len(after.asked)
    svm(after).decide(second)

    assert num_asked == 0
    assert len(after.asked) == len(before.asked)
    np.testing.assert_array_equal(decided.indices, decided_again.indices)
    assert decided.settings == decided_again.settings


def test_decisions_are_made_anew_for_other_settings_sounds_or_columns(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    source = ToySource()
    svm(source).decide(task)
    once = len(source.asked)

    svm(source, grid=replace(SMALL_GRID, num_folds=2)).decide(task)
    task.test[0].path.write_text("another sound")
    svm(source).decide(task)
    source.version = "other columns"
    svm(source).decide(task)

    assert len(source.asked) == 4 * once


def test_half_a_file_of_decisions_is_never_found(tmp_path: Path) -> None:
    svm(ToySource()).decide(task_of(tmp_path))

    kept = [path.name for path in (tmp_path / "cache" / "decisions").iterdir()]

    assert [name.partition("-")[0] for name in kept] == ["svm"]
    assert kept[0].endswith(".json")


def test_a_system_equal_to_itself_differs_by_exactly_nothing(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    (result,) = results_of([(task, Fixed("x", wrong="d").decide(task))]).values()

    found = difference([result], [result])

    assert found == {"value": 0.0, "interval_95": [0.0, 0.0], "share_of_draws_below_0": 0.0}


def test_a_system_that_is_better_for_every_speaker_has_an_interval_above_nothing(tmp_path: Path) -> None:
    """Though the speakers differ so much that the intervals of the two overlap."""
    test = clips_of(tmp_path, "defghijk")
    task = replace(task_of(tmp_path), test=test)
    truth = label_indices(test)
    is_hard = np.array([clip.speaker in "defg" for clip in test])
    is_first = np.array([clip.path.stem.endswith("0") for clip in test])
    worse = np.where(is_hard | is_first, (truth + 1) % 4, truth)
    better = np.where(is_hard & ~is_first, (truth + 1) % 4, truth)
    (one,), (other,) = (results_of([(task, Decisions(decided))]).values() for decided in (better, worse))

    found, reverse = difference([one], [other]), difference([other], [one])

    assert figures(one)["uar"]["interval_95"][0] < figures(other)["uar"]["interval_95"][1]
    assert found["value"] == pytest.approx(0.25)
    assert found["interval_95"] == pytest.approx([0.25, 0.25])
    assert (found["share_of_draws_below_0"], reverse["share_of_draws_below_0"]) == (0.0, 1.0)


def test_the_difference_of_the_mean_weighs_corpora_alike(tmp_path: Path) -> None:
    """One corpus is larger, and there alone the two differ."""
    large, small = clips_of(tmp_path, "defg"), clips_of(tmp_path, "de", corpus="nemo")
    task = replace(task_of(tmp_path), test=large + small)
    better = label_indices(task.test)
    worse = np.where(np.arange(len(better)) < len(large), (better + 1) % 4, better)
    results = {name: results_of([(task, Decisions(each))]) for name, each in (("one", better), ("two", worse))}

    found = {each["corpus"]: each for each in differences("one", results, ["speakers"])}

    assert {corpus: each["value"] for corpus, each in found.items()} == {"emodb": 1.0, "nemo": 0.0, "mean": 0.5}
    assert found["mean"]["interval_95"] == [0.5, 0.5]
    assert mean_figures(list(results["two"].values()))["uar"]["value"] == 0.5


def test_a_clip_that_is_tested_again_is_no_further_trial(tmp_path: Path) -> None:
    tasks = [task_of(tmp_path, "random", f"emodb {repeat}") for repeat in range(5)]

    (once,) = results_of([(tasks[0], Fixed("x", wrong="d").decide(tasks[0]))]).values()
    (repeated,) = results_of([(task, Fixed("x", wrong="d").decide(task)) for task in tasks]).values()

    assert repeated.confusion.sum() == 5 * once.confusion.sum()
    assert figures(repeated)["accuracy"] == figures(once)["accuracy"]
    assert figures(repeated)["clips"] == len(tasks[0].test)


def test_figures_are_of_each_protocol_and_corpus(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    mixed = replace(task, test=task.test + clips_of(tmp_path, "e", corpus="nemo"))

    results = results_of([(mixed, Fixed("x", wrong="e").decide(mixed))])

    assert {column: result.accuracy for column, result in results.items()} == {
        Column("speakers", "emodb"): 0.5,
        Column("speakers", "nemo"): 0.0,
    }


def write_run(folder: Path, name: str, lines: Sequence[Mapping[str, str]], data_sha256: str = CLIPS_HASH) -> Path:
    """Write what ``evaluate`` leaves in a run folder, with ``lines`` as predictions."""
    folder.mkdir()
    evaluation = {
        "experiment": {"name": name, "features": {}},
        "command": "",
        "data_sha256": data_sha256,
        "corpora": [],
        **{key: {} for key in ("versions", "states", "protocols", "histories")},
    }
    (folder / EVALUATION_FILE).write_text(json.dumps(evaluation))
    with (folder / PREDICTIONS_FILE).open("w", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        rows.writerows(lines)
    return folder


def lines_of(task: Task, decided: Mapping[str, int] | int = 0, **changed: str) -> list[dict[str, str]]:
    """Return a line for each test clip of ``task``; ``decided`` is the label, for all or by file name."""
    lines = []
    for clip in task.test:
        label = decided if isinstance(decided, int) else decided[clip.path.name]
        numbers = (
            dict.fromkeys(LABELS, "")
            if label == UNHEARD
            else {name: "0.7" if index == label else "0.1" for index, name in enumerate(LABELS)}
        )
        where = {"protocol": task.protocol, "state": "cold", "selection": "validation", "task": task.name}
        what = {"corpus": clip.corpus, "speaker": clip.speaker, "clip": clip.path.name, "label": clip.label}
        lines.append({**where, **what, **numbers, "is_uncertain": "0", **changed})
    return lines


def test_a_recorded_network_says_what_is_in_the_file(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    said = {clip.path.name: index % (len(LABELS) + 1) for index, clip in enumerate(task.test)}
    lines = lines_of(task, said)[::-1] + lines_of(task, 3, state="warm_5")

    (network,) = recorded_networks(write_run(tmp_path / "run", "streaming", lines), CLIPS_HASH)

    assert network.name == "streaming"
    assert network.decide(task).indices.tolist() == list(said.values())
    assert (network.answers("speakers"), network.answers("live")) == (True, False)


def test_what_evaluate_writes_is_read_back(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    logits = np.random.default_rng(0).standard_normal((len(task.test), len(LABELS)))
    logits[3] = np.nan
    made = predictions(task.test, logits, Calibration(1.5, 0.4, 0.8))
    folder = write_run(tmp_path / "run", "streaming", [])
    write_csv(folder / PREDICTIONS_FILE, [Said("speakers", "cold", "validation", task, made)])

    (network,) = recorded_networks(folder, CLIPS_HASH)

    np.testing.assert_array_equal(network.decide(task).indices, decisions(logits))


def test_a_network_chosen_on_test_clips_is_a_system_of_its_own(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    lines = lines_of(task, 1) + lines_of(task, 2, selection="test")

    networks = recorded_networks(write_run(tmp_path / "run", "seed", lines), CLIPS_HASH)

    assert {network.name: int(network.decide(task).indices[0]) for network in networks} == {
        "seed": 1,
        "seed-selected-on-test": 2,
    }
    assert "flatters" in networks[1].title


def test_a_clip_that_a_network_was_not_asked_about_is_named(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    (network,) = recorded_networks(write_run(tmp_path / "run", "streaming", lines_of(task)[1:]), CLIPS_HASH)

    with pytest.raises(RunError, match=r"speakers/fold 0: nothing is said of emodb/d/anger/emodb-d-anger-0\.wav;"):
        network.decide(task)


def test_a_clip_that_only_a_network_knows_is_named(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    (network,) = recorded_networks(write_run(tmp_path / "run", "streaming", lines_of(task)), CLIPS_HASH)

    with pytest.raises(RunError, match=r"no such clip is tested: emodb/d/anger/emodb-d-anger-0\.wav and of 1 more"):
        network.decide(replace(task, test=task.test[2:]))


def test_two_clips_that_can_not_be_told_apart_are_refused(tmp_path: Path) -> None:
    lines = lines_of(task_of(tmp_path))

    with pytest.raises(RunError, match="there twice"):
        recorded_networks(write_run(tmp_path / "run", "streaming", [*lines, lines[0]]), CLIPS_HASH)


def test_a_run_without_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no predictions"):
        recorded_networks(write_run(tmp_path / "run", "streaming", []), CLIPS_HASH)


def comparison_of(tmp_path: Path) -> dict[str, object]:
    """Return a comparison of a network, a peer that is worse and the majority."""
    tasks = with_live([task_of(tmp_path), task_of(tmp_path, "random", "emodb 0")])
    systems = [Fixed("streaming", is_live=True), Fixed("peer", wrong="d"), Majority()]
    about = {"command": "python -m training compare", "corpora": {"emodb": "EmoDB"}, "num_repeats": 5}
    return {**about, **measure(systems, tasks, ["streaming"])}


def test_the_table_has_all_systems_and_protocols(tmp_path: Path) -> None:
    text = markdown(comparison_of(tmp_path))

    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert cells[0] == ["system", "random 80/20: EmoDB", "speakers held out: EmoDB", "live: EmoDB"]
    assert cells[2] == ["streaming", "1.000 (0.89-1.00)", "1.000 (1.00-1.00)", "1.000 (1.00-1.00)"]
    assert cells[3] == ["peer", "0.500 (0.34-0.66)", "0.500 (0.00-1.00)", "-"]
    assert cells[4] == ["majority", "0.250 (0.13-0.42)", "0.250 (0.25-0.25)", "-"]


def test_the_text_shows_at_a_glance_what_a_random_split_hides(tmp_path: Path) -> None:
    text = markdown(comparison_of(tmp_path))

    assert "| EmoDB: random -> speakers held out |" in text
    assert "| 0.50 -> 0.50 " in text


def test_the_text_has_the_command_the_differences_and_what_each_sees(tmp_path: Path) -> None:
    text = markdown(comparison_of(tmp_path))

    assert "Made by `python -m training compare`" in text
    assert "How much better `streaming` is" in text
    assert "+0.500 (+0.00 to +1.00; 0.0 %)" in text
    assert "+0.750 (+0.75 to +0.75; 0.0 %)" in text
    assert "- `peer`: as told" in text


def test_the_tables_for_a_terminal_are_those_of_the_text(tmp_path: Path) -> None:
    comparison = comparison_of(tmp_path)

    text = plain(comparison)

    assert text.count("| system ") == 4
    assert all(line in markdown(comparison) for line in text.splitlines() if "+0." in line)


def test_without_a_network_there_are_no_differences(tmp_path: Path) -> None:
    comparison = measure([Fixed("peer"), Majority()], [task_of(tmp_path)], [])

    assert comparison["differences"] == []
    assert comparison["systems"][0]["figures"]["live"] is None


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "streaming", lines_of(task_of(tmp_path)), data_hash(()))

    with pytest.raises(RunError, match="two systems are called streaming"):
        compare((), (), [run, run], tmp_path / "out", "")


def test_a_run_that_was_evaluated_on_other_clips_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "streaming", lines_of(task_of(tmp_path)))

    with pytest.raises(RunError, match="was evaluated on other clips than those of --corpora"):
        compare((), clips_of(tmp_path, "a"), [run], tmp_path / "out", "")


def test_the_default_peers_say_what_they_see() -> None:
    from training.peers.choices import default_peers

    titles = {peer.name: peer.title for peer in default_peers()}

    assert list(titles) == [
        *("egemaps-svm-global", "egemaps-svm-speaker", "compare2016-svm-global", "compare2016-svm-speaker"),
        "majority",
    ]
    assert all(("all unlabelled clips" in title) == name.endswith("speaker") for name, title in titles.items())


def test_a_comparison_without_opensmile_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)

    with pytest.raises(RunError, match=r"pip install -e '\.\[compare\]'"):
        FunctionalStore("eGeMAPSv02").functionals(clips_of(tmp_path, "a"))


@pytest.fixture
def _opensmile() -> None:
    pytest.importorskip("opensmile", reason="openSMILE is not installed; it comes with the extra `compare`")


@pytest.mark.usefixtures("_opensmile")
def test_functionals_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, speech(16_000), 16_000)
    clip = Clip(path, "anger", "a", "emodb", "man")
    made = FunctionalStore("eGeMAPSv02").functionals([clip])
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    np.save(kept, np.arange(88, dtype=np.float32))

    found = FunctionalStore("eGeMAPSv02").functionals([clip])

    assert made.shape == (1, 88)
    assert np.isfinite(made).all()
    assert found[0].tolist() == list(range(88))


@pytest.mark.usefixtures("_opensmile")
def test_a_sample_at_full_scale_does_not_turn_over(tmp_path: Path) -> None:
    samples = speech(16_000).astype(np.float64) / np.abs(speech(16_000)).max()
    clips = []
    for name, largest in (("full", 1.0), ("less", 1.0 - 2.0**-15)):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.minimum(samples, largest), 16_000, subtype="FLOAT")
        clips.append(Clip(path, "anger", "a", "emodb", "man"))

    rows = FunctionalStore("eGeMAPSv02").functionals(clips)

    assert np.abs(samples).max() == 1.0
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.usefixtures("_opensmile")
@pytest.mark.parametrize("num_samples", [0, 100])
def test_a_clip_that_is_too_short_is_named(tmp_path: Path, num_samples: int) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(num_samples), 16_000)

    with pytest.raises(CorpusError, match=rf"short\.wav: openSMILE finds no eGeMAPSv02 in {num_samples} samples"):
        FunctionalStore("eGeMAPSv02").functionals([Clip(path, "anger", "a", "emodb", "man")])


@pytest.mark.usefixtures("_opensmile")
def test_a_whole_comparison_leaves_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_toy_emodb(tmp_path)
    corpora = find_corpora(["emodb"], tmp_path)
    clips = load_clips(corpora, tmp_path)

    compare(corpora, clips, [], tmp_path / "out", "python -m training compare CORPORA_DIR")

    found = json.loads((tmp_path / "out" / COMPARISON_FILE).read_text())
    assert [system["name"] for system in found["systems"]][-1] == "majority"
    assert found["systems"][-1]["figures"]["speakers"]["emodb"]["uar"]["value"] == 0.25
    assert found["versions"]["opensmile"]
    assert "compare2016-svm-speaker" in (tmp_path / "out" / TEXT_FILE).read_text()
    assert "speakers held out: EmoDB" in capsys.readouterr().out
