"""The loop: what is printed from the start of a stream to its end, however that comes, and the counts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from fakes import FixedClassifier, FixedClock, ListSink, ListSource, LoudnessDetector
from numpy.typing import NDArray
from signals import loud_where, noise, silence, split

from streamer.daemon import Daemon
from streamer.errors import (
    AudioFormatError,
    DeviceError,
    InputError,
    ModelError,
    SinkError,
    StreamBrokenError,
    StreamerError,
)
from streamer.events import Start
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.sinks.lines import ReaderGoneError
from streamer.sinks.record import Record
from streamer.sources.base import AudioBlock, LostSamples
from streamer.stopwatch import Stopwatch

SETTINGS = SpeechSettings()
FRAME = SETTINGS.frame_samples
SPEECH = "0" * 20 + "1" * 30 + "0" * 30
"""From 0.4 s to 1.0 s; its end is certain at 1.3 s."""

CUT_SPEECH = "0" * 20 + "1" * 30
"""The input ends while somebody speaks."""

START = Start("0.1.0", {"name": "toy"}, {"name": "speech"}, {"kind": "list"}, {})
MINUTE = 60 * 16_000


def block(flags: str, captured_s: float | None = None) -> AudioBlock:
    return AudioBlock(loud_where(flags, FRAME), captured_s)


def blocks(flags: str, captured_s: float | None = None) -> list[AudioBlock]:
    """Return a block for each frame."""
    return [AudioBlock(frame, captured_s) for frame in split(loud_where(flags, FRAME), [FRAME] * (len(flags) - 1))]


def daemon_of(
    source: ListSource,
    *sinks: ListSink,
    clock: FixedClock | None = None,
    classifier: FixedClassifier | None = None,
    partials: bool = False,
) -> Daemon:
    clock = clock or FixedClock()
    pipeline = Pipeline(SETTINGS, LoudnessDetector(), classifier or FixedClassifier(), partials=partials)
    pipeline.stopwatch = Stopwatch(clock.monotonic)
    return Daemon(source, pipeline, sinks, clock=clock)


def records_of(source: ListSource, **options: Any) -> list[Record]:
    """Return what a stream prints."""
    sink = ListSink()
    daemon_of(source, sink, **options).run(START)
    return sink.records


def broken_records_of(source: ListSource, error: StreamerError) -> list[Record]:
    """Return what a stream prints that ``error`` breaks."""
    sink = ListSink()
    with pytest.raises(type(error)) as caught:
        daemon_of(source, sink).run(START)
    assert caught.value is error
    return sink.records


def types(records: Iterable[Record]) -> list[str]:
    return [record["type"] for record in records]


def test_a_stream_is_told_from_start_to_end() -> None:
    records = records_of(ListSource(*blocks(SPEECH)))

    assert types(records) == ["start", "utterance", "end"]
    utterance, end = records[1:]
    assert (utterance["start_s"], utterance["end_s"], utterance["cut"]) == (0.4, 1.0, "pause")
    assert end == {
        "v": 1,
        "type": "end",
        "end_s": 1.6,
        "reason": "eof",
        "end_sample": 80 * FRAME,
        "utterances": 1,
        "gaps": 0,
        "lost_samples": 0,
        "overflows": 0,
        "dropped": 0,
        "latency_ms": {"p50": 240.0, "p95": 240.0, "p99": 240.0},
    }


def test_a_stream_of_nothing_has_a_start_and_an_end() -> None:
    start, end = records_of(ListSource())

    assert (start["type"], end["type"], end["end_sample"], end["latency_ms"]) == ("start", "end", 0, {})


def test_an_utterance_in_hand_is_told_at_the_end_of_the_input() -> None:
    records = records_of(ListSource(block(CUT_SPEECH)))

    assert types(records) == ["start", "utterance", "end"]
    assert (records[1]["cut"], records[-1]["reason"]) == ("eof", "eof")


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (["signal"], "signal"),
        (["reload"], "reload"),
        (["signal", "reload"], "signal"),
        (["reload", "signal"], "signal"),
    ],
)
def test_stop_tells_the_utterance_in_hand(reasons: list[str], told: str) -> None:
    source, sink = ListSource(block(CUT_SPEECH), block(SPEECH)), ListSink()
    daemon = daemon_of(source, sink)
    for reason in reasons[:-1]:
        daemon.note_stop(reason)
    daemon.stop(reasons[-1])

    assert daemon.run(START) == told

    assert source.calls == ["interrupt"]
    assert types(sink.records) == ["start", "utterance", "end"]
    assert (sink.records[1]["cut"], sink.records[-1]["reason"]) == ("stop", told)
    assert sink.records[-1]["end_sample"] == len(CUT_SPEECH) * FRAME


@pytest.mark.parametrize(
    ("error", "reason", "cut"),
    [
        (DeviceError("lost"), "device_lost", "gap"),
        (StreamBrokenError("truncated"), "input_broken", "eof"),
        (InputError("empty"), "input_broken", "eof"),
        (ModelError("broken"), "error", "stop"),
        (AudioFormatError("broken"), "error", "stop"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_a_broken_stream_has_an_end_too(error: StreamerError, reason: str, cut: str) -> None:
    records = broken_records_of(ListSource(block(CUT_SPEECH), error=error), error)

    assert types(records) == ["start", "utterance", "end"]
    assert (records[1]["cut"], records[-1]["reason"]) == (cut, reason)


class Failing:
    """A classifier or detector that raises ``error`` when it was given more than so many rows or frames."""

    def __init__(self, error: StreamerError, num_good: int) -> None:
        super().__init__()
        self._error, self._num_good = error, num_good

    def push(self, heard: NDArray[Any]) -> Any:
        self._num_good -= len(heard)
        if self._num_good < 0:
            raise self._error
        return super().push(heard)  # type: ignore[misc]  # of what it is mixed with


class FailingClassifier(Failing, FixedClassifier):
    pass


class FailingDetector(Failing, LoudnessDetector):
    pass


@pytest.mark.parametrize(
    ("classifier", "detector", "told"),
    [(FailingClassifier, None, 1), (None, FailingDetector, 1), (FailingClassifier, None, 0)],
)
def test_a_stage_that_fails_for_good_costs_no_event_before_it(classifier: Any, detector: Any, told: int) -> None:
    error = ModelError("broken")
    probe = RecordingCalls()
    Pipeline(SETTINGS, LoudnessDetector(), probe).push(block(SPEECH).samples)
    classifier = classifier(error, probe.num_rows if told else 0) if classifier else FixedClassifier()
    detector = detector(error, 100) if detector else LoudnessDetector()
    sink = ListSink()

    with pytest.raises(ModelError) as caught:
        Daemon(ListSource(block(SPEECH + SPEECH)), Pipeline(SETTINGS, detector, classifier), [sink]).run(START)

    assert caught.value is error
    assert types(sink.records) == ["start", *["utterance"] * told, "end"]
    assert (sink.records[-1]["reason"], sink.records[-1]["utterances"]) == ("error", told)


@pytest.mark.parametrize("num_good", [0, 1, 3])
def test_what_was_decided_before_a_failure_is_told_and_what_was_in_hand_is_not(num_good: int) -> None:
    """Cuts at the maximum: the classifier hears each utterance at once, as it ends."""

    class Once(FixedClassifier):
        num_pushes = 0

        def push(self, rows: NDArray[np.float32]) -> None:
            self.num_pushes += 1
            if self.num_pushes == num_good + 1:
                raise ModelError("broken")

    settings = SpeechSettings(max_utterance_ms=4000)
    sink = ListSink()
    pipeline = Pipeline(settings, LoudnessDetector(), Once())

    with pytest.raises(ModelError):
        Daemon(ListSource(block("0" * 50 + "1" * 1000)), pipeline, [sink]).run(START)

    told = [record for record in sink.records if record["type"] == "utterance"]
    assert [record["id"] for record in told] == list(range(1, len(told) + 1))
    assert all(record["cut"] == "max" for record in told)
    assert (sink.records[-1]["reason"], sink.records[-1]["utterances"]) == ("error", len(told))
    assert len(told) == num_good


class RecordingCalls(FixedClassifier):
    """Counts what it is given."""

    num_rows = 0

    def push(self, rows: NDArray[np.float32]) -> None:
        self.num_rows += len(rows)


def test_what_comes_with_a_signal_is_no_breakage() -> None:
    sink = ListSink()
    daemon = daemon_of(ListSource(block(CUT_SPEECH), error=StreamBrokenError("inside a sample")), sink)
    daemon.note_stop()

    daemon.run(START)

    assert (sink.records[1]["cut"], sink.records[-1]["reason"]) == ("stop", "signal")


def test_lost_samples_are_told_and_counted() -> None:
    source = ListSource(block(CUT_SPEECH), LostSamples(800, "ring_overflow"), block(SPEECH), LostSamples(0, "x"))

    records = records_of(source)

    assert types(records) == ["start", "utterance", "gap", "utterance", "gap", "end"]
    assert [record["cut"] for record in records if record["type"] == "utterance"] == ["gap", "pause"]
    assert (records[2]["start_sample"], records[2]["lost_samples"]) == (50 * FRAME, 800)
    assert records[3]["start_sample"] == 70 * FRAME + 800
    end = records[-1]
    assert (end["utterances"], end["gaps"], end["lost_samples"], end["overflows"]) == (2, 2, 800, 2)
    assert end["end_sample"] == 130 * FRAME + 800


@pytest.mark.parametrize("fails_at", [0, 1, 2, 3], ids=["start", "first utterance", "second", "end"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_sink_that_fails_ends_the_stream_for_the_others(fails_at: int, is_first: bool) -> None:
    error = SinkError("disk full")
    failing, other = ListSink(error, fails_at), ListSink()
    source = ListSource(*blocks(SPEECH), *blocks(SPEECH))

    with pytest.raises(SinkError) as caught:
        daemon_of(source, *([failing, other] if is_first else [other, failing])).run(START)

    assert caught.value is error
    assert failing.num_failures == 1
    assert types(failing.records) == ["start", "utterance", "utterance"][:fails_at]
    assert types(other.records) == ["start", *["utterance"] * min(fails_at, 2), "end"]
    assert other.records[-1]["reason"] == ("eof" if fails_at == 3 else "sink_failed")


def test_what_any_sink_dropped_is_told_also_of_one_that_failed_since() -> None:
    failing, other = ListSink(SinkError("disk full"), 1), ListSink()
    failing.dropped, other.dropped = 2, 5

    with pytest.raises(SinkError):
        daemon_of(ListSource(block(SPEECH)), failing, other).run(START)

    assert other.records[-1]["dropped"] == 7


def test_a_sink_that_fails_costs_the_others_no_event_of_the_same_block() -> None:
    other = ListSink()

    with pytest.raises(SinkError):
        daemon_of(ListSource(block(SPEECH * 3)), ListSink(SinkError("full"), 1), other).run(START)

    assert types(other.records) == ["start", "utterance", "utterance", "utterance", "end"]
    assert other.records[-1]["utterances"] == 3


def test_a_stream_whose_start_can_not_be_told_is_not_heard() -> None:
    other = ListSink()

    with pytest.raises(SinkError):
        daemon_of(ListSource(block(SPEECH)), ListSink(SinkError("full")), other).run(START)

    assert types(other.records) == ["start", "end"]


def test_a_reader_that_leaves_ends_the_stream_quietly() -> None:
    leaving, other = ListSink(ReaderGoneError("head"), 1), ListSink()

    daemon_of(ListSource(*blocks(SPEECH), *blocks(CUT_SPEECH)), leaving, other).run(START)

    assert types(leaving.records) == ["start"]
    assert types(other.records) == ["start", "utterance", "end"]
    assert other.records[-1]["reason"] == "pipe_closed"


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_reader_that_leaves_hides_no_other_trouble(fails_at: int) -> None:
    leaving, full, other = ListSink(ReaderGoneError("head"), 1), ListSink(SinkError("full"), fails_at), ListSink()

    with pytest.raises(SinkError, match="full"):
        daemon_of(ListSource(*blocks(SPEECH)), leaving, full, other).run(START)

    assert other.records[-1]["reason"] == "sink_failed"


def test_the_first_trouble_is_the_one_that_is_told() -> None:
    """The sink that fails while the end is printed hides not why there was an end."""
    sink = ListSink(SinkError("full"), 1)

    with pytest.raises(DeviceError):
        daemon_of(ListSource(error=DeviceError("lost")), sink).run(START)


class SlowClassifier(FixedClassifier):
    """Takes 5 ms on a clock of its own."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__()
        self._clock = clock

    def posterior(self) -> NDArray[np.float64]:
        self._clock.passed_s += 0.005
        return super().posterior()


