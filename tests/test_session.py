"""A session on disk: what was heard is heard again, with the same events, whatever came and however it ended."""

import errno
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FixedClassifier, JumpingClock, ListSink, ListSource, LoudnessDetector
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import loud_where, silence

from streamer.daemon import Daemon
from streamer.errors import (
    DeviceError,
    DeviceHungError,
    InputError,
    SettingsError,
    StreamBrokenError,
    StreamerError,
)
from streamer.events import Start
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.sinks.record import Record
from streamer.sources import session
from streamer.sources.base import NOTHING, AudioBlock, DeviceState, LostSamples, SourceItem
from streamer.sources.microphone import PortAudioMissingError
from streamer.sources.replay import Replay
from streamer.sources.session import Recording, RecordingSettings

FRAME = SpeechSettings().frame_samples
MINUTE = 60 * 16_000
SETTINGS = {
    "partials": True,
    "auto_gain": False,
    "speech": {"frame_ms": 20},
    "latency_ms": {},
}
START = Start("0", {"name": "toy", "sha256": "0"}, {"name": "speech", "sha256": "0"}, {"kind": "list"}, SETTINGS)
SPEECH = "0" * 20 + "1" * 30 + "0" * 30


class Stopping(ListSource):
    """Gives its items, and is stopped as by a signal while it gives the last of them."""

    stop: Callable[[], None]

    def blocks(self) -> Iterator[SourceItem]:
        for place, item in enumerate(self._items):
            if place == len(self._items) - 1:
                self.stop()
            yield item
        if self._error:
            raise self._error


def pipeline() -> Pipeline:
    return Pipeline(SpeechSettings(), LoudnessDetector(), FixedClassifier(), partials=True)


def recorded(
    folder: Path, source: ListSource, *, minutes: int = 60, seed: int = 0, told: list[str] | None = None
) -> list[Record]:
    """Return what is printed of ``source`` while it is recorded in ``folder``."""
    sink, clock = ListSink(), JumpingClock(seed)
    warn = (told if told is not None else []).append
    with Recording(source, RecordingSettings(folder, minutes), warn, clock=clock) as recording:
        daemon = Daemon(recording, pipeline(), [sink, recording], clock=recording)
        if isinstance(source, Stopping):
            source.stop = daemon.stop
        ended_by(daemon)
    return sink.records


def replayed(folder: Path) -> tuple[list[Record], str]:
    """Return what is printed of the session in ``folder``, and the error that ends it."""
    sink = ListSink()
    with Replay(folder) as source:
        daemon = Daemon(source, pipeline(), [sink], clock=source)
        source.at_stop = daemon.note_stop
        complaint = ended_by(daemon)
    return sink.records, complaint


def ended_by(daemon: Daemon) -> str:
    try:
        daemon.run(START)
    except StreamerError as error:
        return repr(error)
    return ""


def comparable(records: list[Record]) -> list[Record]:
    return [{key: value for key, value in record.items() if key != "latency_ms"} for record in records]


def items_of(folder: Path) -> list[tuple[Any, ...]]:
    with Replay(folder) as source:
        return [comparable_item(item) for item in source.blocks()]


def comparable_item(item: SourceItem) -> tuple[Any, ...]:
    if isinstance(item, AudioBlock):
        return ("block", item.samples.tobytes(), item.captured_s)
    return tuple(vars(item).values())


@st.composite
def items(draw: st.DrawFn, is_live: bool) -> list[SourceItem]:
    """Draw what a source may give: speech and silence in blocks of any length, losses, and what became of a device."""
    captured_s = 1000.0
    drawn: list[SourceItem] = []
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["speech", "speech", "part", "sign", "lost", "state"]))
        captured_s += draw(st.floats(0.0, 2.0))
        stamp = captured_s if is_live else None
        if kind == "speech":
            drawn.append(AudioBlock(loud_where(SPEECH[draw(st.integers(0, 40)) :], FRAME), stamp))
        elif kind == "part":
            drawn.append(AudioBlock(loud_where("11", FRAME)[: draw(st.integers(0, 639))], stamp))
        elif kind == "sign":
            drawn.append(AudioBlock(NOTHING))
        elif kind == "lost":
            drawn.append(LostSamples(draw(st.integers(0, 3 * MINUTE)), draw(st.sampled_from(["a", "ring_overflow"]))))
        else:
            health = draw(st.sampled_from(["ok", "device_lost", "silent_input"]))
            drawn.append(DeviceState(health, draw(st.text(max_size=5))))
    return drawn


