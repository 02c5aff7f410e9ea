"""A recording paced as if it were heard now: the same samples, none early."""

import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from signals import Samples, ramp

from streamer.sources.base import AudioBlock, LostSamples
from streamer.sources.realtime import RealTime


class ListSource:
    """Gives the blocks that it was made with."""

    is_live = False
    is_device = False
    overflows = 3

    def __init__(self, *items: Samples | LostSamples) -> None:
        self.items = items
        self.calls: list[str] = []

    def __enter__(self) -> Self:
        self.calls.append("enter")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.calls.append("exit")

    def describe(self) -> dict[str, Any]:
        return {"kind": "list"}

    def blocks(self) -> Iterator[AudioBlock | LostSamples]:
        for item in self.items:
            yield item if isinstance(item, LostSamples) else AudioBlock(item)

    def interrupt(self) -> None:
        self.calls.append("interrupt")


def test_the_samples_stay_the_same_in_blocks_of_20_ms() -> None:
    paced = RealTime(ListSource(ramp(1000), ramp(0), ramp(320)))

    blocks = [block.samples for block in paced.blocks() if isinstance(block, AudioBlock)]

    assert [block.size for block in blocks] == [320, 320, 320, 40, 320]
    np.testing.assert_array_equal(np.concatenate(blocks), np.concatenate([ramp(1000), ramp(320)]))


def test_no_block_comes_before_its_last_sample_was_heard() -> None:
    paced = RealTime(ListSource(ramp(3200)))
    started_s = time.monotonic()

    came_s = [(time.monotonic(), block.captured_s) for block in paced.blocks() if isinstance(block, AudioBlock)]

    captured_s = [captured for _, captured in came_s if captured is not None]
    assert all(captured <= came for came, captured in zip([came for came, _ in came_s], captured_s, strict=True))
    np.testing.assert_allclose(np.diff(captured_s), 0.02, atol=1e-6)
    assert captured_s[-1] >= started_s + 0.2


def test_lost_samples_take_their_time_too() -> None:
    paced = RealTime(ListSource(ramp(320), LostSamples(800, "driver_overflow"), ramp(320)))

    first, lost, second = paced.blocks()

    assert lost == LostSamples(800, "driver_overflow")
    assert isinstance(first, AudioBlock)
    assert isinstance(second, AudioBlock)
    assert second.captured_s is not None
    assert first.captured_s is not None
    assert abs(second.captured_s - first.captured_s - 0.07) < 1e-6


def test_interrupt_ends_the_wait_and_the_source() -> None:
    source = ListSource(np.zeros(16_000 * 60, np.int16))
    paced = RealTime(source)
    interrupter = threading.Timer(0.05, paced.interrupt)
    interrupter.start()
    started_s = time.monotonic()

    list(paced.blocks())

    assert time.monotonic() - started_s < 15
    interrupter.join()
    assert source.calls == ["interrupt"]


def test_the_rest_is_up_to_the_source() -> None:
    source = ListSource()

    with RealTime(source) as paced:
        assert paced.describe() == {"kind": "list", "realtime": True}
        assert (paced.is_live, paced.is_device, paced.overflows) == (True, False, 3)
    assert source.calls == ["enter", "exit"]
