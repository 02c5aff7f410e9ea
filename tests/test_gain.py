"""Automatic gain: nothing for a well-levelled microphone, causal, the same for any split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, conversation, noise, silence, split

from streamer.sources.gain import AutoGain

SECOND = 16_000
TALK_MS = (500, 1500) * 20


def talk(peak: float) -> Samples:
    """Return 40 s of somebody who speaks now and then over faint noise."""
    return np.rint(conversation(*TALK_MS) * (peak / 12_000.0)).astype(np.int16)


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples / 32768.0)) + 1e-12))


@pytest.mark.parametrize("peak", [1600.0, 12_000.0, 30_000.0])
def test_a_well_levelled_microphone_is_left_alone_to_the_last_bit(peak: float) -> None:
    samples = talk(peak)

    assert np.array_equal(AutoGain().push(samples), samples)


@pytest.mark.parametrize(("quieter_db", "most_db"), [(10, 10), (20, 20), (60, 24)])
def test_a_quiet_one_is_raised_as_far_as_it_goes(quieter_db: int, most_db: int) -> None:
    samples = talk(1225.0 * 10.0 ** (-quieter_db / 20.0))

    raised = AutoGain().push(samples)

    gain_db = level_db(raised[-10 * SECOND :]) - level_db(samples[-10 * SECOND :])
    assert gain_db == pytest.approx(most_db, abs=0.5)


def test_the_gain_rises_by_3_db_a_second_from_what_was_heard_before() -> None:
    samples = talk(200.0)
    raised = AutoGain().push(samples)

    spoken = [slice(start, start + 3200) for start in (26_400, 42_400, 58_400)]
    ratios_db = [level_db(raised[part]) - level_db(samples[part]) for part in spoken]

    assert np.array_equal(raised[:SECOND], samples[:SECOND])
    assert np.allclose(np.diff(ratios_db), 3.0, atol=0.5)


@pytest.mark.parametrize("samples", [silence(20 * SECOND), noise(20 * SECOND, level=5)], ids=["zeros", "steady noise"])
def test_where_nobody_speaks_nothing_is_raised(samples: Samples) -> None:
    assert np.array_equal(AutoGain().push(samples), samples)


def test_who_comes_closer_is_turned_down_and_never_wraps() -> None:
    gain = AutoGain()
    gain.push(talk(200.0))

    loud = gain.push(talk(30_000.0))

    assert np.array_equal(loud[-10 * SECOND :], talk(30_000.0)[-10 * SECOND :])
    assert np.all((np.sign(loud) == np.sign(talk(30_000.0))) | (loud == 0))


def test_after_a_second_nothing_that_comes_again_is_clipped() -> None:
    knock = talk(100.0)
    knock[20 * SECOND :: SECOND] = 20_000

    raised = AutoGain().push(knock)

    assert raised[19 * SECOND :].max() > 20_000  # it had been raised
    assert raised[22 * SECOND :].max() <= 32_767 * 10 ** (-3 / 20) + 1


@hypothesis_settings(max_examples=20)
@given(sizes=st.lists(st.integers(0, 40_000), max_size=30))
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = talk(200.0)[: 8 * SECOND]
    gain = AutoGain()

    parts = [gain.push(part) for part in split(samples, sizes)]

    assert np.array_equal(np.concatenate(parts), AutoGain().push(samples))


def test_reset_is_as_good_as_new() -> None:
    gain = AutoGain()
    gain.push(talk(200.0)[: 7 * SECOND + 5])
    gain.reset()

    assert np.array_equal(gain.push(talk(300.0)), AutoGain().push(talk(300.0)))
