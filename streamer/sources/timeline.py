"""How much was lost where nobody counted: the clock tells."""

from streamer.settings import SAMPLE_RATE_HZ
from streamer.sources.base import AudioBlock, LostSamples

_SPAN_S = 5.0
"""The earliest arrival of so long counts: the device's clock drifts against ours."""
_SUSPICIOUS_S = 0.2
"""What arrives later than that may follow a loss that nobody told, as in a stall of the audio server."""
_SETTLED_S = 0.3
"""An audio server may deliver its first blocks late, in a burst: where they belong is known so much later."""


_UNTOLD = "untold"
"""Why something may be missing of which nobody said so."""


class Timeline:
    """Puts a length to losses of unknown length.

    Blocks arrive late, by what the system had to do, and never early: of a stretch without a loss the earliest arrival,
    relative to its place in the stretch, is the true one. Between the last sample of a stretch so placed and the first
    of the next is what was lost. What comes after a loss is kept back until it is placed, 0.3 s; so is what arrives
    so late that something may have been lost.
    """

    def __init__(self, start_s: float) -> None:
        """Start with nothing, at ``start_s``; all times are of one clock."""
        self._ended_s = start_s
        """Where the last stretch ended."""
        self._reason = ""
        """Why it did, while that is not told yet."""
        self._held: list[AudioBlock] = []
        self._ahead_s = 0.0
        """How much later than it was captured the stretch in hand is on the timeline, as far as its start tells."""
        self._begin_stretch()

    def _begin_stretch(self) -> None:
        self._num_samples = 0
        self._placed_s = self._refined_s = float("inf")  # its sample 0: where it was put, and by the first span
        self._first_s = 0.0  # when something of it arrived first
        self._span_end_s = 0.0
        self._earliest_s = self._earliest_before_s = float("inf")  # of its sample 0: in this span, in the one before

    def push(self, item: AudioBlock | LostSamples) -> list[AudioBlock | LostSamples]:
        """Return what can be told now: ``item``, or nothing yet, or what was kept back."""
        if isinstance(item, LostSamples):
            if self._reason and not self._held:
                return []  # a part of the loss that is measured
            told = self._settle()
            self._num_samples += item.num_samples
            return [*told, item]
        if item.captured_s is None or not item.samples.size:
            return [item]
        if not self._reason and self._is_late(item.samples.size, item.captured_s):
            self.lose(_UNTOLD)
        self._arrived(item.samples.size, item.captured_s)
        if not self._reason:
            return [item]
        self._held.append(item)
        return self._settle() if item.captured_s - self._first_s >= _SETTLED_S else []

    def lose(self, reason: str) -> list[AudioBlock | LostSamples]:
        """Take note that something was lost; return what was kept back."""
        if self._reason and not self._held:
            return []  # nothing came since the last loss: it goes on
        told = self._settle()
        if self._num_samples:
            self._ended_s = self._start_s + self._num_samples / SAMPLE_RATE_HZ
        if self._placed_s < float("inf"):
            self._ahead_s += self._placed_s - self._refined_s
        self._reason = reason
        self._begin_stretch()
        return told

    def finish(self, end_s: float) -> list[AudioBlock | LostSamples]:
        """Return what was kept back, or the loss that lasts until ``end_s``."""
        if self._reason and not self._held:
            self._earliest_s = end_s
        return self._settle()

    @property
    def is_placed(self) -> bool:
        """Whether nothing is kept back."""
        return not self._reason

    @property
    def _start_s(self) -> float:
        return min(self._earliest_s, self._earliest_before_s)

    def _is_late(self, num_samples: int, captured_s: float) -> bool:
        due_s = self._start_s + (self._num_samples + num_samples) / SAMPLE_RATE_HZ
        return self._num_samples > 0 and captured_s > due_s + _SUSPICIOUS_S

    def _arrived(self, num_samples: int, captured_s: float) -> None:
        if not self._num_samples:
            self._first_s = captured_s
        self._num_samples += num_samples
        if captured_s > self._span_end_s:
            self._earliest_before_s, self._earliest_s = self._earliest_s, float("inf")
            self._span_end_s = captured_s + _SPAN_S
        start_s = captured_s - self._num_samples / SAMPLE_RATE_HZ
        self._earliest_s = min(self._earliest_s, start_s)
        if captured_s <= self._first_s + _SPAN_S:
            self._refined_s = min(self._refined_s, start_s)

    def _settle(self) -> list[AudioBlock | LostSamples]:
        if not self._reason:
            return []
        told: list[AudioBlock | LostSamples] = [*self._held]
        reason, self._reason, self._held = self._reason, "", []
        # What was placed too late before is made up for: losses add up, their errors must not.
        lost_s = self._start_s - self._ended_s - self._ahead_s
        is_loss = reason != _UNTOLD or lost_s > _SUSPICIOUS_S
        num_lost = max(0, round(lost_s * SAMPLE_RATE_HZ)) if is_loss else 0
        self._ahead_s = num_lost / SAMPLE_RATE_HZ - lost_s
        self._placed_s = self._start_s
        if not is_loss:
            return told
        return [LostSamples(num_lost, "driver_overflow" if reason == _UNTOLD else reason), *told]
