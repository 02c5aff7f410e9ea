"""A recording paced as if it were heard now: the same samples, none early."""

import threading
import time

import numpy as np
import pytest
from fakes import ListSource, each_block
from signals import ramp, silence

from streamer.sources.base import AudioBlock, LostSamples
from streamer.sources.realtime import RealTime


def test_the_samples_stay_the_same_in_blocks_of_20_ms() -> None:
    paced = RealTime(ListSource(AudioBlock(ramp(1000)), AudioBlock(ramp(0)), AudioBlock(ramp(320))), each_block)

    blocks = [block.samples for block in paced.blocks() if isinstance(block, AudioBlock)]

    assert [block.size for block in blocks] == [320, 320, 320, 40, 320]
    np.testing.assert_array_equal(np.concatenate(blocks), np.concatenate([ramp(1000), ramp(320)]))


def test_no_block_comes_before_its_last_sample_was_heard() -> None:
    paced = RealTime(ListSource(AudioBlock(ramp(3200))), each_block)
    started_s = time.monotonic()

    came_s = [(time.monotonic(), block.captured_s) for block in paced.blocks() if isinstance(block, AudioBlock)]

    captured_s = [captured for _, captured in came_s if captured is not None]
    assert all(captured <= came for came, captured in zip([came for came, _ in came_s], captured_s, strict=True))
    np.testing.assert_allclose(np.diff(captured_s), 0.02, atol=1e-6)
    assert captured_s[-1] >= started_s + 0.2


def test_somebody_with_patience_is_given_longer_blocks_later() -> None:
    wishes = iter([1600, 320, 4800, 100])
    paced = RealTime(ListSource(AudioBlock(ramp(4000))), lambda: next(wishes))

    came = [(block.samples.size, time.monotonic(), block.captured_s) for block in paced.blocks()]

    assert [size for size, _, _ in came] == [1600, 320, 2080]
    assert all(now_s >= captured_s for _, now_s, captured_s in came)
    assert came[-1][2] - came[0][2] == pytest.approx(0.15, abs=1e-6)


def test_what_was_heard_until_an_interrupt_is_not_lost() -> None:
    paced = RealTime(ListSource(AudioBlock(ramp(16_000))), lambda: 16_000)
    threading.Timer(0.2, paced.interrupt).start()

    (block,) = paced.blocks()

    assert 1600 <= block.samples.size < 16_000
    np.testing.assert_array_equal(block.samples, ramp(block.samples.size))


def test_what_was_due_behind_a_reader_that_was_late_is_not_lost_either() -> None:
    paced = RealTime(ListSource(AudioBlock(ramp(16_000))), lambda: 320)
    num_heard = 0
    for block in paced.blocks():
        num_heard += block.samples.size
        if num_heard == 640:
            time.sleep(0.3)
            paced.interrupt()

    assert 640 + 4000 < num_heard < 16_000


def test_lost_samples_take_their_time_too() -> None:
    paced = RealTime(
        ListSource(AudioBlock(ramp(320)), LostSamples(800, "driver_overflow"), AudioBlock(ramp(320))), each_block
    )

    first, lost, second = paced.blocks()

    assert lost == LostSamples(800, "driver_overflow")
    assert isinstance(first, AudioBlock)
    assert isinstance(second, AudioBlock)
    assert second.captured_s is not None
    assert first.captured_s is not None
    assert abs(second.captured_s - first.captured_s - 0.07) < 1e-6


def test_interrupt_ends_the_wait_and_the_source() -> None:
    source = ListSource(AudioBlock(silence(16_000 * 60)))
    paced = RealTime(source, each_block)
    interrupter = threading.Timer(0.05, paced.interrupt)
    interrupter.start()
    started_s = time.monotonic()

    list(paced.blocks())

    assert time.monotonic() - started_s < 15
    interrupter.join()
    assert source.calls == ["interrupt"]


def test_the_rest_is_up_to_the_source() -> None:
    source = ListSource()
    source.overflows = 3

    with RealTime(source, each_block) as paced:
        assert paced.describe() == {"kind": "list", "realtime": True}
        assert (paced.is_live, paced.is_device, paced.overflows) == (True, False, 3)
    assert source.calls == ["enter", "exit"]