def test_the_latency_of_a_recording_is_in_audio_time() -> None:
    clock = FixedClock()

    records = records_of(ListSource(block(SPEECH)), clock=clock, classifier=SlowClassifier(clock))

    assert records[1]["latency_ms"] == {
        "total": 245.0,
        "hangover": 240.0,
        "block": 0.0,
        "queue": 0.0,
        "vad": 0.0,
        "features": 0.0,
        "infer": 5.0,
    }
    assert records[-1]["latency_ms"] == {"p50": 245.0, "p95": 245.0, "p99": 245.0}


def test_the_last_judgement_of_a_stream_is_the_time_of_the_vad() -> None:
    clock = FixedClock()

    class SlowDetector(LoudnessDetector):
        def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
            clock.passed_s += 0.005 if is_last else 0.0
            return super().judge(is_last=is_last)

    pipeline = Pipeline(SETTINGS, SlowDetector(), FixedClassifier())
    pipeline.stopwatch = Stopwatch(clock.monotonic)
    sink = ListSink()
    Daemon(ListSource(block("0" * 10 + "1" * 50)), pipeline, [sink], clock=clock).run(START)

    (utterance,) = [record for record in sink.records if record["type"] == "utterance"]
    assert (utterance["latency_ms"]["vad"], utterance["latency_ms"]["features"]) == (5.0, 0.0)


