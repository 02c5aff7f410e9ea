"""Training knows what the daemon knows: the judge and the classifier say the same after the same utterances."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_toys import speech_rows

from training.quiet import load_tensorflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow says about others while it is imported
    load_tensorflow()

from tiny_model import model_info

from export.convert import to_onnx
from export.parity import self_test_of
from streamer.emotion.classifier import OnnxClassifier, softmax
from streamer.emotion.memory import Voiceprints
from streamer.features.normalise import GlobalNormaliser
from training import adapting
from training.adapting import Asked, known_voices, prepare, trust_and_doubt, voiceprints
from training.corpora.base import LABELS, Clip
from training.dataset import Example
from training.experiment import load_experiment
from training.figures import label_indices
from training.judging import Judge, logits_after, remembered, told
from training.networks import build_network
from training.networks.streaming import NUM_SIGNS, StreamingNetwork
from training.strangers import guesses

STREAMING = load_experiment("streaming")
SMALL = replace(
    STREAMING,
    network=replace(STREAMING.network, hidden_units=(16,), voiceprint_size=4, stranger_dropout=0.5),
    learning=replace(STREAMING.learning, num_epochs=1, min_batches=300),
)
NUM_COLUMNS, NUM_LABELS = STREAMING.features.num_columns, len(LABELS)
CLIPS = [
    Clip(Path(f"{speaker}{label}{take}"), label, str(speaker), "emodb", "man")
    for speaker in range(8)
    for label in LABELS
    for take in range(3)
]

PARTS = np.array([int(clip.speaker) % 4 for clip in CLIPS])


def heard(num_rows: int, seed: int) -> np.ndarray:
    rows = speech_rows(num_rows, NUM_COLUMNS, seed)
    rows[:, -1] = np.abs(rows[:, -1])
    return rows


def impressions_of(size: int = 12, *, seed: int = 0) -> np.ndarray:
    """Return what a network might hear of ``CLIPS`` in two recordings: a speaker's own sound, a label's, and chance."""
    random = np.random.default_rng(seed)
    voices, labels = random.normal(0, 3, (2, 8, size)), random.normal(0, 2, (NUM_LABELS, size))
    return np.stack(
        [
            [
                voices[recording, int(clip.speaker)] + labels[LABELS.index(clip.label)] + random.normal(0, 1, size)
                for clip in CLIPS
            ]
            for recording in range(2)
        ]
    ).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> StreamingNetwork:
    made = build_network(SMALL, NUM_LABELS)
    assert isinstance(made, StreamingNetwork)
    random = np.random.default_rng(1)
    for variable in made.weights:
        if "seed" not in variable.path:
            variable.assign(np.asarray(variable) + random.uniform(-0.2, 0.2, variable.shape))
    made.deviation.assign(np.full(made.size, 2.0))
    made.speech.bias.assign([3.0])
    return made


VOICEPRINTS_VARIANCE = (4.0, 3.0, 2.0, 1.0)


def test_the_judge_says_what_the_classifier_says(network: StreamingNetwork, tmp_path: Path) -> None:
    """After utterances of two voices, of which the second is noticed, learnt, and left again."""
    mean, std = (0.3,) * NUM_COLUMNS, (1.5,) * NUM_COLUMNS
    voiceprints = Voiceprints(network.told_size, VOICEPRINTS_VARIANCE, 2.0)
    info = model_info(features=SMALL.features, mean=mean, std=std, temperature=0.7, voiceprints=voiceprints)
    path = tmp_path / "x.onnx"
    path.write_bytes(to_onnx(network, info, self_test_of(network, info)))
    classifier = OnnxClassifier(path)
    utterances = [heard(40 + 30 * index, index) + 3.0 * (index // 3 % 2) for index in range(9)]
    judge = Judge(network, GlobalNormaliser(mean, std), voiceprints.temperature)
    sounds = judge.hear([Example(CLIPS[0], rows) for rows in utterances])

    for index, rows in enumerate(utterances):
        classifier.reset()
        for first in range(0, len(rows), 25):
            classifier.push(rows[first : first + 25])
        memory = remembered(sounds, range(index), voiceprints)
        memories = [remembered(sounds, [], voiceprints)] * len(utterances)
        memories[index] = memory
        expected = softmax(logits_after(judge, sounds, memories)[index] / 0.7)

        np.testing.assert_allclose(classifier.posterior(), expected, atol=1e-4)
        assert classifier.memory is not None
        assert classifier.memory.voice.weight == pytest.approx(memory.voice.weight, abs=1e-4)
        assert classifier.memory.is_of_one_voice == memory.is_of_one_voice
        classifier.learn()


def test_a_clip_in_which_nobody_is_heard_stays_unheard(network: StreamingNetwork) -> None:
    judge = Judge(network, GlobalNormaliser((0.0,) * NUM_COLUMNS, (1.0,) * NUM_COLUMNS), 2.0)
    nothing = np.zeros((0, NUM_COLUMNS), np.float32)
    sounds = judge.hear([Example(CLIPS[0], rows) for rows in (heard(50, 0), nothing, heard(80, 1))])
    voiceprints = Voiceprints(network.told_size, VOICEPRINTS_VARIANCE, 2.0)

    logits = logits_after(judge, sounds, [remembered(sounds, [0, 1, 2], voiceprints)] * 3)

    assert sounds.is_heard.tolist() == [True, False, True]
    assert np.isnan(logits).any(axis=1).tolist() == [False, True, False]
    assert np.isnan(judge.hear([Example(CLIPS[0], nothing)]).logits).all()


def test_clips_are_heard_alone_whatever_else_is_in_the_batch(network: StreamingNetwork) -> None:
    judge = Judge(network, GlobalNormaliser((0.0,) * NUM_COLUMNS, (1.0,) * NUM_COLUMNS), 2.0)
    examples = [Example(CLIPS[0], heard(num_rows, num_rows)) for num_rows in (90, 30, 61)]

    together = judge.hear(examples)

    for index, example in enumerate(examples):
        alone = judge.hear([example])
        np.testing.assert_allclose(together.logits[index], alone.logits[0], atol=1e-4)
        np.testing.assert_allclose(together.impressions[index], alone.impressions[0], atol=1e-4)
        np.testing.assert_allclose(together.worth[index], alone.worth[0], atol=1e-5)


def test_an_untrained_network_begins_with_the_scale_of_what_it_hears() -> None:
    network = build_network(SMALL, NUM_LABELS)
    assert isinstance(network, StreamingNetwork)
    statistics = 5.0 + 2.0 * impressions_of(network.size)
    statistics[0, 3] = np.nan  # nobody was heard

    prepare(network, CLIPS, statistics)

    scaled = np.asarray(network.scaled(statistics))
    np.testing.assert_allclose(np.nanmean(scaled, axis=(0, 1)), 0.0, atol=1e-3)
    np.testing.assert_allclose(np.nanstd(scaled, axis=(0, 1)), 1.0, atol=1e-2)
    assert np.isnan(scaled[0, 3]).all()
    # A shift is what a label does to a speaker's mean: together they are none.
    np.testing.assert_allclose(np.asarray(network.shift).mean(axis=0), 0.0, atol=0.05)
    assert np.abs(np.asarray(network.shift)).max() > 0.3


def test_voiceprints_spread_by_one_within_a_voice_and_further_between_voices() -> None:
    described = impressions_of()

    projection, variance = voiceprints(CLIPS, described, 4)

    prints = described @ projection
    speakers = np.array([int(clip.speaker) for clip in CLIPS])
    within = [prints[recording, speakers == speaker].var(axis=0) for recording in range(2) for speaker in range(8)]
    np.testing.assert_allclose(np.mean(within, axis=0), 1.0, atol=1e-3)
    means = [prints[recording, speakers == speaker].mean(axis=0) for recording in range(2) for speaker in range(8)]
    np.testing.assert_allclose(np.var(means, axis=0), variance, rtol=1e-3)
    assert min(variance) > 1.0


def test_known_voices_are_the_means_of_speakers_and_some_come_twice() -> None:
    prints = impressions_of(5)[0]
    prints[0] = np.nan  # nobody is heard

    voices = known_voices(CLIPS, prints, 12)

    assert voices.shape == (12, 5)
    means = [
        np.nanmean([print_ for print_, clip in zip(prints, CLIPS, strict=True) if clip.speaker == str(speaker)], axis=0)
        for speaker in range(8)
    ]
    assert {tuple(voice.round(3)) for voice in voices} == {tuple(mean.round(3)) for mean in means}
    assert len(known_voices(CLIPS, prints, 3)) == 3


def test_guesses_are_of_those_who_never_heard_the_speaker() -> None:
    """Who sounds like nobody else is guessed badly, however well a network that heard him would do."""
    described = impressions_of(30)
    odd = np.array([clip.speaker == "3" for clip in CLIPS])
    labels = np.array([LABELS.index(clip.label) for clip in CLIPS])
    # His labels are swapped: only who learnt from him would guess them right.
    described[:, odd] = described[:, odd][:, np.argsort(np.argsort((labels[odd] + 1) % NUM_LABELS, kind="stable"))]

    posteriors = guesses(CLIPS, described, PARTS, SMALL)

    assert posteriors.shape == (2, len(CLIPS), NUM_LABELS)
    np.testing.assert_allclose(posteriors.sum(axis=2), 1.0, atol=1e-5)
    is_right = posteriors.argmax(axis=2) == labels
    assert is_right[:, ~odd].mean() > 0.8
    assert is_right[:, odd].mean() < 0.4


def test_where_nobody_is_heard_all_labels_are_as_probable() -> None:
    described = impressions_of(5)
    described[1, 7] = np.nan

    np.testing.assert_allclose(guesses(CLIPS, described, PARTS, SMALL)[1, 7], 0.25)


def test_trust_and_doubt_are_found_on_those_whom_the_network_does_not_know(network: StreamingNetwork) -> None:
    judge = Judge(network, GlobalNormaliser((0.0,) * NUM_COLUMNS, (1.0,) * NUM_COLUMNS), 2.0)
    sounds = judge.hear([Example(clip, heard(50, index)) for index, clip in enumerate(CLIPS)])

    asked = Asked(judge, sounds, Voiceprints(network.told_size, VOICEPRINTS_VARIANCE, 2.0))

    trust, doubt = trust_and_doubt([asked, asked], 10.0)

    found = np.concatenate([trust, doubt])
    least = unlikelihood(asked, found)
    assert least < unlikelihood(asked, np.zeros(found.size)) - 0.01
    for index in range(found.size):
        for step in (-0.3, 0.3):
            changed = found.copy()
            changed[index] += step
            assert least < unlikelihood(asked, changed) + 1e-4, index


def unlikelihood(asked: Asked, numbers: np.ndarray) -> float:
    """Return how improbable the network finds the truth in all states, with ``numbers`` of trust and doubt."""
    network, sounds = asked.judge.network, asked.sounds
    assert isinstance(network, StreamingNetwork)
    kept = [np.asarray(each) for each in (network.trust, network.doubt, network.speech.bias)]
    network.trust.assign(numbers[:NUM_SIGNS])
    network.doubt.assign(numbers[NUM_SIGNS:])
    network.speech.bias.assign([50.0])  # all of it is speech
    losses = []
    for known_as, before in adapting._states(asked.judge, sounds, 10.0):
        chosen = np.array([index for index, indices in enumerate(before) if indices is not None])
        memories = [remembered(known_as, before[index] or [], asked.voiceprints) for index in chosen.tolist()]
        known = told([memory.voice for memory in memories], network.told_size)
        logits = np.asarray(network.judge(sounds.described[chosen], *known))
        weights = adapting._balanced(sounds.clips, chosen)
        losses.append(-float(weights @ logits[np.arange(chosen.size), label_indices(sounds.clips)[chosen]]))
    for weight, value in zip((network.trust, network.doubt, network.speech.bias), kept, strict=True):
        weight.assign(value)
    return float(np.mean(losses))
