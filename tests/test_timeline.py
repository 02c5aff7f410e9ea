"""Losses of unknown length get one from the clock, however late blocks arrive."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sources.base import NOTHING, AudioBlock, LostSamples
from streamer.sources.timeline import Timeline

RATE_HZ = 16_000
BLOCK = 320


def block(captured_s: float, size: int = BLOCK) -> AudioBlock:
    return AudioBlock(np.ones(size, np.int16), captured_s)


def told(timeline: Timeline, start_s: float, delays_s: list[float]) -> list[AudioBlock | LostSamples]:
    """Return what is told of blocks captured from ``start_s`` on, each of which arrives late by one of the delays."""
    items: list[AudioBlock | LostSamples] = []
    for index, delay_s in enumerate(delays_s, 1):
        items += timeline.push(block(start_s + index * BLOCK / RATE_HZ + delay_s))
    return items


def losses(items: list[AudioBlock | LostSamples]) -> list[tuple[int, str]]:
    return [(item.num_samples, item.reason) for item in items if isinstance(item, LostSamples)]


def num_samples(items: list[AudioBlock | LostSamples]) -> int:
    return sum(item.samples.size for item in items if isinstance(item, AudioBlock))


def test_what_follows_without_a_loss_is_passed_on_at_once() -> None:
    timeline = Timeline(100.0)

    assert len(told(timeline, 100.0, [0.0] * 3)) == 3
    assert timeline.push(AudioBlock(NOTHING)) == [AudioBlock(NOTHING)]


@given(
    st.lists(st.floats(0.0, 0.2), min_size=20, max_size=40),
    st.lists(st.floats(0.0, 0.2), min_size=20, max_size=40),
    st.floats(0.0, 1e5),
)
def test_a_loss_is_as_long_as_the_clock_says(before_s: list[float], behind_s: list[float], away_s: float) -> None:
    """Only the most punctual block of each stretch counts."""
    timeline = Timeline(0.0)
    before_s[3] = behind_s[2] = 0.0
    end_s = len(before_s) * BLOCK / RATE_HZ

    told(timeline, 0.0, before_s)
    assert timeline.lose("device_lost") == []
    items = told(timeline, end_s + away_s, behind_s) + timeline.finish(1e9)

    (loss,) = losses(items)
    assert loss == (pytest.approx(away_s * RATE_HZ, abs=1), "device_lost")
    assert isinstance(items[0], LostSamples)
    assert num_samples(items) == len(behind_s) * BLOCK


def test_a_burst_is_placed_by_the_blocks_behind_it() -> None:
    """An audio server may hold its first second back and then deliver it at once."""
    timeline = Timeline(0.0)
    told(timeline, 0.0, [0.0] * 50)
    timeline.lose("device_lost")

    burst = [1.0 - index * BLOCK / RATE_HZ for index in range(50)]
    items = told(timeline, 5.0, burst + [0.0] * 20)

    assert losses(items) == [(pytest.approx(4 * RATE_HZ, abs=1), "device_lost")]
    assert timeline.is_placed


def test_nothing_is_told_before_it_is_placed() -> None:
    timeline = Timeline(0.0)
    timeline.lose("device_lost")

    assert told(timeline, 2.0, [0.0] * 15) == []
    assert not timeline.is_placed
    assert losses(told(timeline, 2.3, [0.0] * 2)) == [(2 * RATE_HZ, "device_lost")]


def test_a_loss_that_nothing_follows_lasts_to_the_end() -> None:
    timeline = Timeline(10.0)
    told(timeline, 10.0, [0.0] * 50)
    timeline.lose("device_lost")
    timeline.lose("device_lost")  # opened, and lost before anything came

    assert losses(timeline.finish(14.0)) == [(3 * RATE_HZ, "device_lost")]


def test_a_loss_inside_what_is_not_placed_yet_places_it() -> None:
    timeline = Timeline(0.0)
    timeline.lose("device_lost")
    told(timeline, 1.0, [0.0] * 5)

    items = timeline.lose("driver_overflow") + told(timeline, 2.1, [0.0] * 20)

    assert losses(items) == [(RATE_HZ, "device_lost"), (RATE_HZ, "driver_overflow")]


def test_losses_that_were_counted_are_passed_on_and_take_their_place() -> None:
    timeline = Timeline(0.0)
    told(timeline, 0.0, [0.0] * 50)

    assert timeline.push(LostSamples(RATE_HZ, "ring_overflow")) == [LostSamples(RATE_HZ, "ring_overflow")]
    assert len(told(timeline, 2.0, [0.0] * 50)) == 50
    timeline.lose("driver_overflow")
    assert losses(told(timeline, 3.5, [0.0] * 20)) == [(RATE_HZ // 2, "driver_overflow")]


def test_a_counted_loss_inside_a_measured_one_is_a_part_of_it() -> None:
    timeline = Timeline(0.0)
    timeline.lose("device_lost")

    assert timeline.push(LostSamples(RATE_HZ, "ring_overflow")) == []
    assert losses(told(timeline, 2.0, [0.0] * 20)) == [(2 * RATE_HZ, "device_lost")]


def test_a_loss_that_nobody_told_is_found() -> None:
    timeline = Timeline(0.0)
    told(timeline, 0.0, [0.0] * 50)

    items = told(timeline, 1.5, [0.0] * 30)

    assert losses(items) == [(RATE_HZ // 2, "driver_overflow")]
    assert num_samples(items) == 30 * BLOCK


def test_blocks_that_are_only_late_are_no_loss() -> None:
    """The process was stopped for a while: the audio server kept what it did not hear."""
    timeline = Timeline(0.0)
    told(timeline, 0.0, [0.0] * 50)

    late_s = [4.0 - index * BLOCK / RATE_HZ for index in range(200)]
    items = told(timeline, 1.0, late_s + [0.0] * 50)

    assert losses(items) == []
    assert num_samples(items) == 250 * BLOCK


@pytest.mark.parametrize("jitter_s", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("every_s", [0.1, 1.0, 8.0])
def test_errors_of_many_losses_do_not_add_up(jitter_s: float, every_s: float) -> None:
    """What is told stays beside the clock, by what blocks are late at the most."""
    dice = random.Random(5)
    timeline = Timeline(0.0)
    items: list[AudioBlock | LostSamples] = []
    captured_s = 0.0
    for _ in range(100):
        for _ in range(max(1, round(every_s * RATE_HZ / BLOCK))):
            captured_s += BLOCK / RATE_HZ
            items += timeline.push(block(captured_s + dice.uniform(0.0, jitter_s)))
        captured_s += dice.uniform(0.0, 0.3)
        items += timeline.lose("driver_overflow")
    items += timeline.finish(captured_s)

    told_s = (sum(num for num, _ in losses(items)) + num_samples(items)) / RATE_HZ
    assert abs(told_s - captured_s) < 0.05 + jitter_s


def test_a_clock_that_drifts_is_followed() -> None:
    """A sound card that is 200 ppm slow is 2.9 s behind after four hours, of which nothing is lost."""
    timeline = Timeline(0.0)
    slow = 1.0002
    second = RATE_HZ
    for index in range(1, 4 * 3600 + 1):
        timeline.push(block(index * slow, second))
    timeline.lose("device_lost")
    end_s = 4 * 3600 * slow

    items = told(timeline, end_s + 1.0, [0.0] * 20)

    assert losses(items) == [(pytest.approx(RATE_HZ, abs=0.003 * RATE_HZ), "device_lost")]
