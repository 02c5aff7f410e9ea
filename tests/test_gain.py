"""Automatic gain: nothing for a well-levelled microphone, learnt from utterances, causal, the same for any split."""

import numpy as np
import pytest
from fakes import FixedClassifier, FlagDetector
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, noise, speech, split

from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.speech.gain import AutoGain

SETTINGS = SpeechSettings()
FRAME = SETTINGS.frame_samples
SECOND_FRAMES = 50


def voice(num_frames: int, peak: float) -> Samples:
    return speech(num_frames * FRAME, peak=peak)


class Room:
    """Lets a gain hear turns, and learn from those that are utterances."""

    def __init__(self) -> None:
        self.gain = AutoGain(SETTINGS, 1000)

    def hear(self, samples: Samples, *, is_utterance: bool = False) -> Samples:
        frames = samples.reshape(-1, FRAME)
        raised = np.concatenate([self.gain.push(frame) for frame in frames])
        if is_utterance:
            self.gain.learn(len(frames), 0)
        return raised


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples / 32768.0)) + 1e-12))


def raised_by_db(raised: Samples, samples: Samples) -> float:
    return level_db(raised) - level_db(samples)


@pytest.mark.parametrize("peak", [1600.0, 12_000.0, 32_000.0])
@pytest.mark.parametrize("sound", [noise(20 * SECOND_FRAMES * FRAME, level=20), voice(20 * SECOND_FRAMES, 60.0)])
def test_a_well_levelled_microphone_is_left_alone_to_the_last_bit(peak: float, sound: Samples) -> None:
    """Also behind a long pause in which something faint is heard."""
    room = Room()
    for samples, is_utterance in ((voice(100, peak), True), (sound, False), (voice(100, peak), True)):
        assert np.array_equal(room.hear(samples, is_utterance=is_utterance), samples)


@pytest.mark.parametrize(("quieter_db", "most_db"), [(10, 10), (20, 20), (60, 24)])
def test_a_quiet_one_is_raised_as_far_as_it_goes(quieter_db: int, most_db: int) -> None:
    room = Room()
    well = Room()
    samples = voice(500, 1437.0 * 10.0 ** (-quieter_db / 20.0))
    well.hear(voice(500, 1437.0), is_utterance=True)
    assert well.gain._wanted_db == pytest.approx(0.0, abs=0.5)  # 1437 is where people are well levelled

    room.hear(samples, is_utterance=True)
    room.hear(noise(500 * FRAME, level=3))

    assert raised_by_db(room.hear(samples), samples) == pytest.approx(most_db, abs=1.0)


def test_the_gain_rises_by_3_db_a_second_behind_the_utterance() -> None:
    room = Room()
    samples = voice(100, 100.0)

    assert np.array_equal(room.hear(samples, is_utterance=True), samples)
    by_db = [raised_by_db(room.hear(samples[: 25 * FRAME]), samples[: 25 * FRAME]) for _ in range(4)]

    np.testing.assert_allclose(np.diff(by_db), 1.5, atol=0.2)


def test_what_is_no_utterance_teaches_nothing() -> None:
    room = Room()
    room.hear(voice(500, 60.0))

    assert np.array_equal(room.hear(voice(100, 60.0)), voice(100, 60.0))


def test_a_single_faint_utterance_among_well_levelled_ones_changes_nothing() -> None:
    room = Room()
    for peak in (8000.0, 100.0, 100.0, 100.0, 100.0):
        assert np.array_equal(room.hear(voice(50, peak), is_utterance=True), voice(50, peak))

    room.hear(voice(50, 100.0), is_utterance=True)  # the fifth in a row

    assert raised_by_db(room.hear(voice(50, 100.0)), voice(50, 100.0)) > 1.0


def test_who_is_suddenly_loud_is_not_clipped_and_is_soon_left_alone() -> None:
    room = Room()
    room.hear(voice(100, 50.0), is_utterance=True)
    room.hear(noise(500 * FRAME, level=3))
    loud = voice(100, 30_000.0)

    raised = room.hear(loud, is_utterance=True)

    # Frames whose peak leaves room may be raised; those that leave none are what they were.
    assert np.abs(raised.astype(int)).max() <= np.abs(loud.astype(int)).max()
    assert np.all((np.sign(raised) == np.sign(loud)) | (raised == 0) | (loud == 0))
    assert np.array_equal(room.hear(loud), loud)


def test_an_offset_is_no_loudness() -> None:
    room = Room()
    room.hear(voice(100, 100.0) + np.int16(3000), is_utterance=True)

    assert room.gain._wanted_db > 15.0


@hypothesis_settings(max_examples=20)
@given(sizes=st.lists(st.integers(0, 9000), max_size=30))
def test_any_split_gives_the_same_samples_and_gaps_forget_nothing(sizes: list[int]) -> None:
    flags = "0" * 20 + "1" * 50 + "0" * 100 + "1" * 50 + "0" * 100

    def raised(chunks: list[Samples]) -> Samples:
        heard: list[Samples] = []

        class Listener(FlagDetector):
            def push(self, frames: Samples) -> bytes:
                heard.append(frames.ravel().copy())
                return super().push(frames)

        pipeline = Pipeline(SETTINGS, Listener(flags), FixedClassifier(), auto_gain=True)
        for chunk in chunks:
            pipeline.push(chunk)
        pipeline.skip(0, "overflow")
        pipeline.push(samples[: 50 * FRAME])
        pipeline.finish()
        return np.concatenate(heard)

    samples = voice(len(flags), 100.0)
    whole = raised([samples])

    assert np.array_equal(raised(list(split(samples, sizes))), whole)
    assert raised_by_db(whole[-10 * FRAME :], samples[40 * FRAME : 50 * FRAME]) > 5.0
    assert np.array_equal(whole[: 70 * FRAME], samples[: 70 * FRAME])


def test_reset_is_as_good_as_new() -> None:
    room = Room()
    room.hear(voice(100, 50.0), is_utterance=True)
    room.hear(voice(100, 50.0))

    room.gain.reset()

    assert np.array_equal(room.hear(voice(100, 50.0)), voice(100, 50.0))
