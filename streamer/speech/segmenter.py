"""From frames to where utterances start and end: a detector that is asked as seldom as it may matter."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.events import Cut
from streamer.settings import SpeechSettings
from streamer.speech.endpointing import Endpointer, SpeechEvent

_SUSPICION_MS = 400
"""In silence: how long a suspicion gathers before it is looked into. Onsets are dated back: nothing is lost."""

_IDLE_MS = 1000
"""How long frames wait at the most."""

_BATCH_MS = 100
"""In silence: how long frames may wait for others before they are pushed."""

_NEVER = 2**63


class SpeechDetector(Protocol):
    """Takes frames as they come, and says how probable speech is in them when it is asked.

    Judging frames together costs a fraction of judging each. What is said of a frame depends on the stream alone,
    not on when it is asked.
    """

    def frames_to_judge(self, num_frames: int) -> int:
        """Return how many frames must have come before the first ``num_frames``, at least one, can be judged."""

    def push(self, frames: NDArray[np.int16]) -> bytes:
        """Keep ``frames``, shape ``(num_frames, frame_samples)``, int16; return 1 for each worth asking about."""

    def judge(self, *, is_last: bool = False) -> tuple[Sequence[float], Sequence[float]]:
        """Return the probabilities of speech and the levels of the frames that were not judged yet.

        Args:
            is_last: Whether no frame follows, so that those are judged, too, whose lookahead never comes.

        Raises:
            ModelError: A network fails.
        """

    def reset(self) -> None:
        """Forget everything heard."""


def latency_ms(settings: SpeechSettings, frames_to_judge: Callable[[int], int]) -> dict[str, int]:
    """Return how long after the end of speech an utterance is known to be over: at the ``least``, and as is ``usual``.

    The least is that of a long turn, the usual the mean of somebody who speaks fluently; one who hesitates is waited
    for longer.

    Args:
        settings: Where speech ends.
        frames_to_judge: Of the detector, see :class:`SpeechDetector`.
    """
    waits_ms = [(frames_to_judge(count) - count) * settings.frame_ms for count in range(1, 81)]
    return {
        "least": settings.shortest_hangover_ms + min(waits_ms),
        "usual": settings.hangover_ms + round(float(np.mean(waits_ms))),
    }


class Segmenter:
    """Joins a detector and the endpointing.

    While an utterance is in hand, the detector is asked when the next answer may end it; in silence, when frames
    have been suspicious for a while. An end is known as if each frame were judged at once, but for the detector's
    lookahead; an onset up to ``_SUSPICION_MS`` later, or ``_IDLE_MS`` where the detector suspected nothing.
    """

    def __init__(self, settings: SpeechSettings, detector: SpeechDetector) -> None:
        """Wait for speech."""
        self._detector, self._endpointer = detector, Endpointer(settings)
        self._suspicion_frames, self._idle_frames = settings.frames(_SUSPICION_MS), settings.frames(_IDLE_MS)
        self._batch_frames = settings.frames(_BATCH_MS)
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0."""
        self._detector.reset()
        self._endpointer.reset()
        self._num_frames = 0
        self._num_judged = 0
        self._last_suspicious = 0
        self._due_frame = _NEVER

    @property
    def is_in_speech(self) -> bool:
        """Whether an utterance has started and not yet ended, as far as frames were judged."""
        return self._endpointer.is_in_speech

    @property
    def speech_end_frame(self) -> int:
        """End of the last speech frame of the utterance in hand, as far as frames were judged."""
        return self._endpointer.speech_end_frame

    @property
    def longest_onset_frames(self) -> int:
        """How long before it is proved speech can have begun."""
        return self._endpointer.longest_onset_frames

    @property
    def most_unjudged_frames(self) -> int:
        """How many of the last frames can wait to be judged."""
        return self._idle_frames

    def frames_to_judge(self, num_frames: int) -> int:
        """Return how many frames must have come before the first ``num_frames``, at least one, can be judged."""
        return self._detector.frames_to_judge(num_frames)

    @property
    def patience_frames(self) -> int:
        """How many frames can be pushed at once, since nothing is decided before."""
        latest = self._num_frames + self._batch_frames if self._due_frame == _NEVER else self._due_frame
        return max(1, min(latest, self._num_judged + self._idle_frames) - self._num_frames)

    def push(self, frames: NDArray[np.int16]) -> list[SpeechEvent]:
        """Take the next frames, shape ``(num_frames, frame_samples)``, int16; return what is known from them on.

        Args:
            frames: At most :attr:`patience_frames`, or the result would depend on how many come at once.

        Raises:
            ModelError: The detector's network fails.
            StreamStateError: Called after :meth:`finish`.
        """
        verdicts = self._detector.push(frames)
        first = verdicts.find(1)
        if first >= 0:
            self._last_suspicious = self._num_frames + verdicts.rfind(1) + 1
            if self._due_frame == _NEVER:
                self._due_frame = self._num_frames + first + 1 + self._suspicion_frames
        self._num_frames += len(frames)
        if self._num_frames >= self._due_frame or self._num_frames - self._num_judged >= self._idle_frames:
            return self.judge()
        return []

    def judge(self) -> list[SpeechEvent]:
        """Return what is known from the frames so far, also where it would not matter yet."""
        events = self._follow(is_last=False)
        self._due_frame = _NEVER
        if self._endpointer.is_in_speech:
            self._due_frame = self._detector.frames_to_judge(self._endpointer.decision_frame)
        elif self._last_suspicious > self._num_judged or self._endpointer.is_expectant:
            self._due_frame = self._num_frames + self._suspicion_frames
        return events

    def finish(self, cut: Cut) -> list[SpeechEvent]:
        """Judge what was not judged yet and end the stream; return how the utterance in hand ends, if there is one."""
        return [*self._follow(is_last=True), *self._endpointer.finish(cut)]

    def _follow(self, *, is_last: bool) -> list[SpeechEvent]:
        probabilities, levels = self._detector.judge(is_last=is_last)
        events: list[SpeechEvent] = []
        for probability, level in zip(probabilities, levels, strict=True):
            events += self._endpointer.push(probability, level)
        self._num_judged += len(probabilities)
        return events
