"""Endpointing: from how probable speech is in each frame to where utterances start and end.

Everything that decides this lives here, without samples and without a clock. Positions are
indices of VAD frames since the last reset; ranges are half-open.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from streamer.errors import StreamStateError
from streamer.events import Cut
from streamer.settings import BACK_DATING_MS, SpeechSettings

_PAUSE_MS = 100
"""Length of the stretch whose quietness makes a good place for a cut; what is shorter is no pause of a speaker."""

_HESITATION_MEMORY_MS = 3000
"""How long a pause inside an utterance is a reason to wait longer for the next word."""

_HESITATION_FACTOR = 1.5
"""A pause that is this much longer than those before it is taken for the end."""


@dataclass(frozen=True)
class SpeechStarted:
    """Speech is confirmed and began with frame ``start_frame``."""

    start_frame: int


@dataclass(frozen=True)
class SpeechEnded:
    """Speech went from ``start_frame`` up to ``end_frame`` (not included)."""

    start_frame: int
    end_frame: int
    cut: Cut


@dataclass(frozen=True)
class SpeechDropped:
    """What began with ``start_frame`` was too short to be an utterance."""

    start_frame: int


SpeechEvent = SpeechStarted | SpeechEnded | SpeechDropped


class Endpointer:
    """Onset by N of M, end by a hangover that follows how somebody speaks, a maximum with a cut at the best pause.

    An onset needs frames that are probably speech, what goes on only frames that may be (hysteresis). Each start is
    followed by exactly one end or drop. An onset is known N frames after it at the least and M at the most, an end
    ``hangover_ms`` after the last speech frame; where the speaker has paused within the utterance it is up to
    ``longest_hangover_ms``, after a long turn ``shortest_hangover_ms``.
    """

    def __init__(self, settings: SpeechSettings) -> None:
        """Wait for speech."""
        self._settings = settings
        self._hangover_frames = settings.frames(settings.hangover_ms)
        self._shortest_hangover_frames = settings.frames(settings.shortest_hangover_ms)
        self._longest_hangover_frames = settings.frames(settings.longest_hangover_ms)
        self._long_turn_frames = settings.frames(settings.long_turn_ms)
        self._min_frames = settings.frames(settings.min_utterance_ms)
        self._max_frames = settings.frames(settings.max_utterance_ms)
        self._pause_frames = settings.frames(_PAUSE_MS)
        self._memory_frames = settings.frames(_HESITATION_MEMORY_MS)
        longest = settings.onset_window_frames + settings.frames(BACK_DATING_MS)
        self._recent: deque[tuple[float, float]] = deque(maxlen=longest)
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0."""
        self._frame = 0
        self._is_finished = False
        self._enter_silence()

    @property
    def is_in_speech(self) -> bool:
        """Whether an utterance has started and not yet ended."""
        return self._start is not None

    @property
    def speech_end_frame(self) -> int:
        """End of the last speech frame of the utterance in hand."""
        return self._end

    @property
    def is_expectant(self) -> bool:
        """Whether the last frames hold a part of what proves an onset."""
        recent = [probability for probability, _ in self._recent][-self._settings.onset_window_frames :]
        return any(probability >= self._settings.onset_probability for probability in recent)

    @property
    def longest_onset_frames(self) -> int:
        """How long before it is proved speech can have begun."""
        return self._recent.maxlen or 0

    @property
    def decision_frame(self) -> int:
        """In speech, how many frames must have come before the utterance in hand can end, whatever they are."""
        start = 0 if self._start is None else self._start
        hangover, shortest = self._hangover(start), self._shortest_hangover_frames
        soonest = min(self._end + hangover, start + self._max_frames)
        # As speech goes on a hesitation may be forgotten, or the turn become a long one.
        if hangover > self._hangover_frames:
            soonest = min(soonest, self._frame + 1 + self._hangover_frames)
        if hangover > shortest:
            soonest = min(soonest, max(self._frame + 1, start + self._long_turn_frames) + shortest)
        return soonest

    def push(self, probability: float, level: float) -> list[SpeechEvent]:
        """Take the next frame; return what it decides.

        Args:
            probability: Of speech, 0 to 1, by the detector.
            level: How loud the frame is, on any scale that grows with loudness.

        Raises:
            StreamStateError: Called after :meth:`finish`.
        """
        if self._is_finished:
            raise StreamStateError("push after finish: call reset to start a new stream")
        self._frame += 1
        if self._start is None:
            return self._push_in_silence(probability, level)
        return self._push_in_speech(self._start, probability >= self._settings.speech_probability, level)

    def finish(self, cut: Cut) -> list[SpeechEvent]:
        """End the stream; return how the utterance in hand ends, if there is one."""
        self._is_finished = True
        return [] if self._start is None else self._close(self._start, self._end, cut)

    def _enter_silence(self) -> None:
        self._start: int | None = None
        self._end = 0
        self._recent.clear()
        self._flags: list[bool] = []  # of the utterance in hand, from its start on
        self._levels: list[float] = []
        self._pauses: list[tuple[int, int]] = []  # inside it: where speech went on, after how many frames

    def _push_in_silence(self, probability: float, level: float) -> list[SpeechEvent]:
        self._recent.append((probability, level))
        if probability < self._settings.onset_probability:
            return []
        probabilities = [probability for probability, _ in self._recent]
        first_in_window = max(0, len(probabilities) - self._settings.onset_window_frames)
        proofs = [
            index
            for index in range(first_in_window, len(probabilities))
            if probabilities[index] >= self._settings.onset_probability
        ]
        if len(proofs) < self._settings.onset_speech_frames:
            return []
        first = proofs[0]
        while first > 0 and probabilities[first - 1] >= self._settings.speech_probability:
            first -= 1
        self._flags = [probability >= self._settings.speech_probability for probability in probabilities[first:]]
        self._levels = [level for _, level in self._recent][first:]
        self._start = self._frame - len(self._flags)
        self._end = self._frame
        return [SpeechStarted(self._start)]

    def _push_in_speech(self, start: int, is_speech: bool, level: float) -> list[SpeechEvent]:
        self._flags.append(is_speech)
        self._levels.append(level)
        silence = self._frame - self._end
        if is_speech:
            if silence > self._pause_frames:
                self._pauses.append((self._frame, silence - 1))
            self._end = self._frame
        elif silence >= self._shortest_hangover_frames and silence >= self._hangover(start):
            return self._close(start, self._end, "pause")
        if self._frame - start >= self._max_frames:
            return self._cut_at_best_pause(start)
        return []

    def _hangover(self, start: int) -> int:
        """Return how many frames of silence end the utterance from ``start``, given how its speaker spoke so far."""
        if self._end - start >= self._long_turn_frames:
            return self._shortest_hangover_frames
        since = self._end - self._memory_frames
        longest = max((length for frame, length in self._pauses if frame > since), default=0)
        patience = max(self._hangover_frames, math.ceil(_HESITATION_FACTOR * longest))
        return min(patience, self._longest_hangover_frames)

    def _close(self, start: int, end: int, cut: Cut) -> list[SpeechEvent]:
        self._enter_silence()
        if end - start < self._min_frames:
            return [SpeechDropped(start)]
        return [SpeechEnded(start, end, cut)]

    def _cut_at_best_pause(self, start: int) -> list[SpeechEvent]:
        """Cut inside the quietest stretch of the second half; what comes after it is the next utterance."""
        half = len(self._levels) // 2
        loudness = np.convolve(self._levels[half:], np.ones(self._pause_frames), mode="valid")
        cut = half + int(np.argmin(loudness)) + self._pause_frames // 2
        flags, levels, pauses = self._flags, self._levels, self._pauses
        end = start + _last_speech(flags[:cut]) + 1
        events = self._close(start, end, "max")
        if True in flags[cut:]:
            first = cut + flags[cut:].index(True)
            self._flags, self._levels = flags[first:], levels[first:]
            self._start = start + first
            self._end = start + _last_speech(flags) + 1
            self._pauses = [pause for pause in pauses if pause[0] - pause[1] > self._start + 1]
            events.append(SpeechStarted(self._start))
        return events


def _last_speech(flags: list[bool]) -> int:
    return len(flags) - 1 - flags[::-1].index(True)