@hypothesis_settings(max_examples=60)
@given(data=st.data(), is_live=st.booleans(), seed=st.integers(0, 1000))
def test_a_replay_prints_what_was_printed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, is_live: bool, seed: int
) -> None:
    """Clocks that are set meanwhile, losses, a device that goes and comes, a signal, an error: all of it."""
    folder = tmp_path_factory.mktemp("session") / "s"
    error = data.draw(st.sampled_from([None, DeviceError("lost"), StreamBrokenError("cut"), DeviceHungError("hangs")]))
    kind = data.draw(st.sampled_from([ListSource, Stopping]))
    source = kind(*data.draw(items(is_live)), error=error, is_live=is_live, is_device=is_live)

    printed = recorded(folder, source, seed=seed)
    again, complaint = replayed(folder)

    assert comparable(again) == comparable(printed)
    assert all(("time" in record) == is_live for record in again)
    if printed[-1]["reason"] != "signal" or isinstance(error, DeviceError):
        assert complaint == (repr(error) if error else "")


def session_of(folder: Path, *given_items: SourceItem, **options: Any) -> list[tuple[Any, ...]]:
    """Record ``given_items`` as a live stream and return them in a form that can be compared."""
    recorded(folder, ListSource(*given_items, is_live=True, is_device=True), **options)
    return [comparable_item(item) for item in given_items]


ITEMS: tuple[SourceItem, ...] = (
    AudioBlock(loud_where(SPEECH, FRAME), 1001.25),
    DeviceState("device_lost", "the plug: ü"),
    LostSamples(12_345, "device_lost"),
    AudioBlock(silence(7), 1003.000001),
)


def test_every_item_is_given_again_as_it_was(tmp_path: Path) -> None:
    given_items = session_of(tmp_path / "s", *ITEMS)

    began, *rest = items_of(tmp_path / "s")

    assert rest == given_items
    assert began[:2] == ("block", b"")
    assert began[2] > 0


def test_signs_of_life_take_no_room(tmp_path: Path) -> None:
    """A device that is away for months gives four a second."""
    session_of(tmp_path / "s", *[AudioBlock(NOTHING)] * 1000)

    assert (tmp_path / "s" / "000001.jsonl").stat().st_size < 500


@hypothesis_settings(max_examples=40)
@given(share=st.floats(0.0, 1.0), which=st.sampled_from(["000001.jsonl", "000001.s16le"]))
def test_a_session_that_was_cut_off_anywhere_gives_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, share: float, which: str
) -> None:
    folder = tmp_path_factory.mktemp("session") / "s"
    given_items = session_of(folder, *ITEMS, *ITEMS)
    path = folder / which
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])

    found = items_of(folder)[1:]

    assert found == given_items[: len(found)]
    if share == 1.0:
        assert len(found) == 8
    records, complaint = replayed(folder)
    assert not complaint
    assert records[-1]["type"] == "end"


def test_nobody_but_its_owner_may_read_it(tmp_path: Path) -> None:
    session_of(tmp_path / "s", *ITEMS)

    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "s").iterdir()} == {0o600}


def test_it_says_where_and_how_much(tmp_path: Path) -> None:
    told: list[str] = []

    session_of(tmp_path / "s", *ITEMS, minutes=10, told=told)

    assert told == [f"what is heard is recorded in {tmp_path}/s: the last 10 minutes of it, at most 27 MB"]


def speech_by_the_minute(num_minutes: int) -> list[SourceItem]:
    """Return an utterance at the beginning of each minute of a live stream, in blocks of 10 s."""
    minute = np.concatenate([loud_where(SPEECH, FRAME), silence(MINUTE - len(SPEECH) * FRAME)])
    parts = [part for _ in range(num_minutes) for part in np.split(minute, 6)]
    return [AudioBlock(part, 1000.0 + 10 * place) for place, part in enumerate(parts, 1)]


def test_only_the_last_minutes_are_kept(tmp_path: Path) -> None:
    session_of(tmp_path / "s", *speech_by_the_minute(5), minutes=2)

    kept = sorted(path.name for path in (tmp_path / "s").iterdir())
    assert kept == [
        *(f"{number:06}.{kind}" for number in (3, 4, 5) for kind in ("jsonl", "s16le")),
        "session.json",
    ]
    assert sum(path.stat().st_size for path in (tmp_path / "s").iterdir()) < 3 * 2_420_000


def test_many_small_blocks_take_no_more_room_than_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_SEGMENT_LINE_BYTES", 2000)

    session_of(tmp_path / "s", *[AudioBlock(silence(1), 1000.0)] * 200, minutes=1)

    assert sum(path.stat().st_size for path in (tmp_path / "s").glob("*.jsonl")) < 2 * 2200


