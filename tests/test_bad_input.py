"""Whatever is wrong ends in one clear line and its exit code, behind whole lines of results; nothing hangs."""

import functools
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import numpy as np
import onnx
import pytest
from audio_files import FLOAT, as_wav, encoded, pcm_24, rf64, wav
from command import ROOT, ended, records_in, run, start
from fake_portaudio import FakeDevice, Format, install
from signals import conversation, noise
from tiny_model import model_info, write_model

from streamer.cli import main
from streamer.sinks.sink import Sink, SinkSettings

SPEECH = conversation(500, 1000, 1000)
SCHEMA = json.loads((ROOT / "docs" / "events.schema.json").read_text())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def _nothing_hangs() -> Iterator[None]:
    def give_up(*_: object) -> NoReturn:
        raise TimeoutError("it hangs")

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    """Make ``content`` the standard input of this process."""
    kept = os.dup(0)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(kept, 0)
            os.close(kept)


Outcome = tuple[int, list[dict[str, Any]], str]
"""Exit code, events and the one line of complaint, empty where there is none."""


def checked(code: int, out: bytes | str, err: bytes | str) -> Outcome:
    """Return the outcome, which must be of a form that programs and people can follow."""
    complaint = err if isinstance(err, str) else err.decode()
    records = records_in(out)
    for record in records:
        jsonschema.validate(record, SCHEMA)
    types = [record["type"] for record in records]
    assert not types or (types[0], types[-1], len(types) > 1) == ("start", "end", True)
    if code:
        assert complaint.startswith("emotion-streamer: ")
        assert complaint.endswith("\n")
        assert len(complaint.splitlines()) == 1
    else:
        assert complaint == ""
    return code, records, complaint