def test_the_latency_of_a_live_stream_counts_from_the_capture() -> None:
    clock = FixedClock(monotonic_s=1000.0)
    source = ListSource(*blocks(SPEECH, captured_s=999.98), is_live=True)

    records = records_of(source, clock=clock, classifier=SlowClassifier(clock))

    assert records[1]["latency_ms"] == {
        "total": 265.0,
        "hangover": 240.0,
        "block": 0.0,
        "queue": 20.0,
        "vad": 0.0,
        "features": 0.0,
        "infer": 5.0,
    }


def test_latency_of_a_long_live_block_counts_from_the_end_of_the_speech() -> None:
    source = ListSource(block(SPEECH, captured_s=999.98), is_live=True)

    (_, utterance, _) = records_of(source, clock=FixedClock(monotonic_s=1000.0))

    assert utterance["latency_ms"]["total"] == 620.0  # 1.6 s - 1.0 s, and the queue
    assert utterance["latency_ms"]["block"] == 620.0 - utterance["latency_ms"]["hangover"] - 20.0


def test_percentiles_are_those_of_the_utterances() -> None:
    """Partial results are no measure: they wait for no end."""
    clock = FixedClock()

    records = records_of(ListSource(block(SPEECH * 4)), clock=clock, classifier=SlowClassifier(clock), partials=True)

    totals = [record["latency_ms"]["total"] for record in records if record["type"] == "utterance"]
    assert types(records).count("partial") == 4
    assert records[-1]["latency_ms"]["p50"] == round(float(np.percentile(totals, 50)), 1)
    assert records[-1]["utterances"] == 4