def test_what_is_kept_no_more_is_lost_and_what_follows_keeps_its_place(tmp_path: Path) -> None:
    source = ListSource(*speech_by_the_minute(5), is_live=True, is_device=True)
    printed = recorded(tmp_path / "s", source, minutes=2)

    again, _ = replayed(tmp_path / "s")

    gap = again[1]
    assert (gap["type"], gap["reason"], gap["start_sample"]) == ("gap", "not_kept", 0)
    assert gap["end_sample"] == 2 * MINUTE
    ours, theirs = (
        [
            [record[key] for key in ("start_sample", "end_sample", "label", "probs", "cut", "time")]
            for record in records
            if record["type"] == "utterance"
        ]
        for records in (again, printed)
    )
    assert ours == theirs[-3:]
    assert [record["time"] for record in again[-2:]] == [record["time"] for record in printed[-2:]]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: (path.mkdir(), (path / "notes.txt").touch()), "is not empty, and nothing is written over"),
        (lambda path: (path.mkdir(), (path / "session.json").touch()), "holds a session already, and nothing is"),
        (lambda path: path.touch(), "can not be made a folder for a session (File exists)"),
        (lambda path: path.parent.rmdir(), "can not be made a folder for a session (No such file or directory)"),
    ],
    ids=["others' files", "a session", "a file", "no place"],
)
def test_nothing_is_written_over(tmp_path: Path, make: Callable[[Path], object], complaint: str) -> None:
    folder = tmp_path / "parent" / "s"
    folder.parent.mkdir()
    make(folder)
    source = ListSource(*ITEMS)

    with pytest.raises(SettingsError) as caught, Recording(source, RecordingSettings(folder, 1), print):
        pass

    assert complaint in str(caught.value)
    assert source.calls == []


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    session_of(tmp_path, *ITEMS)

    assert len(items_of(tmp_path)) == 5


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(SettingsError, match="can not be written: give a folder of your own"):
        session_of(tmp_path / "s", *ITEMS)


@pytest.mark.parametrize("num_good", [0, 1, 5, 6, 9])
def test_a_disk_that_is_full_ends_the_recording_and_not_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_good: int
) -> None:
    """After some writes, and in the middle of one."""
    expected = recorded(tmp_path / "whole", ListSource(*ITEMS, is_live=True, is_device=True))
    write, count = session._write, iter(range(1000))

    def fill(file: Any, content: bytes) -> None:
        if next(count) >= num_good:
            write(file, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, content)

    monkeypatch.setattr(session, "_write", fill)
    told: list[str] = []

    printed = recorded(tmp_path / "s", ListSource(*ITEMS, is_live=True, is_device=True), told=told)

    assert comparable(printed) == comparable(expected)
    assert told[-1] == f"{tmp_path}/s: can not be written (No space left on device): nothing more is recorded"
    assert len(told) == (1 if num_good == 0 else 2)
    if num_good:
        whole, found = items_of(tmp_path / "whole"), items_of(tmp_path / "s")
        assert [item[:2] for item in found] == [item[:2] for item in whole[: len(found)]]


def test_an_error_is_kept_by_the_name_that_everybody_knows(tmp_path: Path) -> None:
    recorded(tmp_path / "s", ListSource(error=PortAudioMissingError("PortAudio is missing")))

    _, complaint = replayed(tmp_path / "s")

    assert complaint == "DeviceError('PortAudio is missing')"


def test_a_replay_can_be_interrupted(tmp_path: Path) -> None:
    session_of(tmp_path / "s", *ITEMS)

    with Replay(tmp_path / "s") as source:
        blocks = source.blocks()
        next(blocks)
        source.interrupt()

        assert list(blocks) == []


def test_what_was_waited_for_then_is_told_again_and_computing_takes_its_time_now(tmp_path: Path) -> None:
    blocks = [AudioBlock(part, 1000.0) for part in np.split(loud_where(SPEECH, FRAME), 80)]

    printed = recorded(tmp_path / "s", ListSource(*blocks, is_live=True))
    again, _ = replayed(tmp_path / "s")

    (then,), (now,) = ([r["latency_ms"] for r in records if r["type"] == "utterance"] for records in (printed, again))
    assert (now["hangover"], now["block"]) == (then["hangover"], then["block"])
    assert now["queue"] == pytest.approx(then["queue"], abs=200)  # the clock of the test goes on when looked at
    assert now["total"] >= now["hangover"] + now["block"] + now["queue"]


HEADER = {
    "session": 1,
    "is_live": False,
    "is_device": False,
    "start": {
        "model": {"name": "toy", "sha256": "0"},
        "detector": {"name": "speech", "sha256": "0"},
        "source": {"kind": "list"},
        "settings": SETTINGS,
    },
    "voice": None,
}