@pytest.fixture
def outcome(model: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs the command in this process."""

    def outcome(*arguments: str, with_model: Path = model) -> Outcome:
        code = main(["run", "--model", str(with_model), "-o", "jsonl", *arguments])
        return checked(code, *capfd.readouterr())

    return outcome


def outcome_of_process(model: Path, *arguments: str, **options: Any) -> Outcome:
    """Run the command in a process of its own."""
    done = run("run", "--model", model, *arguments, **options)
    return checked(done.returncode, done.stdout or b"", done.stderr or b"")


def reason_of(records: list[dict[str, Any]]) -> str:
    return str(records[-1]["reason"])


def num_utterances(records: list[dict[str, Any]]) -> int:
    return sum(record["type"] == "utterance" for record in records)


@pytest.mark.parametrize(
    "content",
    [
        as_wav(SPEECH),
        wav(((SPEECH >> 8) + 128).astype(np.uint8).tobytes(), sample_bytes=1),
        wav(pcm_24(SPEECH), sample_bytes=3),
        wav((SPEECH.astype("<i4") << 16).tobytes(), sample_bytes=4),
        wav((SPEECH / np.float32(32768)).astype("<f4").tobytes(), sample_bytes=4, tag=FLOAT),
        wav(np.repeat(SPEECH, 6).tobytes(), rate_hz=96_000),
        wav(np.repeat(SPEECH, 8).tobytes(), num_channels=8),
        rf64(SPEECH.tobytes(), data_size=SPEECH.nbytes),
        wav(SPEECH.tobytes(), data_size=0xFFFF_FFFF, riff_size=0xFFFF_FFFF),
        encoded(SPEECH, "FLAC"),
        encoded(SPEECH, "OGG"),
    ],
    ids=["16-bit", "8-bit", "24-bit", "32-bit", "float", "96 kHz", "8 channels", "RF64", "endless", "FLAC", "OGG"],
)
def test_an_odd_file_is_heard(outcome: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "speech"
    path.write_bytes(content)

    code, records, _ = outcome("-i", str(path))

    assert code == 0
    assert num_utterances(records) == 1
    assert records[-1]["end_sample"] == pytest.approx(SPEECH.size, abs=1)
    assert reason_of(records) == "eof"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty; expected audio"),
        (b"Once upon a time, there was a text.\n" * 100, "expected WAV, FLAC, OGG, MP3"),
        (noise(10_000).tobytes(), "not readable as audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), "not readable as audio"),
        (wav(SPEECH.tobytes(), num_channels=0), "not readable as audio"),
        (wav(SPEECH.tobytes(), data_size=0, riff_size=0), "promises no audio samples; was the recording cut off?"),
        (wav(SPEECH.tobytes(), rate_hz=50), "expected 1000 to 768000 samples per second, got 50"),
        (as_wav(SPEECH)[:20], "not readable as audio"),
    ],
    ids=["empty", "text", "random", "PNG", "0 channels", "0 samples", "50 Hz", "header only"],
)
def test_what_is_no_audio_is_refused(outcome: Any, tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(content)

    code, records, line = outcome("-i", str(path))

    assert (code, records) == (2, [])
    assert complaint in line
    assert "samples per second" in line or str(path) in line


def test_what_is_no_file_is_refused(outcome: Any, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    for path in (fifo, tmp_path, "/dev/zero", ""):
        code, records, line = outcome("-i", str(path))
        assert (code, records) == (2, [])
        assert "expected a file; raw PCM from a pipe goes with -i -" in line


def test_a_file_that_is_not_there_is_named(outcome: Any, tmp_path: Path) -> None:
    code, _, line = outcome("-i", str(tmp_path / "no such file"))

    assert code == 2
    assert line == f"emotion-streamer: {tmp_path}/no such file: can not be read (No such file or directory)\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_may_not_be_read_or_written_is_named(outcome: Any, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(as_wav(SPEECH))
    path.chmod(0)

    for arguments in (["-i", str(path)], ["-i", str(ROOT / "streamer/demonstration.flac"), "-o", f"csv:{path}"]):
        code, _, line = outcome(*arguments)
        assert code == 2
        assert f"{path}: can not be" in line
        assert "Permission denied" in line


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (as_wav(SPEECH)[:-20_000], "truncated: its header promises 40000 samples, it holds 30000"),
        (encoded(SPEECH, "FLAC")[:-9000], "broken after"),
        (
            wav(np.append(SPEECH / 32768, np.nan).astype("<f4").tobytes(), sample_bytes=4, tag=FLOAT),
            "sample 40000 is NaN or infinite; expected -1 to 1",
        ),
    ],
    ids=["WAV", "FLAC", "NaN"],
)
def test_a_file_that_breaks_off_is_heard_up_to_there(
    outcome: Any, tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(content)

    code, records, line = outcome("-i", str(path))

    assert code == 1
    assert (num_utterances(records), reason_of(records)) == (1, "input_broken")
    assert complaint in line


@pytest.mark.parametrize(
    "name", ["two words.wav", "two\nlines.wav", "red \x1b[31m.wav", 'quote".wav', b"not \xff text.wav", "日本.wav"]
)
def test_any_name_of_a_file_is_heard_and_told(outcome: Any, tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / (name if isinstance(name, str) else os.fsdecode(name))
    path.write_bytes(as_wav(SPEECH))

    code, records, _ = outcome("-i", str(path))

    assert code == 0
    assert records[0]["source"]["path"] == str(path)


@pytest.mark.parametrize("name", ["two\nlines.wav", b"not \xff text.wav"])
def test_any_name_of_a_file_that_is_missing_makes_one_line(outcome: Any, tmp_path: Path, name: str | bytes) -> None:
    code, _, _ = outcome("-i", str(tmp_path / (name if isinstance(name, str) else os.fsdecode(name))))

    assert code == 2


@pytest.mark.parametrize(
    ("content", "arguments", "code", "complaint"),
    [
        (b"", [], 2, "standard input is empty; expected raw PCM"),
        (as_wav(SPEECH), [], 2, "standard input is a WAV file; `-i -` expects raw PCM: give the file with -i FILE"),
        (encoded(SPEECH, "FLAC"), [], 2, "standard input is a FLAC file"),
        (SPEECH.tobytes() + b"1", [], 1, "ended inside a sample, with 1 of 2 bytes; check --format and --channels"),
        (
            np.append(SPEECH / 32768, np.inf).astype("<f4").tobytes(),
            ["--format", "f32le"],
            1,
            "standard input: sample 40000 is NaN or infinite; expected -1 to 1",
        ),
        (SPEECH.tobytes(), ["--channel", "2"], 2, "channel 2 asked for, but the input has 1"),
        (
            noise(20_000, level=20_000).tobytes(),
            ["--format", "f32le", "--rate", "44100"],
            1,
            "is NaN or infinite; expected -1 to 1",
        ),
    ],
    ids=["empty", "WAV", "FLAC", "odd", "infinite", "channel", "16-bit taken for float"],
)
def test_raw_pcm_that_is_none_is_refused(
    outcome: Any, content: bytes, arguments: list[str], code: int, complaint: str
) -> None:
    with standard_input(content):
        returned, records, line = outcome("-i", "-", *arguments)

    assert returned == code
    assert complaint in line
    if code == 1:
        assert reason_of(records) == "input_broken"


def test_a_terminal_as_standard_input_is_refused(model: Path) -> None:
    controller, terminal = os.openpty()

    code, records, line = outcome_of_process(model, "-i", "-", stdin=terminal)
    os.close(terminal)
    os.close(controller)

    assert (code, records) == (2, [])
    assert "standard input is a terminal; `-i -` expects raw PCM from a pipe or file" in line


def test_a_closed_standard_input_is_refused(model: Path) -> None:
    code, records, line = outcome_of_process(model, "-i", "-", stdin=None, preexec_fn=functools.partial(os.close, 0))

    assert (code, records) == (2, [])
    assert "standard input can not be read (Bad file descriptor)" in line


def test_a_closed_standard_output_is_refused_and_no_file_takes_its_place(model: Path, tmp_path: Path) -> None:
    table, speech = tmp_path / "out.csv", tmp_path / "speech.wav"
    speech.write_bytes(as_wav(SPEECH))

    code, _, line = outcome_of_process(
        model, "-i", str(speech), "-o", f"csv:{table}", "-o", "jsonl", preexec_fn=functools.partial(os.close, 1)
    )

    assert code == 2
    assert "standard output is closed: open it, or name a file with -o FORMAT:PATH" in line
    assert [line[:3] for line in table.read_text().splitlines()] == ["id,"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_descriptor_that_is_not_needed_does_not_matter(model: Path, tmp_path: Path, number: int) -> None:
    table, speech = tmp_path / "out.csv", tmp_path / "speech.wav"
    speech.write_bytes(as_wav(SPEECH))
    close = functools.partial(os.close, number)

    done = run("run", "--model", model, "-i", str(speech), "-o", f"csv:{table}", preexec_fn=close)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(table.read_text().splitlines()) == 2


def test_complaints_do_not_land_among_results_where_standard_error_is_closed() -> None:
    done = run("run", "-i", "/no/such/file", preexec_fn=functools.partial(os.close, 2))

    assert (done.returncode, done.stdout) == (2, b"")


def test_a_full_standard_error_changes_no_exit_code(model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("run", "--model", model, "-i", "/no/such/file", stderr=full)

    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("output", ["jsonl", "text", "csv"])
def test_a_full_disk_behind_standard_output_is_told(model: Path, tmp_path: Path, output: str) -> None:
    speech, other = tmp_path / "speech.wav", tmp_path / "other"
    speech.write_bytes(as_wav(SPEECH))
    with Path("/dev/full").open("wb") as full:
        code, _, line = outcome_of_process(model, "-i", str(speech), "-o", f"jsonl:{other}", "-o", output, stdout=full)

    assert code == 1
    assert line == "emotion-streamer: standard output: results can not be written (No space left on device)\n"
    assert [record.get("reason") for record in records_in(other.read_bytes())] == (
        [] if output == "csv" else [None, "sink_failed"]
    )


def test_a_full_disk_behind_a_file_is_told(outcome: Any, tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    speech.write_bytes(as_wav(SPEECH))

    code, records, line = outcome("-i", str(speech), "-o", "label:/dev/full")

    assert code == 1
    assert "/dev/full: results can not be written (No space left on device)" in line
    assert (num_utterances(records), reason_of(records)) == (1, "sink_failed")


def test_an_output_that_can_not_be_opened_is_refused_before_the_stream(outcome: Any, tmp_path: Path) -> None:
    speech, taken = tmp_path / "speech.wav", tmp_path / "taken.csv"
    speech.write_bytes(as_wav(SPEECH))
    with Sink(SinkSettings("csv", taken), ["other", "labels"]):
        pass

    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    for path, complaint in (
        (str(loop), f"{loop}: can not be written (Too many levels of symbolic links)"),
        ("/no/such/folder/x", "/no/such/folder/x: can not be written (No such file or directory)"),
        (str(tmp_path), f"{tmp_path}: can not be written (Is a directory)"),
        (str(taken), f"{taken}: has other columns than this model's: give another file"),
    ):
        code, records, line = outcome("-i", str(speech), "-o", f"csv:{path}")
        assert (code, records) == (2, [])
        assert complaint in line


def other_kind(folder: Path) -> Path:
    """Return a right ONNX file that is no model of this project."""
    path = write_model(folder / "other.onnx")
    network = onnx.load(path)
    del network.metadata_props[:]
    onnx.save(network, path)
    return path


def of_another_format(folder: Path) -> Path:
    return write_model(folder / "later.onnx", {**model_info().to_metadata(), "format": "4"})


def without_labels(folder: Path) -> Path:
    metadata = model_info().to_metadata()
    del metadata["labels"]
    return write_model(folder / "unlabelled.onnx", metadata)


def random_bytes(folder: Path) -> Path:
    (folder / "random.onnx").write_bytes(noise(5000).tobytes())
    return folder / "random.onnx"


def empty(folder: Path) -> Path:
    (folder / "empty.onnx").write_bytes(b"")
    return folder / "empty.onnx"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: folder / "no.onnx", "can not be read (No such file or directory)"),
        (random_bytes, "not a model that onnxruntime loads"),
        (other_kind, "expected silero_vad.onnx of silero-vad 5 or 6"),
    ],
    ids=["missing", "random", "plain ONNX"],
)
def test_a_detector_that_does_not_load_ends_the_command(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, make: Any, complaint: str
) -> None:
    path = make(tmp_path)

    code, records, line = checked(main(["run", "--vad", f"silero:{path}", "-i", "-"]), *capfd.readouterr())

    assert (code, records) == (4, [])
    assert str(path) in line
    assert complaint in line


@pytest.mark.parametrize("library", ["_webrtcvad", "onnxruntime"])
def test_without_its_libraries_the_command_does_not_run_on(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    code, records, line = checked(main(["run", "-i", "-"]), *capfd.readouterr())

    assert (code, records) == (4, [])
    assert f"{library.removeprefix('_')} can not be loaded" in line


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: folder / "no.onnx", "can not be read (No such file or directory)"),
        (lambda folder: folder, "expected a file"),
        (random_bytes, "not a model that onnxruntime loads"),
        (empty, "not a model that onnxruntime loads"),
        (other_kind, "key 'format' is missing: not a model of emotion-streamer; make one with"),
        (of_another_format, "key 'format' is '4', but this version reads 3: export the run again"),
        (without_labels, "key 'labels' is missing"),
    ],
    ids=["missing", "folder", "random", "empty", "plain ONNX", "later format", "no labels"],
)
@pytest.mark.parametrize("command", ["run", "inspect"])
def test_a_model_of_another_kind_is_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, make: Any, complaint: str, command: str
) -> None:
    path = make(tmp_path)

    code = main(["inspect", str(path)] if command == "inspect" else ["run", "--model", str(path), "-i", "-"])

    code, records, line = checked(code, *capfd.readouterr())
    assert (code, records) == (4, [])
    assert str(path) in line
    assert complaint in line


@pytest.mark.parametrize(
    ("devices", "wanted", "complaint"),
    [
        ([], [], "no capture device found: plug in a microphone"),
        ([FakeDevice("USB Audio")], ["-d", "phone"], "no capture device matches 'phone': choose with -d from 0 'USB"),
        ([FakeDevice("USB Audio")], ["-d", "7"], "no capture device matches 7: choose with -d from 0 'USB Audio'"),
        ([FakeDevice("USB 1"), FakeDevice("USB 2")], ["-d", "usb"], "more than one capture device matches 'usb'"),
        ([FakeDevice(takes=lambda _: False)], [], "can not be opened in any of 24 formats tried"),
    ],
    ids=["none", "name", "index", "ambiguous", "busy"],
)
def test_a_microphone_that_is_not_there_is_told(
    outcome: Any, monkeypatch: pytest.MonkeyPatch, devices: list[FakeDevice], wanted: list[str], complaint: str
) -> None:
    install(monkeypatch, *devices)

    code, records, line = outcome(*wanted)

    assert (code, records) == (3, [])
    assert complaint in line


def test_a_microphone_that_is_lost_is_told_behind_the_utterance_in_hand(
    outcome: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(_: Format) -> list[bytes]:
        return [SPEECH[:20_000].tobytes()]

    install(monkeypatch, FakeDevice(script=script, takes=lambda wanted: wanted[0] == 16_000))

    code, records, line = outcome("--on-device-loss", "quit")

    assert code == 3
    assert "microphone 'microphone' was lost" in line
    assert [record.get("cut", record.get("reason")) for record in records] == [None, "gap", "device_lost"]


def test_a_missing_portaudio_is_told(outcome: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    del sys.modules["sounddevice"]

    code, records, line = outcome()

    assert (code, records) == (3, [])
    assert "PortAudio is missing: on Debian, `apt install libportaudio2`" in line


def test_a_portaudio_that_hangs_as_it_starts_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("import os, time\nos.write(2, b'noise')\ntime.sleep(60)\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from streamer.sources import calls
calls.CALL_LIMIT_S = 0.2
"""
    for arguments, expected, complaint in (
        (["run", "--model", model], 75, "starting PortAudio takes more than"),
        (["devices"], 75, "starting PortAudio takes more than"),
        (["run", "--model", "/nope"], 4, "/nope: can not be read"),
    ):
        with start(*arguments, code=code) as process:
            out, err = ended(process, b"")

        exit_code, records, line = checked(process.returncode, out, err)
        assert (exit_code, records) == (expected, [])
        assert complaint in line


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1), (0, 2), (0, 1, 2)])
def test_closed_descriptors_are_not_taken_for_something_else(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """Whatever the program opens gets the lowest free numbers."""
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(bytes(32_000)))

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    with start("run", "-i", "-" if closed == (0,) else path, preexec_fn=close) as process:
        out, err = ended(process, b"")

    is_refused = closed == (0,) or 1 in closed
    assert process.returncode == (2 if is_refused else 0)
    assert bool(err) == (is_refused and 2 not in closed)
    assert bool(out) == (not is_refused)


@pytest.mark.parametrize(("hangs_in", "what"), [("open", "opening"), ("close", "closing")])
def test_an_audio_system_that_hangs_ends_the_process(model: Path, hangs_in: str, what: str) -> None:
    code = f"""
import atexit, sys, time
sys.path.insert(0, 'tests')
from fake_portaudio import FakeDevice, FakePortAudio
from streamer.sources import calls
calls.CALL_LIMIT_S = 0.2
sys.modules['sounddevice'] = FakePortAudio([FakeDevice(hangs_in={hangs_in!r})])
atexit.register(time.sleep, 60)
"""
    with start("run", "--on-device-loss", "quit", "--model", model, code=code) as process:
        out, err = ended(process, b"")

    code, records, line = checked(process.returncode, out, err)
    assert code == 75
    assert f"{what} the microphone takes more than" in line
    assert [record["type"] for record in records] == ([] if hangs_in == "open" else ["start", "end"])
