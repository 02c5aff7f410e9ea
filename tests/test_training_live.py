"""The live protocol: clips in one recording, and which utterance speaks for which clip."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from fakes import FixedClassifier
from signals import speech

from streamer.events import Utterance
from training.corpora.base import LABELS, Clip
from training.live import NOISE_BELOW_SPEECH_DB, Recording, in_noise, listen, match, record
from training.rooms import LEAD_MS
from training.scenes.acoustics import active_level_db


class Loudness(FixedClassifier):
    """A classifier that is sure of one label and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.num_asked = 0

    def posterior(self) -> np.ndarray:
        self.num_asked += 1
        return np.array([0.7, 0.1, 0.1, 0.1])

    def decide(self, _posterior: np.ndarray) -> str:
        return LABELS[0]


def clip_of(path: Path, label: str = "anger") -> Clip:
    return Clip(path, label, "03", "emodb", "man")


def recording_of(*spans: tuple[int, int]) -> Recording:
    clips = tuple(clip_of(Path(f"{index}.wav")) for index in range(len(spans)))
    return Recording(clips, np.zeros(0, np.int16), spans)


def utterance(start: int, end: int, anger: float = 0.7) -> Utterance:
    probs = dict.fromkeys(LABELS, (1 - anger) / 3) | {"anger": anger}
    return Utterance(1, start, end, "anger", probs, end, 0, "pause")


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Give three clips of different lengths."""
    made = []
    for index in range(3):
        path = tmp_path / f"{index}.wav"
        soundfile.write(path, speech(16_000 + 4000 * index, seed=index), 16_000)
        made.append(clip_of(path))
    return made


def test_a_recording_holds_every_clip_once_where_it_says(clips: list[Clip]) -> None:
    recording = record(clips, seed=1)

    assert sorted(recording.clips, key=str) == clips
    assert recording.spans[0][0] == LEAD_MS * 16
    for clip, (start, end) in zip(recording.clips, recording.spans, strict=True):
        original = soundfile.read(clip.path, dtype="int16")[0]
        np.testing.assert_allclose(recording.samples[start:end], original, atol=40)  # and the noise of the room
    for (_, end), (start, _) in zip(recording.spans, recording.spans[1:], strict=False):
        assert 800 * 16 <= start - end < 2500 * 16
        assert 0 < np.abs(recording.samples[end:start]).max() < 40


def test_noise_is_10_db_below_the_speech_and_takes_turns(clips: list[Clip]) -> None:
    recording = record(clips, seed=1)

    noisy = [in_noise(recording, seed) for seed in range(8)]

    for one in noisy:
        added = (one.samples.astype(np.float64) - recording.samples) / 32768.0
        level_db = active_level_db(recording.samples / 32768.0)
        assert active_level_db(added) == pytest.approx(level_db - NOISE_BELOW_SPEECH_DB, abs=0.5)
    assert len({one.samples.tobytes() for one in noisy}) == 8
    np.testing.assert_array_equal(in_noise(recording, 3).samples, noisy[3].samples)
    assert noisy[0].spans == recording.spans


def test_another_seed_gives_another_order_and_the_same_seed_the_same(clips: list[Clip]) -> None:
    orders = {record(clips, seed=seed).clips for seed in range(20)}

    assert len(orders) > 1
    np.testing.assert_array_equal(record(clips, 3).samples, record(clips, 3).samples)


def test_the_pipeline_finds_the_clips_itself(clips: list[Clip]) -> None:
    classifier = Loudness()

    heard = listen(record(clips, seed=0), classifier)  # type: ignore[arg-type]

    assert heard.num_utterances == classifier.num_asked >= 3
    assert (heard.num_missed, heard.num_merged, heard.num_spurious) == (0, 0, 0)
    np.testing.assert_allclose(heard.probabilities, [[0.7, 0.1, 0.1, 0.1]] * 3)


def test_an_utterance_counts_for_the_clip_that_it_overlaps_most() -> None:
    heard = match(recording_of((0, 100), (150, 400)), [utterance(60, 300)])

    assert np.isnan(heard.probabilities[0]).all()
    assert heard.probabilities[1, 0] == 0.7
    assert (heard.num_missed, heard.num_merged, heard.num_split, heard.num_spurious) == (1, 1, 0, 0)


def test_of_several_utterances_in_a_clip_the_longest_speaks_for_it() -> None:
    heard = match(recording_of((0, 1000)), [utterance(0, 100, 0.4), utterance(200, 600, 0.9), utterance(700, 900, 0.5)])

    assert heard.probabilities[0, 0] == 0.9
    assert (heard.num_missed, heard.num_split, heard.num_utterances) == (0, 1, 3)


def test_an_utterance_where_no_clip_is_is_spurious() -> None:
    heard = match(recording_of((100, 200)), [utterance(0, 100), utterance(200, 300)])

    assert (heard.num_spurious, heard.num_missed) == (2, 1)


def test_a_recording_in_which_nothing_is_heard_misses_every_clip() -> None:
    heard = match(recording_of((0, 100), (200, 300)), [])

    assert heard.num_missed == 2
