"""Digital silence is heard as a quiet room, and nothing else is changed."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from signals import Samples, noise

from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.emotion.memory import VoiceMemory
from streamer.events import Utterance
from streamer.features.dither import dithered
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.speech.network import NetworkDetector

DEMONSTRATION = BUNDLED_MODEL.parents[1] / "demonstration.flac"
FRAME = 320


def frames_of(flags: str) -> np.ndarray:
    """Return a frame a flag: noise for ``1``, zeros for ``0``."""
    frames = noise(len(flags) * FRAME).reshape(-1, FRAME)
    frames[[flag == "0" for flag in flags]] = 0
    return frames


@given(flags=st.text("01", max_size=120), first=st.integers(0, 10**12), sizes=st.lists(st.integers(1, 50)))
def test_any_split_gives_the_same(flags: str, first: int, sizes: list[int]) -> None:
    frames = frames_of(flags)
    cuts = [0, *np.cumsum(sizes).clip(0, len(frames)).tolist(), len(frames)]

    parts = [dithered(frames[start:end], first + start) for start, end in pairwise(cuts)]

    np.testing.assert_array_equal(np.concatenate(parts), dithered(frames, first))


@given(flags=st.text("01", max_size=60), first=st.integers(0, 1000))
def test_what_is_no_silence_stays_to_the_last_bit(flags: str, first: int) -> None:
    frames = frames_of(flags)
    before = frames.copy()

    found = dithered(frames, first)

    is_heard = before.any(axis=1)
    np.testing.assert_array_equal(found[is_heard], before[is_heard])
    assert found[~is_heard].any(axis=1).all()
    np.testing.assert_array_equal(frames, before)


def test_where_nothing_is_silent_nothing_is_copied() -> None:
    frames = frames_of("1" * 50)
    frames[0, 1:] = 0

    assert dithered(frames, 0) is frames


@pytest.mark.parametrize("frame_samples", [160, 320, 480])
def test_it_is_the_noise_of_a_quiet_room_and_no_tone(frame_samples: int) -> None:
    """White over each second, as loud in each frame."""
    found = dithered(np.zeros((500, frame_samples), np.int16), 0).astype(np.float64)

    assert np.sqrt(np.mean(np.square(found), axis=1)) == pytest.approx(4.0, rel=0.35)
    power = np.square(np.abs(np.fft.rfft(found.ravel()[:15_840])))[1:]
    assert power.max() < 20 * power.mean()
    assert power[:4000].mean() == pytest.approx(power[4000:].mean(), rel=0.1)


# What the bundled model makes of it


@cache
def _loaded() -> tuple[NetworkDetector, OnnxClassifier]:
    return NetworkDetector(SpeechSettings()), OnnxClassifier(BUNDLED_MODEL)


def heard(samples: Samples, taught: str | None = None) -> tuple[list[Utterance], VoiceMemory]:
    """Return the utterances in ``samples``, and what is remembered; all are of the label ``taught`` where there is."""
    detector, classifier = (stage.twin() for stage in _loaded())
    if taught:
        classifier.teach(taught)
    pipeline = Pipeline(SpeechSettings(), detector, classifier)
    events = [*pipeline.push(samples), *pipeline.finish()]
    assert classifier.memory is not None
    return [event for event in events if isinstance(event, Utterance)], classifier.memory


def joined(clips: Sequence[Samples], pause_rms: float) -> Samples:
    """Return ``clips`` with a second of noise before each and behind the last."""
    pauses = [noise(16_000, seed=seed, level=pause_rms) for seed in range(len(clips) + 1)]
    return np.concatenate([pauses[0], *(part for pair in zip(clips, pauses[1:], strict=True) for part in pair)])


def test_zeros_in_pauses_change_neither_the_answer_nor_the_voiceprint() -> None:
    samples, _ = soundfile.read(DEMONSTRATION, dtype="int16")
    clips = [samples[event.start_sample : event.end_sample] for event in heard(samples)[0]]

    (quiet, quiet_memory), (zeros, zeros_memory) = (heard(joined(clips, rms)) for rms in (4.0, 0.0))

    assert len(quiet) == len(zeros) == len(clips)
    for one, other in zip(quiet, zeros, strict=True):
        assert other.probs == pytest.approx(one.probs, abs=0.06)
    voiceprints = _loaded()[1].info.voiceprints
    assert voiceprints is not None
    distance = voiceprints.of(quiet_memory.voice.mean) - voiceprints.of(zeros_memory.voice.mean)
    assert np.linalg.norm(distance) < 1.5  # within a voice each of its 16 numbers has a variance of 1


def clips_of(corpora: Path, pattern: str, count: int) -> list[Samples]:
    paths = sorted((corpora / "nemo").rglob(pattern))
    chosen = np.random.default_rng(1).permutation(len(paths))[:count]
    return [soundfile.read(paths[index], dtype="int16")[0] for index in chosen]


@pytest.mark.parametrize("speaker", ["EB0", "IC0"])
def test_who_speaks_between_zeros_is_one_voice_and_is_given_labels(corpora: Path, speaker: str) -> None:
    utterances, memory = heard(joined(clips_of(corpora, f"{speaker}_neutral_*.flac", 12), 0.0), "neutral")

    assert memory.is_of_one_voice
    assert sum(event.label != "uncertain" for event in utterances) > len(utterances) / 4


def test_a_change_of_speakers_between_zeros_is_noticed(corpora: Path) -> None:
    first, second = (clips_of(corpora, f"{speaker}_*.flac", 10) for speaker in ("EB0", "IC0"))

    _, memory = heard(joined([*first, *second], 0.0))

    assert memory.voice.weight <= 11.0
    assert max(voice.weight for voice in memory._voices[:-1]) >= 8.0