def with_start(**changes: Any) -> str:
    return json.dumps({**HEADER, "start": {**HEADER["start"], **changes}})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no session can be read there (No such file or directory)"),
        ("", "not a session, or damaged"),
        ("[" * 100_000, "not a session, or damaged"),
        ("[]", "not a session that this version reads"),
        ('{"session": 2}', "not a session that this version reads"),
        ('{"session": 1}', "damaged, or of another version ('start')"),
        (json.dumps({**HEADER, "start": 3}), "damaged, or of another version (expected dict, got 3)"),
        (json.dumps({**HEADER, "is_live": 1}), "damaged, or of another version (expected bool, got 1)"),
        (json.dumps({**HEADER, "is_live": True}), "damaged, or of another version ('time')"),
        (with_start(settings={**SETTINGS, "partials": "yes"}), "expected bool, got 'yes'"),
        (with_start(settings={**SETTINGS, "speech": {"frame_ms": 7}}), "frame_ms must be one of"),
        (with_start(settings={**SETTINGS, "speech": {"loudness": 7}}), "unexpected keyword argument 'loudness'"),
        (with_start(model={"name": "toy"}), "damaged, or of another version ('sha256')"),
        (with_start(source={}), "damaged, or of another version ('kind')"),
    ],
)
def test_what_is_no_session_is_refused(tmp_path: Path, content: str | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "session.json").write_text(content)

    with pytest.raises(InputError) as caught:
        Replay(tmp_path)

    assert str(caught.value).startswith(f"{tmp_path}/session.json: ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "Expecting value"),
        ("[" * 50_000, "nested too deeply"),
        ("[]", "unknown: b'[]\\n'"),
        ("{}", "unknown: b'{}\\n'"),
        ('{"samples": 1, "lost": 1, "reason": "x"}', "unknown: "),
        ('{"lost": 1}', "unknown: "),
        ('{"samples": 0, "taken_s": 1}', "unknown: "),
        ('{"samples": -1}', "samples is '-1'"),
        ('{"samples": true}', "samples is 'True'"),
        ('{"samples": 1e3}', "samples is '1000.0'"),
        ('{"samples": 0, "captured_s": NaN}', "captured_s is 'nan'"),
        ('{"samples": 0, "taken_s": 1, "wall_s": 1e300}', "wall_s is '1e+300'"),
        ('{"lost": 1, "reason": 3}', "reason is '3'"),
        ('{"health": "fine", "detail": ""}', "health is 'fine'"),
        ('{"end": "eof", "error": "SystemExit"}', "error is 'SystemExit'"),
        ('{"end": "eof", "error": "__name__"}', "error is '__name__'"),
    ],
)
def test_a_damaged_line_breaks_the_stream_behind_what_is_whole(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "session.json").write_text(json.dumps(HEADER))
    (tmp_path / "000001.jsonl").write_text('{"position":0}\n{"samples":2}\n' + line + "\n")
    (tmp_path / "000001.s16le").write_bytes(bytes(4))

    records, broken = replayed(tmp_path)

    assert f"{tmp_path}/000001.jsonl: damaged in line 3 ({complaint}" in broken.replace("\\\\n", "\\n")
    assert (records[-1]["reason"], records[-1]["end_sample"]) == ("input_broken", 2)


def test_a_segment_that_is_cut_short_is_damaged_where_others_follow(tmp_path: Path) -> None:
    session_of(tmp_path / "s", *speech_by_the_minute(2))
    path = tmp_path / "s" / "000001.s16le"
    path.write_bytes(path.read_bytes()[:-2])

    _, broken = replayed(tmp_path / "s")

    assert "000001.jsonl: damaged in line 8 (" in broken


def test_a_segment_that_is_missing_is_told(tmp_path: Path) -> None:
    session_of(tmp_path / "s", *speech_by_the_minute(3))
    (tmp_path / "s" / "000002.jsonl").unlink()

    with pytest.raises(InputError, match=r"000002\.jsonl: missing, and the session goes on behind it"):
        replayed(tmp_path / "s")


def test_samples_that_are_missing_are_told(tmp_path: Path) -> None:
    session_of(tmp_path / "s", *ITEMS)
    (tmp_path / "s" / "000001.s16le").unlink()

    _, broken = replayed(tmp_path / "s")

    assert "000001.s16le: can not be read (No such file or directory)" in broken


def test_a_session_in_which_nothing_was_heard_has_a_start_and_an_end(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(json.dumps(HEADER))

    records, _ = replayed(tmp_path)

    assert [record["type"] for record in records] == ["start", "end"]
