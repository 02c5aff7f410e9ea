"""Figures, calibration, weights, batches: small and exact."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamer.features.normalise import GlobalNormaliser
from streamer.settings import FeatureSettings
from training.batches import Shuffler, balanced_weights, normaliser_of, padded
from training.calibration import Calibration, calibrate, calibration_error, posteriors, risk_coverage
from training.corpora import find_corpora
from training.corpora.base import LABELS, Clip
from training.dataset import Example
from training.errors import CorpusError, RunError
from training.experiment import load_experiment
from training.figures import confusion, mean_uar, uar
from training.intervals import mean_uar_interval, speaker_interval, wilson_interval
from training.predictions import joined, predictions
from training.scores import score

SEED = load_experiment("seed")


def examples_of(
    labels: str, *, corpus: str = "emodb", speakers: str | None = None, paths: str | None = None
) -> list[Example]:
    """Return one example a letter, which begins a label; ``speakers`` has a letter each, too."""
    full, size = {label[0]: label for label in LABELS}, len(labels)
    return [
        Example(Clip(Path(path), full[letter], speaker, corpus, "man"), np.zeros((100, 3), np.float32))
        for letter, speaker, path in zip(labels, speakers or "x" * size, paths or map(str, range(size)), strict=False)
    ]


def clips_of(labels: str, **more: str) -> list[Clip]:
    return [example.clip for example in examples_of(labels, **more)]


def logits_for(labels: str, size: float = 5.0) -> np.ndarray:
    letters = [label[0] for label in LABELS]
    return size * np.eye(len(LABELS))[[letters.index(letter) for letter in labels]]


def test_confusions_have_the_truth_in_rows() -> None:
    counts = confusion(np.array([0, 0, 3]), np.array([0, 1, 3]))

    assert counts.tolist() == [[1, 1, 0, 0, 0], [0] * 5, [0] * 5, [0, 0, 0, 1, 0]]


def test_uar_is_the_mean_recall_of_the_labels_that_occur() -> None:
    """9 of 10 and 1 of 2; two labels do not occur."""
    assert uar(np.array([[9, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4])) == pytest.approx(0.7)


def test_a_small_corpus_counts_as_much_as_a_large_one() -> None:
    clips = [*clips_of("aaaa", corpus="nemo"), *clips_of("h")]

    assert mean_uar(clips, np.array([0, 0, 0, 0, 0])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("num_right", "num_all", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (450, 1000, 0.4194, 0.4810)],
)
def test_wilson_intervals_are_those_of_the_textbooks(num_right: int, num_all: int, low: float, high: float) -> None:
    assert wilson_interval(num_right / num_all, num_all) == pytest.approx((low, high), abs=1e-4)


def test_speakers_who_are_all_alike_give_an_interval_of_no_width() -> None:
    counts = np.stack([confusion(np.array([0, 1]), np.array([0, 0]))] * 4)

    assert speaker_interval(counts) == pytest.approx((0.5, 0.5))


def test_speakers_who_differ_give_an_interval_that_holds_the_mean() -> None:
    right, wrong = confusion(np.array([0, 1]), np.array([0, 1])), confusion(np.array([0, 1]), np.array([1, 0]))
    low, high = speaker_interval(np.stack([right, right, wrong, wrong]))

    assert low < 0.5 < high


def test_the_interval_of_a_mean_over_corpora_draws_the_speakers_of_each() -> None:
    right, wrong = confusion(np.array([0, 1]), np.array([0, 1])), confusion(np.array([0, 1]), np.array([1, 0]))

    both = mean_uar_interval([np.stack([right] * 3), np.stack([wrong] * 2)])
    mixed = mean_uar_interval([np.stack([right] * 3), np.stack([right, wrong])])

    assert both == pytest.approx((0.5, 0.5))
    assert mixed == pytest.approx((0.5, 1.0))


def test_an_overconfident_network_is_cooled() -> None:
    """Three of four are right: the probability of the decision should be about 3 in 4, not 0.99."""
    clips, logits = clips_of("aaah" * 5), logits_for("aaaa" * 5, size=10.0)

    calibration = calibrate(clips, logits)

    assert posteriors(logits, calibration.temperature).max(axis=1)[0] == pytest.approx(0.75, abs=0.02)


def test_nothing_is_calibrated_where_nobody_was_heard() -> None:
    with pytest.raises(RunError, match="nobody is heard in any of the 4 validation clips"):
        calibrate(clips_of("ahns"), np.full((4, 4), np.nan))


def test_of_the_labels_that_are_given_a_fifth_is_wrong() -> None:
    """And no more are kept back than that takes."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 2000)
    logits = random.normal(size=(2000, 4)) + 1.5 * np.eye(4)[truth]
    clips = clips_of("".join("ahns"[label] for label in truth))

    calibration = calibrate(clips, logits)

    probabilities = posteriors(logits, calibration.temperature)
    is_sure = probabilities.max(axis=1) >= calibration.uncertain_below
    is_wrong = probabilities.argmax(axis=1) != truth
    assert is_wrong.mean() > 0.25
    assert is_wrong[is_sure].mean() == pytest.approx(0.2, abs=0.01)
    assert calibration.coverage == pytest.approx(is_sure.mean(), abs=1e-4)


