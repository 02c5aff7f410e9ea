"""Recordings that were never made are as they should be: alike where they are one, and different where not."""

import numpy as np
import pytest
from signals import speech

from training.experiment import Recording
from training.recordings import recorded

VOICE = speech(32_000) / 32768.0


def spectrum_db(samples: np.ndarray) -> np.ndarray:
    power = np.abs(np.fft.rfft(samples.astype(np.float64), 64_000)) ** 2
    return np.asarray(10 * np.log10(power[:32_000].reshape(32, -1).mean(axis=1) + 1e-9))


def test_a_recording_sounds_the_same_twice() -> None:
    first, second = (recorded(VOICE, Recording(3), "emodb/03", 5) for _ in range(2))

    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.int16


@pytest.mark.parametrize("number", range(1, 9))
def test_another_speaker_or_number_is_another_recording(number: int) -> None:
    mine = recorded(VOICE, Recording(number), "emodb/03", 5)

    for other in (recorded(VOICE, Recording(number + 1), "emodb/03", 5), recorded(VOICE, Recording(number), "x", 5)):
        assert mine.shape != other.shape or np.abs(spectrum_db(mine) - spectrum_db(other)).max() > 3.0


@pytest.mark.parametrize("number", range(1, 9))
def test_all_clips_of_a_recording_are_of_one_speed(number: int) -> None:
    """Or a speaker's own height of voice would mean nothing."""
    lengths = {recorded(VOICE, Recording(number), "emodb/03", seed).size for seed in range(3)}

    assert len(lengths) == 1
    lead_and_tail = 9600 + 16_000
    assert 100 / 113 <= (lengths.pop() - lead_and_tail) / VOICE.size <= 100 / 87


@pytest.mark.parametrize("number", range(1, 21))
def test_something_is_heard_and_nothing_overflows(number: int) -> None:
    heard = recorded(VOICE, Recording(number), "nemo/AB", 1).astype(np.float64)

    assert 30.0 < np.sqrt(np.mean(heard**2)) < 20_000.0


def test_silence_is_recorded_as_well() -> None:
    assert recorded(np.zeros(1600), Recording(1), "nemo/AB", 1).size > 1600
