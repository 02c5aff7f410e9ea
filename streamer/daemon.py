"""The loop that joins a source, the pipeline and the sinks, and keeps the counts."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from streamer import clock as system_clock
from streamer.clock import Clock
from streamer.errors import DeviceError, InputError, SinkError, StreamBrokenError, StreamerError
from streamer.events import Cut, End, Gap, Partial, Start, Status, Utterance
from streamer.level import InputMeter
from streamer.pipeline import Pipeline, PipelineEvent
from streamer.settings import SAMPLE_RATE_HZ
from streamer.sinks.lines import ReaderGoneError
from streamer.sinks.record import Record, to_record
from streamer.sources.base import AudioBlock, AudioSource, DeviceState, LostSamples, SourceItem
from streamer.stopwatch import percentiles

STATUS_INTERVAL_S = 60
_LATENCIES_KEPT = 1000


class RecordSink(Protocol):
    """Takes records."""

    @property
    def dropped(self) -> int:
        """How many records were dropped because nobody read."""

    def write(self, record: Record) -> None:
        """Write ``record``, where the sink shows its type."""

    def check(self) -> None:
        """Raise a SinkError where nobody would read what is written."""

    def finish(self) -> None:
        """Raise a SinkError where what is kept back can not be written; only ``end`` follows."""


class Daemon:
    """Runs one stream from its start to its end.

    Every ``start`` event is followed by an ``end`` event, also after an error, as far as sinks still write.
    """

    def __init__(
        self,
        source: AudioSource,
        pipeline: Pipeline,
        sinks: Sequence[RecordSink],
        *,
        clock: Clock = system_clock,
    ) -> None:
        """Join the open ``source``, ``pipeline`` and ``sinks``."""
        self._source, self._pipeline, self._clock = source, pipeline, clock
        self._all_sinks, self._sinks = tuple(sinks), list(sinks)  # the second, as far as they still write
        self._errors: list[StreamerError] = []
        self._stopped_by = ""  # a signal or a reload
        self._meter = InputMeter()
        self._faults: tuple[str, ...] = ()  # that the last status found
        self._counts = {"utterances": 0, "gaps": 0, "lost_samples": 0}
        self._overflows_told = 0
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self._anchor: tuple[int, float] | None = None  # a sample and when it was captured, on the monotonic clock

    def note_stop(self, reason: str = "signal") -> None:
        """Take what breaks from now on for a part of being stopped; ``reason`` is ``signal`` or ``reload``."""
        if self._stopped_by != "signal":
            self._stopped_by = reason

    def stop(self, reason: str = "signal") -> None:
        """End the stream in good order; may be called from another thread."""
        self.note_stop(reason)
        self._source.interrupt()

    def run(self, start: Start) -> str:
        """Print ``start`` and then what the stream brings, until its end.

        Returns:
            The reason that ``end`` gave.

        Raises:
            StreamerError: What broke the stream, after everything before it was printed.
        """
        if self._source.is_live:
            self._anchor = (0, self._clock.monotonic())
        self._emit(to_record(start, time=self._time(0)))
        try:
            if not self._errors:
                self._listen()
        except (InputError, StreamBrokenError) as raised:
            if not self._stopped_by:  # the signal also ended who fed us, perhaps within a sample
                self._errors.append(raised)
        except StreamerError as raised:
            self._errors.append(raised)
        reason = self._finish()
        error = self._first_error()
        if error and not isinstance(error, ReaderGoneError):
            raise error
        return reason

    def _listen(self) -> None:
        """Print events until the source ends or a sink fails."""
        status_samples = STATUS_INTERVAL_S * SAMPLE_RATE_HZ
        next_status = status_samples
        for item in self._source.blocks():
            taken_s = self._clock.monotonic()
            self._pipeline.stopwatch.start()
            for event in self._events_of(item):
                self._tell(event, taken_s)
            if isinstance(item, DeviceState):
                self._tell(self._status(item), taken_s)
            if self._source.is_live:
                # In a quiet room no line would tell that the reader left.
                self._each_sink(lambda sink: sink.check())
            if self._source.is_device and self._pipeline.position >= next_status:
                next_status = (self._pipeline.position // status_samples + 1) * status_samples
                self._tell(self._status(), taken_s)
            if self._errors:
                return

    def _events_of(self, item: SourceItem) -> list[PipelineEvent]:
        match item:
            case LostSamples(num_samples, reason):
                return self._pipeline.skip(num_samples, reason)
            case AudioBlock(samples, captured_s):
                self._meter.push(samples)
                events = self._pipeline.push(samples)
                if captured_s is not None:
                    self._anchor = (self._pipeline.position, captured_s)
                return events
            case DeviceState("device_lost"):
                return self._pipeline.break_off()
            case DeviceState():
                return []

    def _finish(self) -> str:
        """Print the utterance in hand and ``end`` to the sinks that still write; return why it ended."""
        taken_s = self._clock.monotonic()
        self._pipeline.stopwatch.start()
        try:
            for event in self._pipeline.finish(self._ending()[1]):
                self._tell(event, taken_s)
        except StreamerError as raised:
            self._errors.append(raised)
        self._each_sink(lambda sink: sink.finish())
        reason = self._ending()[0]
        self._tell(self._end(reason), taken_s)
        return reason

    def _ending(self) -> tuple[str, Cut]:
        """Return why the stream ends, and so the utterance in hand."""
        error = self._first_error()
        if error:
            return _broken_by(error)
        return (self._stopped_by, "stop") if self._stopped_by else ("eof", "eof")

    def _first_error(self) -> StreamerError | None:
        """Return the error that ends the stream; a reader that left is the least of the troubles."""
        return min(self._errors, key=lambda error: isinstance(error, ReaderGoneError), default=None)

    def _tell(self, event: PipelineEvent | Status | End, taken_s: float) -> None:
        """Count ``event``, which came of what was taken from the source at ``taken_s``, and print it."""
        end_sample = event.start_sample + event.lost_samples if isinstance(event, Gap) else event.end_sample
        latency_ms: dict[str, float] | None = None
        match event:
            case Utterance() | Partial():
                latency_ms = self._latency_ms(event, taken_s)
            case Gap(lost_samples=lost_samples):
                self._counts["gaps"] += 1
                self._counts["lost_samples"] += lost_samples
        if isinstance(event, Utterance) and latency_ms:
            self._counts["utterances"] += 1
            self._latencies_ms.append(latency_ms["total"])
        self._emit(to_record(event, latency_ms=latency_ms, time=self._time(end_sample)))

    def _emit(self, record: Record) -> None:
        """Write ``record`` to every sink."""
        self._each_sink(lambda sink: sink.write(record))

    def _each_sink(self, action: Callable[[RecordSink], None]) -> None:
        """Do ``action`` with every sink; drop the sinks that fail."""
        for sink in tuple(self._sinks):
            try:
                action(sink)
            except SinkError as error:
                self._sinks.remove(sink)
                self._errors.append(error)

    def _latency_ms(self, event: Utterance | Partial, taken_s: float) -> dict[str, float]:
        """Return how long after the end of the speech the line leaves, and by cause; offline, in audio time."""
        lasted_s = self._clock.monotonic() - taken_s
        causes_s = {"hangover": (event.decided_sample - event.end_sample) / SAMPLE_RATE_HZ, "block": 0.0, "queue": 0.0}
        if self._anchor:
            position, captured_s = self._anchor
            causes_s["block"] = (position - event.decided_sample) / SAMPLE_RATE_HZ
            causes_s["queue"] = taken_s - captured_s
        total_s = sum(causes_s.values()) + lasted_s
        causes_s |= self._pipeline.stopwatch.spent_s
        return {cause: round(1000 * caused_s, 2) for cause, caused_s in {"total": total_s, **causes_s}.items()}

    def _time(self, sample: int) -> str | None:
        """Return the wall clock at ``sample``, None where the stream is not live."""
        if not self._anchor:
            return None
        position, captured_s = self._anchor
        wall_s = self._clock.wall_at(captured_s - (position - sample) / SAMPLE_RATE_HZ)
        return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def _dropped(self) -> int:
        return sum(sink.dropped for sink in self._all_sinks)

    def _status(self, state: DeviceState | None = None) -> Status:
        """Return how it has been since the last time, or what ``state`` says of its health."""
        report = self._meter.take()
        overflows = self._source.overflows
        health = "ok" if overflows == self._overflows_told else "overflow"
        self._overflows_told = overflows
        if "silent_input" in report.faults:
            health = "silent_input"
        new_faults = [fault for fault in report.faults if fault not in self._faults]
        self._faults = report.faults
        return Status(
            end_sample=self._pipeline.position,
            health=state.health if state else health,
            detail=state.detail if state else "",
            level_dbfs=report.level_dbfs,
            peak_dbfs=report.peak_dbfs,
            faults=new_faults,
            overflows=overflows,
            dropped=self._dropped,
            latency_ms=percentiles(self._latencies_ms),
            **self._counts,
        )

    def _end(self, reason: str) -> End:
        return End(
            reason=reason,
            end_sample=self._pipeline.position,
            overflows=self._source.overflows,
            dropped=self._dropped,
            latency_ms=percentiles(self._latencies_ms),
            **self._counts,
        )


def _broken_by(error: StreamerError) -> tuple[str, Cut]:
    match error:
        case ReaderGoneError():
            return "pipe_closed", "stop"
        case SinkError():
            return "sink_failed", "stop"
        case DeviceError():
            return "device_lost", "gap"
        case InputError() | StreamBrokenError():
            return "input_broken", "eof"
        case _:
            return "error", "stop"
