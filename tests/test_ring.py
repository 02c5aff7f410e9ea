"""The ring buffer against a plain list of all that was ever written or lost."""

import struct
import threading
import time

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streamer.sources.ring import RingBlock, RingGap, SampleRing

CAPACITY = 16
FRAME_BYTES = 4
RATE_HZ = 1000


def encoded(first: int, num_frames: int) -> memoryview:
    """Return frames that say their own index."""
    return memoryview(struct.pack(f"<{num_frames}I", *range(first, first + num_frames)))


def decoded(block: RingBlock) -> list[int]:
    return [int(index) for (index,) in struct.iter_unpack("<I", block.content)]


class RingMachine(RuleBasedStateMachine):
    """Writes, overflows of the driver and reads in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
        self.end = 0  # index behind the newest frame
        self.unread: list[int] = []  # what was written and neither read nor overwritten
        self.driver_gaps: list[tuple[int, int]] = []  # start and length of what the driver lost and nobody was told
        self.position = 0
        self.overflows = 0
        self.is_overwriting = False

    @rule(num_frames=st.integers(0, CAPACITY))
    def write(self, num_frames: int) -> None:
        self.ring.write(encoded(self.end, num_frames))
        self.store(num_frames)

    @rule(num_frames=st.integers(0, CAPACITY), num_lost=st.integers(0, 30))
    def write_behind_an_overflow_of_the_driver(self, num_frames: int, num_lost: int) -> None:
        self.ring.write(encoded(self.end + num_lost, num_frames), num_lost)
        self.driver_gaps.append((self.end, num_lost))
        self.end += num_lost
        self.overflows += 1
        self.store(num_frames)

    def store(self, num_frames: int) -> None:
        self.unread += range(self.end, self.end + num_frames)
        self.end += num_frames
        if len(self.unread) > CAPACITY:
            self.unread = self.unread[-CAPACITY:]
            self.driver_gaps = [gap for gap in self.driver_gaps if sum(gap) > self.unread[0]]
            self.overflows += not self.is_overwriting
            self.is_overwriting = True

    @rule()
    def read(self) -> None:
        taken = self.ring.read(0.0)
        if taken is None:
            assert not self.unread
            assert not self.driver_gaps
            assert self.position == self.end
            return
        assert taken.start_frame == self.position
        match taken:
            case RingBlock() as block:
                frames = decoded(block)
                assert frames
                assert frames == self.unread[: len(frames)]
                assert frames == list(range(self.position, self.position + len(frames)))
                del self.unread[: len(frames)]
                self.position += len(frames)
            case RingGap(start_frame, num_frames, "driver_overflow"):
                assert not self.is_overwriting
                assert self.driver_gaps.pop(0) == (start_frame, num_frames)
                self.position += num_frames
            case RingGap(_, num_frames, reason):
                assert reason == "ring_overflow"
                assert self.is_overwriting
                self.is_overwriting = False
                self.position += num_frames
                assert self.position == self.unread[0]

    @invariant()
    def counts_overflows(self) -> None:
        assert self.ring.overflows == self.overflows


RingMachine.TestCase.settings = hypothesis_settings(max_examples=100, stateful_step_count=40)
TestRingMachine = RingMachine.TestCase


def test_a_writer_and_a_reader_at_once_account_for_every_frame() -> None:
    """The reader is slow at times, so that frames are overwritten while it copies."""
    ring = SampleRing(257, FRAME_BYTES, RATE_HZ)
    num_frames, is_written = 60_000, threading.Event()

    def write() -> None:
        position = 0
        while position < num_frames:
            size = min(1 + position * 7 % 97, num_frames - position)
            ring.write(encoded(position, size))
            position += size
        is_written.set()

    writer = threading.Thread(target=write)
    writer.start()
    position = num_lost = num_gaps = 0
    while True:
        is_last = is_written.is_set()
        taken = ring.read(0.0)
        if taken is None and is_last:
            break
        if taken is None:
            continue
        assert taken.start_frame == position
        if isinstance(taken, RingGap):
            num_gaps += 1
            num_lost += taken.num_frames
            position += taken.num_frames
        else:
            frames = decoded(taken)
            assert frames == list(range(position, position + len(frames)))
            position += len(frames)
    writer.join()

    assert position == num_frames
    assert ring.overflows == num_gaps
    assert num_lost < num_frames


def test_indices_do_not_wrap_beyond_32_bits() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    ring.write(encoded(0, 2), num_lost=2**40)

    taken = [ring.read(0.0), ring.read(0.0)]

    assert taken[0] == RingGap(0, 2**40, "driver_overflow")
    assert taken[1].start_frame == 2**40  # type: ignore[union-attr]


def test_the_ring_keeps_a_copy() -> None:
    """The driver writes into the same memory again."""
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    block = bytearray(encoded(7, 3))
    ring.write(memoryview(block))

    block[:] = bytes(12)

    taken = ring.read(0.0)
    assert isinstance(taken, RingBlock)
    assert decoded(taken) == [7, 8, 9]


def test_a_read_of_nothing_gives_up_after_its_time() -> None:
    started_s = time.monotonic()

    assert SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ).read(0.05) is None
    assert 0.05 <= time.monotonic() - started_s < 5


@pytest.mark.parametrize("is_closed_first", [True, False])
def test_close_ends_every_read(is_closed_first: bool) -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    closer = threading.Timer(0.0 if is_closed_first else 0.05, ring.close)
    closer.start()
    if is_closed_first:
        closer.join()
    started_s = time.monotonic()

    assert ring.read(30.0) is None
    assert ring.read(30.0) is None
    assert time.monotonic() - started_s < 15
    closer.join()


def test_what_was_there_when_it_was_closed_is_given_and_no_more() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    ring.write(encoded(0, 2))
    ring.write(encoded(5, 1), 3)
    ring.close()
    ring.write(encoded(6, 1), 1)

    first, gap, second, last = (ring.read(30.0, 6) for _ in range(4))

    assert isinstance(first, RingBlock)
    assert isinstance(second, RingBlock)
    assert (decoded(first), gap, decoded(second), last) == ([0, 1], RingGap(2, 3, "driver_overflow"), [5], None)
    assert ring.overflows == 1


def test_a_write_ends_a_read() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    writer = threading.Timer(0.05, ring.write, [encoded(0, 1)])
    writer.start()

    assert isinstance(ring.read(30.0), RingBlock)
    writer.join()


def test_frames_are_dated_by_the_last_write_behind_them() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    ring.write(encoded(0, 4))
    before_s = time.monotonic()
    ring.write(encoded(4, 10), num_lost=0)
    after_s = time.monotonic()

    first, _, second = (ring.read(0.0) for _ in range(3))

    assert isinstance(first, RingBlock)
    assert isinstance(second, RingBlock)
    assert before_s <= second.captured_s <= after_s
    assert second.captured_s - first.captured_s == pytest.approx(10 / RATE_HZ)


def test_a_reader_with_patience_is_woken_when_enough_is_there() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    taken: list[object] = []
    reader = threading.Thread(target=lambda: taken.append(ring.read(10.0, 6)))
    reader.start()
    for first in range(0, 6, 2):
        assert taken == []
        ring.write(encoded(first, 2))
        time.sleep(0.02)
    reader.join(5.0)

    (block,) = taken
    assert isinstance(block, RingBlock)
    assert decoded(block) == list(range(6))


def test_patience_ends_with_the_time_a_gap_or_the_end() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    ring.write(encoded(0, 2))
    timed = ring.read(0.01, 6)
    ring.write(encoded(2, 1))
    ring.write(encoded(7, 1), 4)
    before_gap, gap = ring.read(10.0, 6), ring.read(10.0, 6)
    ring.close()
    woken = ring.read(10.0, 6)

    assert gap == RingGap(3, 4, "driver_overflow")
    blocks = [block for block in (timed, before_gap, woken) if isinstance(block, RingBlock)]
    assert [decoded(block) for block in blocks] == [[0, 1], [2], [7]]


def test_nobody_can_wait_for_more_than_fits() -> None:
    ring = SampleRing(CAPACITY, FRAME_BYTES, RATE_HZ)
    ring.write(encoded(0, CAPACITY))

    block = ring.read(10.0, 10 * CAPACITY)

    assert isinstance(block, RingBlock)
