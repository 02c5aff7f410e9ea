"""The ring buffer between the audio driver's thread and ours."""

import threading
from collections import deque
from dataclasses import dataclass

from streamer import clock


@dataclass(frozen=True)
class RingBlock:
    """Frames that follow one another on the device's timeline."""

    start_frame: int
    """Index of the first frame since the device was opened, lost frames counted."""

    content: bytes
    """The frames as the driver wrote them."""

    captured_s: float
    """When the last of them arrived, on the monotonic clock."""


@dataclass(frozen=True)
class RingGap:
    """Frames missing on the device's timeline."""

    start_frame: int
    num_frames: int
    reason: str


class SampleRing:
    """Frames of a fixed capacity in memory that is allocated once; one writer, one reader.

    A writer that is too fast overwrites the oldest frames: the reader then gets a gap, never frames that
    were overwritten. Frames have absolute indices, counted in Python integers that do not wrap.
    """

    def __init__(self, capacity_frames: int, frame_bytes: int, rate_hz: int) -> None:
        """Make room for ``capacity_frames`` of ``frame_bytes`` each, ``rate_hz`` of them a second."""
        self._capacity, self._frame_bytes = capacity_frames, frame_bytes
        self._memory = memoryview(bytearray(capacity_frames * frame_bytes))
        self._changed = threading.Condition()
        self._written = self._read = 0  # frames stored and taken; lost frames are not stored
        self._position = 0  # index of the reader's next frame: frames taken and lost
        self._gaps: deque[tuple[int, int, str]] = deque()  # (place in the stored frames, frames lost, reason)
        self._written_s = 0.0
        self._frame_s = 1.0 / rate_hz
        self._is_closed = False
        self._num_wanted = 1
        self.overflows = 0

    def write(self, content: memoryview, num_lost: int | None = None) -> None:
        """Add frames; called by the driver's thread: it copies, stamps and returns.

        Args:
            content: Bytes of whole frames, at most the capacity.
            num_lost: How many frames the driver lost before them; None where it lost none.
        """
        with self._changed:
            if self._is_closed:
                return
            if num_lost is not None:
                self.overflows += 1
                self._gaps.append((self._written, num_lost, "driver_overflow"))
            place = self._written % self._capacity * self._frame_bytes
            first = min(len(content), len(self._memory) - place)
            self._memory[place : place + first] = content[:first]
            self._memory[: len(content) - first] = content[first:]
            self._written += len(content) // self._frame_bytes
            self._written_s = clock.monotonic()
            if self._written - self._read > self._capacity:
                self._drop_oldest(self._written - self._capacity)
            if self._is_enough():
                self._changed.notify()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more comes than what is there."""
        return self._is_closed

    def close(self) -> None:
        """Take no more frames; :meth:`read` gives those that are there, and waits no longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def discard(self) -> None:
        """Let the memory go; nothing is read any more."""
        with self._changed:
            self._is_closed = True
            self._memory = memoryview(b"")

    def read(self, timeout_s: float, num_wanted: int = 1) -> RingBlock | RingGap | None:
        """Return what there is: all frames up to the next gap, or the gap; None after ``timeout_s`` without any.

        Waits for ``num_wanted`` frames, or a gap, at most ``timeout_s``: a reader that is not in a hurry is woken
        seldom.
        """
        with self._changed:
            self._num_wanted = min(num_wanted, self._capacity)
            self._changed.wait_for(lambda: self._is_closed or self._is_enough(), timeout_s)
            if self._gaps and self._gaps[0][0] <= self._read:
                return self._take_gap()
            end = self._gaps[0][0] if self._gaps else self._written
            if end == self._read:
                return None
            return self._take_block(end)

    def _is_enough(self) -> bool:
        return self._written - self._read >= self._num_wanted or bool(self._gaps)

    def _take_gap(self) -> RingGap:
        _, num_lost, reason = self._gaps.popleft()
        gap = RingGap(self._position, num_lost, reason)
        self._position += num_lost
        return gap

    def _take_block(self, end: int) -> RingBlock:
        start, stop = (frame % self._capacity * self._frame_bytes for frame in (self._read, end))
        if start < stop:
            content = bytes(self._memory[start:stop])
        else:
            content = bytes(self._memory[start:]) + bytes(self._memory[:stop])
        captured_s = self._written_s - (self._written - end) * self._frame_s
        block = RingBlock(self._position, content, captured_s)
        self._position += end - self._read
        self._read = end
        return block

    def _drop_oldest(self, first_kept: int) -> None:
        """Turn the frames before ``first_kept``, and the gaps among them, into one gap."""
        num_lost = first_kept - self._read
        goes_on = bool(self._gaps) and self._gaps[0][::2] == (self._read, "ring_overflow")
        while self._gaps and self._gaps[0][0] <= first_kept:
            num_lost += self._gaps.popleft()[1]
        self._read = first_kept
        self._gaps.appendleft((first_kept, num_lost, "ring_overflow"))
        self.overflows += not goes_on