def iso(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def test_live_events_tell_the_wall_clock_of_their_end() -> None:
    clock = FixedClock(monotonic_s=50.0, wall_s=1_795_384_981.5)
    source = ListSource(*blocks(SPEECH, 49.98), LostSamples(8000, "ring_overflow"), is_live=True)

    start, utterance, gap, end = records_of(source, clock=clock)

    assert start["time"] == "2026-11-22T22:03:01.500Z"
    assert utterance["time"] == iso(1_795_384_981.5 - 0.26)
    assert gap["time"] == end["time"] == iso(1_795_384_981.5 - 0.02 + 0.5)


def test_recordings_tell_no_wall_clock() -> None:
    records = records_of(ListSource(block(SPEECH), LostSamples(1, "x")), partials=True)

    assert not any("time" in record for record in records)


def test_two_runs_print_the_same_but_for_latency() -> None:
    first, second = (records_of(ListSource(block(SPEECH * 2 + CUT_SPEECH)), clock=clock) for clock in clocks())

    assert [without_latency(record) for record in first] == [without_latency(record) for record in second]


def clocks() -> list[FixedClock]:
    return [FixedClock(), FixedClock(monotonic_s=5.0, wall_s=7.0)]


def without_latency(record: Record) -> Record:
    return {**record, "latency_ms": None}


def statuses(*items: AudioBlock | LostSamples, is_device: bool = True) -> list[Record]:
    records = records_of(ListSource(*items, is_device=is_device))
    return [record for record in records if record["type"] == "status"]


def test_a_device_has_a_status_every_minute_of_audio() -> None:
    tenths = [AudioBlock(silence(1600))] * 1205

    assert [record["end_s"] for record in statuses(*tenths)] == [60.0, 120.0]


def test_recordings_have_no_status() -> None:
    assert statuses(AudioBlock(silence(2 * MINUTE)), is_device=False) == []


def test_a_minute_that_was_lost_has_no_status_of_its_own() -> None:
    found = statuses(
        *[AudioBlock(silence(16_000))] * 59,
        LostSamples(5 * MINUTE, "ring_overflow"),
        *[AudioBlock(silence(16_000))] * 62,
    )

    assert [record["end_s"] for record in found] == [359.0, 360.0, 420.0]


@pytest.mark.parametrize(
    ("items", "health"),
    [
        ([AudioBlock(np.full(MINUTE, 3277, np.int16))], "ok"),
        ([AudioBlock(np.full(MINUTE, 1, np.int16))], "ok"),
        ([AudioBlock(silence(MINUTE))], "silent_input"),
        ([LostSamples(0, "driver_overflow"), AudioBlock(np.full(MINUTE, 3277, np.int16))], "overflow"),
        ([LostSamples(0, "driver_overflow"), AudioBlock(silence(MINUTE))], "silent_input"),
    ],
    ids=["loud", "faint", "zeros", "overflow", "zeros and overflow"],
)
def test_status_tells_the_health(items: list[AudioBlock | LostSamples], health: str) -> None:
    (status,) = statuses(*items)

    assert status["health"] == health


def test_status_tells_what_was_since_the_last() -> None:
    loud, faint = AudioBlock(np.full(MINUTE, 3277, np.int16)), AudioBlock(np.full(MINUTE, 328, np.int16))

    first, second = statuses(LostSamples(0, "driver_overflow"), loud, faint)

    assert (first["level_dbfs"], first["peak_dbfs"], first["health"]) == (-20.0, -20.0, "overflow")
    assert (second["level_dbfs"], second["peak_dbfs"], second["health"]) == (-40.0, -40.0, "ok")
    assert (first["overflows"], second["overflows"]) == (1, 1)


def test_a_fault_is_told_once_until_it_is_gone() -> None:
    off = AudioBlock(noise(MINUTE, level=20) + np.int16(2000))
    centred = AudioBlock(noise(MINUTE, level=20))

    found = statuses(off, off, centred, off)

    assert [status["faults"] for status in found] == [["dc_offset"], [], [], ["dc_offset"]]


def test_status_counts_from_the_start() -> None:
    speech = AudioBlock(np.concatenate([loud_where(SPEECH, FRAME), np.full(MINUTE, 5, np.int16)]))

    first, second = statuses(speech, LostSamples(7, "x"), speech)

    assert [(status["utterances"], status["gaps"], status["lost_samples"]) for status in (first, second)] == [
        (1, 0, 0),
        (2, 1, 7),
    ]
    assert first["latency_ms"] == {"p50": 240.0, "p95": 240.0, "p99": 240.0}
