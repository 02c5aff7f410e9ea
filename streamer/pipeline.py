"""The way of a sample from a source to an event: wiring only, no I/O, no thread; no result follows from a clock."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.steady import SteadyLabel
from streamer.errors import AudioFormatError, SettingsError, StreamStateError
from streamer.events import Cut, Gap, Partial, Utterance
from streamer.features.dither import dithered
from streamer.features.extractor import RowExtractor
from streamer.features.history import SampleHistory
from streamer.features.rows import RowBuffer
from streamer.settings import PARTIAL_FIRST_MS, PARTIAL_STEP_MS, FeatureSettings, SpeechSettings, ms_to_samples
from streamer.speech.endpointing import SpeechEnded, SpeechEvent, SpeechStarted
from streamer.speech.gain import AutoGain
from streamer.speech.segmenter import Segmenter, SpeechDetector
from streamer.stopwatch import Stopwatch

_PARTIAL_PATIENCE_FRAMES = 4
"""In a pause: from one question whether speech goes on to the next."""

_HEARD_AT_ONCE_MS = 6000
"""Speech that gathers before the classifier hears it, where nobody asks: a call costs what two hundred rows do."""

PipelineEvent = Partial | Utterance | Gap


class EmotionClassifier(Protocol):
    """Gives the emotions of feature rows."""

    @property
    def labels(self) -> Sequence[str]:
        """The names of the outputs, in their order."""

    @property
    def features(self) -> FeatureSettings:
        """How the rows are computed."""

    @property
    def heard_before(self) -> int:
        """How many utterances of the voice that speaks the posterior rests on, beside the one in hand."""

    def forget(self) -> None:
        """Forget whose voices were heard, and the rows."""

    def reset(self) -> None:
        """Forget the rows heard."""

    def push(self, rows: NDArray[np.float32]) -> None:
        """Hear the rows that follow, shape ``(num_rows, num_columns)``, at least one."""

    def mark(self) -> object:
        """Return what :meth:`go_back` takes to forget what is heard from now on."""

    def go_back(self, mark: Any) -> None:
        """Forget the rows heard since ``mark`` was given, which is also valid later on."""

    def posterior(self) -> NDArray[np.float64]:
        """Return the posterior, shape ``(num_labels,)``, of all rows since the last reset, at least one."""

    def decide(self, posterior: NDArray[np.float64]) -> str:
        """Return the label that ``posterior`` stands for, or ``uncertain``."""

    def learn(self) -> None:
        """Remember how the voice sounds in the rows since the last reset, at least one: the utterance has ended."""


class Pipeline:
    """Turns 16 kHz samples into events, however the samples are split.

    Samples go to the detector and, with faint noise for digital silence, into a short history. What is known to belong
    to an utterance, pre-roll included, becomes rows from that history, on the grid that counts from the start of the
    stream (after a gap: from its end), and the classifier hears each row once.
    Latency: see :class:`~streamer.speech.segmenter.Segmenter`.
    """

    def __init__(
        self,
        settings: SpeechSettings,
        detector: SpeechDetector,
        classifier: EmotionClassifier,
        *,
        partials: bool = False,
        auto_gain: bool = False,
    ) -> None:
        """Join the stages.

        Args:
            settings: Where speech starts and ends.
            detector: Says how probable speech is in a frame.
            classifier: Judges the rows of an utterance.
            partials: Whether results come while somebody is still speaking, too.
            auto_gain: Whether people who are too quiet are raised, see :class:`~streamer.speech.gain.AutoGain`.

        Raises:
            SettingsError: The shortest utterance may hold no row of the classifier's features.
        """
        features = classifier.features
        if features.window_ms + features.hop_ms > settings.min_utterance_ms:
            raise SettingsError(
                f"min_utterance_ms must be at least window_ms and hop_ms of the model "
                f"({features.window_ms} + {features.hop_ms}), got {settings.min_utterance_ms}"
            )
        self._settings, self._classifier, self._partials = settings, classifier, partials
        self.stopwatch = Stopwatch()
        self._segmenter = Segmenter(settings, detector)
        self._extractor = RowExtractor(features)
        self._hop, self._window = features.hop_samples, features.window_samples
        self._frame_samples = settings.frame_samples
        self._pre_roll = ms_to_samples(settings.pre_roll_ms)
        # How old an onset, the maximum or the last speech before a pause can be when more is known.
        latest_frames = self._segmenter.longest_onset_frames + self._segmenter.most_unjudged_frames
        latest_frames += settings.frames(settings.longest_hangover_ms)
        latest = latest_frames * self._frame_samples
        self._heard_at_once = ms_to_samples(_HEARD_AT_ONCE_MS)
        # Some hops more, since rows start on the grid, and the samples before them.
        step = self._extractor.rows_per_step * self._hop
        kept = self._pre_roll + latest + self._heard_at_once + step + self._extractor.num_previous
        self._history = SampleHistory(kept)
        longest = self._pre_roll + ms_to_samples(settings.max_utterance_ms) + latest
        self._rows = RowBuffer(longest // self._hop + self._extractor.rows_per_step, features.num_columns)
        self._steady = SteadyLabel()
        self._frame = np.empty(self._frame_samples, np.int16)
        longest_frames = settings.frames(settings.max_utterance_ms) + latest_frames
        self._gain = AutoGain(settings, longest_frames) if auto_gain else None
        self.reset()

    def reset(self) -> None:
        """Start a new stream at sample 0."""
        if self._gain:
            self._gain.reset()
        self._classifier.forget()
        self._num_utterances = 0
        self._is_finished = False
        self._found: list[PipelineEvent] = []  # and not returned yet: after a push that raised, the next call does
        self._restart(0)

    def _restart(self, origin: int) -> None:
        self._is_broken = False  # by a stage that raised: what it had in hand is nobody's any more
        self._origin = origin
        self._num_frames = 0  # complete VAD frames since the origin
        self._num_in_frame = 0
        self._last_end = 0  # sample at which the last utterance ended; like all below, counted from the origin
        self._start = 0
        self._heard_row = 0  # behind the last that the classifier heard of the utterance in hand
        self._marks: list[tuple[int, object]] = []  # of the classifier, where it had heard so many rows
        self._next_partial = self._partial_due_frame = 0  # a sample, and when to ask whether speech has got there
        self._has_rows = False  # whether the rows go on from the start of the utterance in hand or just cut
        self._extracted = 0  # behind the last sample that the extractor was given
        self._segmenter.reset()
        self._history.reset()

    @property
    def position(self) -> int:
        """Index of the next sample expected."""
        return self._origin + self._num_frames * self._frame_samples + self._num_in_frame

    def patience(self) -> int:
        """Return how many samples may be gathered before they are pushed, and no result come later for it.

        In silence that is 100 ms and more, in speech up to where the utterance in hand may end. Fewer pushes cost
        less: it is waking up that is dear.
        """
        return self._patience_frames() * self._frame_samples - self._num_in_frame

    def _patience_frames(self) -> int:
        """Return how many frames can come at once, since nothing is decided before."""
        frames = self._segmenter.patience_frames
        if self._partials and self._segmenter.is_in_speech:
            frames = min(frames, max(1, self._partial_due_frame - self._num_frames))
        return frames

    def push(self, samples: NDArray[np.int16]) -> list[PipelineEvent]:
        """Return the events that ``samples`` bring about, in order.

        Args:
            samples: Shape ``(num_samples,)``, int16 at 16 kHz; any length, also 0.

        Raises:
            AudioFormatError: ``samples`` is not one-dimensional int16.
            StreamStateError: Called after :meth:`finish`.
        """
        if samples.ndim != 1 or samples.dtype != np.int16:
            raise AudioFormatError(f"expected int16 of shape (n,), got {samples.dtype} of shape {samples.shape}")
        if self._is_finished:
            raise StreamStateError("push after finish: call reset to start a new stream")
        self._is_broken = True  # until all is heard
        taken, frame_samples = 0, self._frame_samples
        while taken < samples.size:
            num_whole = 0 if self._num_in_frame else (samples.size - taken) // frame_samples
            if num_whole:
                num_frames = min(num_whole, self._patience_frames())
                frames = samples[taken : taken + num_frames * frame_samples].reshape(num_frames, frame_samples)
                taken += frames.size
                self._push_frames(frames)
                continue
            part = samples[taken : taken + frame_samples - self._num_in_frame]
            self._frame[self._num_in_frame : self._num_in_frame + part.size] = part
            self._num_in_frame += part.size
            taken += part.size
            if self._num_in_frame == frame_samples:
                self._num_in_frame = 0
                self._push_frames(self._frame[np.newaxis])
        self._is_broken = False
        return self._take_found()

    def skip(self, lost_samples: int, reason: str) -> list[PipelineEvent]:
        """Go on behind samples that never arrived: end the utterance in hand and reset every stage.

        Raises:
            StreamStateError: Called after :meth:`finish`.
        """
        events = self.break_off()
        gap = Gap(self.position, lost_samples, reason)
        self._restart(gap.start_sample + lost_samples)
        return [*events, gap]

    def break_off(self) -> list[PipelineEvent]:
        """End the utterance in hand and reset every stage, since nobody knows when the next sample comes.

        Raises:
            StreamStateError: Called after :meth:`finish`.
        """
        if self._is_finished:
            raise StreamStateError("skip after finish: call reset to start a new stream")
        position = self.position
        self._end_utterance_in_hand("gap")
        self._restart(position)
        return self._take_found()

    def finish(self, cut: Cut = "eof") -> list[PipelineEvent]:
        """End the stream; return the utterance in hand, if any. A last incomplete VAD frame is not judged.

        Raises:
            StreamStateError: Called twice.
        """
        if self._is_finished:
            raise StreamStateError("finish was already called: call reset to start a new stream")
        self._is_finished = True
        self._end_utterance_in_hand(cut)
        return self._take_found()

    def _take_found(self) -> list[PipelineEvent]:
        found, self._found = self._found, []
        return found

    def _push_frames(self, frames: NDArray[np.int16]) -> None:
        if self._gain:
            frames = np.stack([self._gain.push(frame) for frame in frames])
        self._history.push(dithered(frames, self._num_frames).ravel())
        self._num_frames += len(frames)
        self.stopwatch.skip()
        found = self._segmenter.push(frames)
        self.stopwatch.done("vad")
        self._follow(found)
        if self._segmenter.is_in_speech:
            end = self._segmenter.speech_end_frame * self._frame_samples
            if end - self._heard_row * self._hop >= self._heard_at_once:
                self._hear(end)
        if self._partials and self._segmenter.is_in_speech:
            self._maybe_partial()

    def _end_utterance_in_hand(self, cut: Cut) -> None:
        if not self._is_broken:
            found = self._segmenter.finish(cut)
            self.stopwatch.done("vad")
            self._follow(found)

    def _follow(self, speech_events: list[SpeechEvent]) -> None:
        for event in speech_events:
            match event:
                case SpeechStarted(start_frame):
                    self._begin(start_frame * self._frame_samples)
                case SpeechEnded(start_frame, end_frame, cut):
                    if self._gain:
                        self._gain.learn(self._num_frames - start_frame, self._num_frames - end_frame)
                    self._found.append(self._end(end_frame * self._frame_samples, cut))
                # SpeechDropped leaves no trace.
        self._has_rows = self._segmenter.is_in_speech

    def _begin(self, start: int) -> None:
        first = max(0, start - self._pre_roll, self._last_end)
        # The row at or before it is always there to begin with; it is not always the utterance's own.
        step = self._extractor.rows_per_step
        kept_row = first // (step * self._hop) * step
        if self._has_rows:  # of an utterance that was cut at its maximum
            self._rows.drop_before(kept_row)
        else:
            self._extracted = kept_row * self._hop
            self._extractor.reset(self._history.before(self._extracted, self._extractor.num_previous))
            self._rows.reset(kept_row)
            self._has_rows = True
        self._heard_row = -(-first // self._hop)
        self._classifier.reset()
        self._marks = [(self._heard_row, self._classifier.mark())]
        self._start = start
        self._steady.reset()
        self._expect_partial(start + ms_to_samples(PARTIAL_FIRST_MS))

    def _expect_partial(self, end: int) -> None:
        """Wait until the speech has got to sample ``end``, as far as that can be known."""
        self._next_partial = end
        self._partial_due_frame = self._segmenter.frames_to_judge(-(-end // self._frame_samples))

    def _end(self, end: int, cut: Cut) -> Utterance:
        self._num_utterances += 1
        self._last_end = end
        label, probs = self._classify(end)
        heard_before = self._classifier.heard_before
        self._classifier.learn()
        return Utterance(
            id=self._num_utterances,
            start_sample=self._origin + self._start,
            end_sample=self._origin + end,
            label=label,
            probs=probs,
            decided_sample=self._heard,
            heard_before=heard_before,
            cut=cut,
        )

    def _maybe_partial(self) -> None:
        if self._num_frames < self._partial_due_frame:
            return
        found = self._segmenter.judge()
        self.stopwatch.done("vad")
        self._follow(found)
        end = self._segmenter.speech_end_frame * self._frame_samples
        if not self._segmenter.is_in_speech or end < self._next_partial:
            self._partial_due_frame = self._num_frames + _PARTIAL_PATIENCE_FRAMES
            return
        step = ms_to_samples(PARTIAL_STEP_MS)
        # Speech that goes on after a pause or behind a cut may pass several steps at once.
        self._expect_partial(self._next_partial + (1 + (end - self._next_partial) // step) * step)
        label, probs = self._classify(end)
        partial = Partial(
            id=self._num_utterances + 1,
            start_sample=self._origin + self._start,
            end_sample=self._origin + end,
            label=self._steady.push(label),
            probs=probs,
            decided_sample=self._heard,
            heard_before=self._classifier.heard_before,
        )
        self._found.append(partial)

    @property
    def _heard(self) -> int:
        return self._origin + self._num_frames * self._frame_samples

    def _hear(self, end: int) -> None:
        """Let the classifier hear the rows whose windows end by sample ``end``."""
        end_row = (end - self._window) // self._hop + 1
        if end_row < self._heard_row:  # a cut at the maximum goes back behind what was heard
            while self._marks[-1][0] > end_row:
                self._marks.pop()
            self._heard_row, mark = self._marks[-1]
            self._classifier.go_back(mark)
        if end_row > self._heard_row:
            self._extract(end_row)
            self._classifier.push(self._rows.between(self._heard_row, end_row))
            self._heard_row = end_row
            self._marks.append((end_row, self._classifier.mark()))
            self.stopwatch.done("infer")

    def _extract(self, end_row: int) -> None:
        """Compute the rows before ``end_row`` that are not there yet: seldom and many, which costs a part of each."""
        end = (end_row - 1) * self._hop + self._window
        if end > self._extracted:
            audio = self._history.since(self._extracted)
            self._rows.append(self._extractor.push(audio[: end - self._extracted]))
            self._extracted = end
        self.stopwatch.done("features")

    def _classify(self, end: int) -> tuple[str, dict[str, float]]:
        """Judge the utterance in hand up to sample ``end``."""
        self._hear(end)
        posterior = self._classifier.posterior()
        probs = dict(zip(self._classifier.labels, posterior.tolist(), strict=True))
        label = self._classifier.decide(posterior)
        self.stopwatch.done("infer")
        return label, probs