def test_where_all_labels_are_right_none_is_kept_back() -> None:
    calibration = calibrate(clips_of("ahns" * 5), logits_for("ahns" * 5))

    assert calibration.coverage == 1.0


def test_where_even_the_surest_are_wrong_every_label_is_kept_back() -> None:
    calibration = calibrate(clips_of("ahns" * 5), logits_for("hnsa" * 5))

    assert calibration.uncertain_below == 1.0
    assert calibration.coverage == 0.0


def test_risk_falls_with_coverage_where_confidence_means_something() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 2000)
    clips = clips_of("".join("ahns"[label] for label in truth))
    probabilities = posteriors(random.normal(size=(2000, 4)) + 1.5 * np.eye(4)[truth], 1.0)
    probabilities[:100] = np.nan  # nobody was heard

    curve = risk_coverage(clips, probabilities)

    risks = [point["risk"] for point in curve]
    assert [point["coverage"] for point in curve] == pytest.approx(np.arange(1, 11) / 10)
    assert risks == sorted(risks)
    is_wrong = np.nan_to_num(probabilities).argmax(axis=1) != truth
    is_wrong[:100] = True
    assert risks[-1] == pytest.approx(is_wrong.mean(), abs=1e-4)


def test_the_calibration_error_of_honest_probabilities_is_near_nothing() -> None:
    """Chance alone would give a third of a tenth for so many clips; that is taken off."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(4), 1000)
    truth = [int(random.choice(4, p=row)) for row in probabilities]
    clips = clips_of("".join("ahns"[label] for label in truth))

    assert calibration_error(clips, probabilities) < 0.025
    assert calibration_error(clips, posteriors(np.log(probabilities), 0.4)) > 0.08


def test_an_evaluation_says_when_few_speakers_make_it() -> None:
    clips = clips_of("ahns" * 2, speakers="xxxxyyyy")

    figures = score(predictions(clips, logits_for("ahnn" * 2), Calibration(1.0, 0.5, 1.0)))

    assert figures["emodb"]["accuracy"]["value"] == 0.75
    assert figures["emodb"]["uar"]["value"] == 0.75
    assert figures["emodb"]["coverage"] == 1.0
    assert "rests on 2 speakers" in figures["emodb"]["note"]
    assert figures["pooled"]["confusion"] == [[2, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 2, 0, 0], [0, 0, 2, 0, 0]]


def test_a_clip_in_which_nobody_is_heard_counts_as_wrong() -> None:
    """A figure that leaves clips out would flatter."""
    logits = logits_for("ahns")
    logits[3] = np.nan

    figures = score(predictions(clips_of("ahns"), logits, Calibration(1.0, 0.5, 1.0)))["pooled"]

    assert figures["unheard"] == 1
    assert figures["accuracy"]["value"] == figures["uar"]["value"] == figures["coverage"] == 0.75
    assert figures["confusion"][3] == [0, 0, 0, 0, 1]
    assert figures["accuracy_of_covered"]["value"] == 1.0


def test_an_evaluation_that_is_never_sure_covers_nothing() -> None:
    figures = score(predictions(clips_of("ahns"), np.zeros((4, 4)), Calibration(1.0, 0.9, 0.0)))

    assert figures["pooled"]["coverage"] == 0.0
    assert figures["pooled"]["accuracy_of_covered"]["value"] is None


def test_networks_that_were_asked_apart_are_judged_as_one_with_their_own_calibrations() -> None:
    logits = np.log(np.array([[0.6, 0.2, 0.1, 0.1]]))
    one = predictions(clips_of("a"), logits, Calibration(1.0, 0.5, 1.0))
    other = predictions(clips_of("a"), logits, Calibration(1.0, 0.7, 0.5))

    both = joined([one, other])

    assert both.is_sure.tolist() == [True, False]
    assert both.probabilities == pytest.approx(np.exp(logits).repeat(2, axis=0))
    assert score(both)["pooled"]["coverage"] == 0.5


def test_a_clip_tested_in_several_repeats_is_one_trial() -> None:
    """Else the interval would shrink with every repeat, and the people be no more."""
    once = predictions(clips_of("ahns", paths="wxyz"), logits_for("ahnn"), Calibration(1.0, 0.5, 1.0))

    alone, thrice = score(once)["pooled"], score(joined([once] * 3))["pooled"]

    assert thrice["clips"] == 12
    assert thrice["accuracy"] == alone["accuracy"]
    assert thrice["accuracy_of_covered"] == alone["accuracy_of_covered"]


def test_reliability_bins_hold_every_clip_that_was_heard_once() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(200, 4))
    logits[7] = np.nan

    bins = score(predictions(clips_of("ahns" * 50), logits, Calibration(1.0, 0.5, 1.0)))["pooled"]["reliability"]

    assert [one["clips"] for one in bins] == [20] * 9 + [19]
    assert sorted(one["confidence"] for one in bins) == [one["confidence"] for one in bins]


def test_balance_of_power_one_makes_every_label_of_every_corpus_weigh_the_same() -> None:
    examples = [*examples_of("aaan"), *examples_of("aa", corpus="nemo")]

    weights = balanced_weights(examples, 1.0)

    assert weights.mean() == pytest.approx(1.0)
    assert weights[:3].sum() == pytest.approx(weights[3]) == pytest.approx(weights[4:].sum())


def test_balance_of_power_zero_weighs_nothing() -> None:
    assert balanced_weights(examples_of("aaan"), 0.0).tolist() == [1.0] * 4


def test_padding_is_marked() -> None:
    rows, is_valid = padded([np.ones((70, 3), np.float32), np.ones((2, 3), np.float32)])

    assert rows.shape == (2, 128, 3)
    assert is_valid.sum(axis=1).tolist() == [70, 2]
    assert rows.sum(axis=(1, 2)).tolist() == [210, 6]


def test_the_normaliser_is_that_of_all_rows() -> None:
    example = examples_of("a")[0]
    parts = [np.full((1, 3), 2.0, np.float32), np.full((3, 3), 6.0, np.float32)]

    mean, std = normaliser_of([Example(example.clip, rows) for rows in parts], FeatureSettings(num_cepstra=3))

    assert mean == pytest.approx([5.0] * 3)
    assert std == pytest.approx([np.sqrt(3.0)] * 3)


def test_pitch_is_centred_where_there_is_a_voice_and_harmonicity_is_left_as_it_is() -> None:
    example = examples_of("a")[0]
    rows = np.array([[0.0, 1.0, 0.9], [2.0, 3.0, 0.0], [4.0, 2.0, 0.9]], np.float32)

    mean, std = normaliser_of([Example(example.clip, rows)], FeatureSettings(num_cepstra=1, pitch=True))

    assert mean == pytest.approx([2.0, 1.5, 0.0], abs=1e-3)
    assert std == pytest.approx([np.sqrt(8 / 3), 1.0, 1.0])


NORMALISER = GlobalNormaliser([0.0] * 3, [1.0] * 3)


def test_an_epoch_has_every_clip_once_and_is_the_same_for_the_same_seed() -> None:
    examples = examples_of("ahns" * 4)

    def epoch(seed: int) -> list[np.ndarray]:
        learning = replace(SEED.learning, batch_size=4, min_batches=4)
        return [batch.targets[0] for batch in Shuffler(examples, NORMALISER, learning, seed).epoch(1)]

    first, second, other = epoch(1), epoch(1), epoch(2)

    assert np.concatenate(first).sum(axis=0).tolist() == [4.0] * 4
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_an_epoch_does_not_depend_on_those_before_it() -> None:
    """So that training can go on after an interruption as if there had been none."""
    examples = examples_of("ahns" * 4)
    learning = replace(SEED.learning, batch_size=4, min_batches=1)
    used, fresh = (Shuffler(examples, NORMALISER, learning, 0) for _ in range(2))
    first = [batch.targets[0] for batch in used.epoch(1)]

    second, expected = [batch.targets[0] for batch in used.epoch(2)], [batch.targets[0] for batch in fresh.epoch(2)]

    for targets, same in zip(second, expected, strict=True):
        np.testing.assert_array_equal(targets, same)
    assert not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_rest_smaller_than_a_batch_is_not_left_out() -> None:
    learning = replace(SEED.learning, batch_size=4, min_batches=1)
    shuffler = Shuffler(examples_of("ahnsa"), NORMALISER, learning, 0)

    assert [len(batch.targets[0]) for batch in shuffler.epoch(1)] == [4, 1]


def test_an_epoch_of_a_small_corpus_goes_through_it_several_times() -> None:
    learning = replace(SEED.learning, batch_size=4, min_batches=3)
    shuffler = Shuffler(examples_of("ahns"), NORMALISER, learning, 0)

    batches = list(shuffler.epoch(1))

    assert len(batches) == shuffler.num_batches == 3
    assert all(batch.targets[0].sum(axis=0).tolist() == [1.0] * 4 for batch in batches)


def test_no_corpus_can_be_called_as_a_figure_beside_corpora_is(tmp_path: Path) -> None:
    clips = clips_of("ahns")
    made = predictions(clips, logits_for("ahns"), Calibration(1.0, 0.0, 1.0))

    for name in set(score(made)) - {clip.corpus for clip in clips}:
        (tmp_path / name).mkdir()
        with pytest.raises(CorpusError, match=f"a corpus can not be called {name}"):
            find_corpora([name], tmp_path)
