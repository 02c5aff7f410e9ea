"""The whole way through the command: the same samples give the same events, wherever they come from."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_files import pcm_24, wav
from command import ROOT, records_in, run, without_latency
from fake_portaudio import FakeDevice, Format, Overflowed, in_blocks, install
from fakes import LABELS, ListSink, ListSource
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, conversation, noise, split
from test_bad_input import standard_input
from tiny_model import model_info, write_hearing_model, write_model

from streamer.cli import main
from streamer.daemon import Daemon
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.events import Start
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.sources.base import AudioBlock
from streamer.speech.network import BUNDLED_DETECTOR, NetworkDetector

SPEECH = conversation(400, 700, 500, 900, 600)
"""Two utterances, and pauses around them."""

Record = dict[str, Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model whose labels depend on what it hears."""
    return write_hearing_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def records_of(model: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., list[Record]]:
    """Give a function that runs the command in this process and returns what it printed."""

    def records_of(*arguments: str | Path, code: int = 0, with_model: Path = model) -> list[Record]:
        assert main(["run", "--model", str(with_model), "-o", "jsonl", *map(str, arguments)]) == code
        out, err = capfd.readouterr()
        assert bool(err) == bool(code)
        return records_in(out)

    return records_of


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(SPEECH.tobytes()))
    return path


def results_in(records: Iterable[Record]) -> list[Record]:
    """Return the utterances and partial results without what belongs to a live stream."""
    found = [record for record in without_latency(list(records)) if record["type"] in {"utterance", "partial"}]
    return [{key: value for key, value in record.items() if key != "time"} for record in found]


def types(records: Iterable[Record]) -> list[str]:
    return [record["type"] for record in records]


def test_file_pipe_and_paced_file_give_the_same_events(records_of: Callable[..., list[Record]], speech: Path) -> None:
    from_file = results_in(records_of("-i", speech, "--partials"))
    with standard_input(SPEECH.tobytes()):
        from_pipe = results_in(records_of("-i", "-", "--partials"))
    from_paced = results_in(records_of("-i", speech, "--partials", "--realtime"))

    assert [record["id"] for record in from_file if record["type"] == "utterance"] == [1, 2]
    assert "partial" in types(from_file)
    assert from_pipe == from_file
    assert from_paced == from_file


@pytest.mark.parametrize(
    ("opened", "channel"),
    [
        ((16_000, 1, "int16"), "mix"),
        ((16_000, 8, "int16"), "3"),
        ((48_000, 2, "int32"), "mix"),
        ((44_100, 1, "int24"), "1"),
    ],
    ids=["mono", "array", "MEMS", "44.1 kHz 24-bit"],
)
def test_a_microphone_gives_the_events_of_a_file_of_the_same_samples(
    records_of: Callable[..., list[Record]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    opened: Format,
    channel: str,
) -> None:
    rate_hz, num_channels, dtype = opened
    sample_bytes = {"int16": 2, "int24": 3, "int32": 4}[dtype]
    content = recorded(SPEECH, opened)
    blocks = list(in_blocks(content, sample_bytes * num_channels, [1, 320, 7, 20_001, 4096, 5, 3 * 4096]))
    install(
        monkeypatch,
        FakeDevice(channels=num_channels, takes=lambda wanted: wanted == opened, script=lambda _: blocks),
    )
    path = tmp_path / "recorded.wav"
    path.write_bytes(wav(content, rate_hz=rate_hz, num_channels=num_channels, sample_bytes=sample_bytes))

    from_microphone = records_of("--channel", channel, "--partials", "--on-device-loss", "quit", code=3)
    from_file = records_of("--channel", channel, "--partials", "-i", path)

    assert results_in(from_microphone) == results_in(from_file)
    assert types(from_file).count("utterance") == 2
    assert from_microphone[-1]["reason"] == "device_lost"
    assert from_microphone[-1]["overflows"] == 0


def recorded(samples: Samples, opened: Format) -> bytes:
    """Return ``samples`` as a device of this format hears them, a little noise in each channel."""
    rate_hz, num_channels, dtype = opened
    times = np.arange(0, samples.size * rate_hz // 16_000) * 16_000 / rate_hz
    heard = np.interp(times, np.arange(samples.size), samples)
    channels = [heard / (1 + channel) + noise(heard.size, seed=channel, level=3) for channel in range(num_channels)]
    frames = np.rint(np.stack(channels, axis=1)).astype(np.int16)
    if dtype == "int24":
        return pcm_24(frames.reshape(-1))
    return (frames.astype("<i4") << 16).tobytes() if dtype == "int32" else frames.tobytes()


@hypothesis_settings(max_examples=10)
@given(sizes=st.lists(st.one_of(st.integers(0, 700), st.integers(0, 20_000)), max_size=20))
def test_any_split_of_the_stream_prints_the_same(model: Path, sizes: list[int]) -> None:
    parts = printed(model, [AudioBlock(chunk) for chunk in split(SPEECH, sizes)])

    assert parts == printed(model, [AudioBlock(SPEECH)])
    assert types(parts).count("utterance") == 2


def printed(model: Path, blocks: list[AudioBlock]) -> list[Record]:
    settings, sink = SpeechSettings(), ListSink()
    pipeline = Pipeline(settings, NetworkDetector(settings), OnnxClassifier(model), partials=True)
    Daemon(ListSource(*blocks), pipeline, [sink]).run(Start("0", {}, {}, {}, {}))
    return without_latency(sink.records)


def test_what_follows_an_overflow_of_the_driver_keeps_its_place(
    records_of: Callable[..., list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    half = 16_000 * 13 // 10  # in the pause
    blocks = [SPEECH[:half].tobytes(), Overflowed(SPEECH[half:].tobytes())]
    install(monkeypatch, FakeDevice(takes=lambda wanted: wanted[0] == 16_000, script=lambda _: blocks))

    records = records_of("--on-device-loss", "quit", code=3)

    assert types(records) == ["start", "utterance", "gap", "utterance", "end"]
    assert (records[2]["start_sample"], records[2]["lost_samples"], records[2]["reason"]) == (
        half,
        0,
        "driver_overflow",
    )
    assert records[-1]["overflows"] == 1


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_two_runs_print_the_same_bytes_but_for_latency(model: Path, speech: Path, source: str) -> None:
    arguments = ["run", "--model", model, "--partials", "-i", speech if source == "file" else "-"]

    first, second = (run(*arguments, input=SPEECH.tobytes()).stdout for _ in range(2))

    assert without_latency_bytes(first) == without_latency_bytes(second)
    assert types(records_in(first)).count("utterance") == 2
    assert b'"time"' not in first


def without_latency_bytes(out: bytes) -> bytes:
    return re.sub(rb'"latency_ms":\{[^}]*\}', b"", out)


def test_start_tells_how_the_events_came_to_be(
    records_of: Callable[..., list[Record]], model: Path, speech: Path
) -> None:
    start, *_ = records_of("-i", speech, "--channel", "1")

    assert start["model"] == {
        "name": "tiny",
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "labels": list(LABELS),
    }
    assert start["source"] == {"kind": "file", "path": str(speech), "rate_hz": 16_000, "channels": 1}
    assert start["settings"]["channel"] == 1
    assert start["settings"]["partials"] is False
    assert start["settings"]["speech"]["hangover_ms"] == 240


def test_p_is_the_largest_probability_whatever_the_label(
    records_of: Callable[..., list[Record]], tmp_path: Path, speech: Path
) -> None:
    unsure = write_model(tmp_path / "unsure.onnx", model_info(uncertain_below=1.0, temperature=100.0).to_metadata())

    for record in records_of("-i", speech, with_model=unsure)[1:-1]:
        assert record["label"] == "uncertain"
        assert record["p"] == max(record["probs"].values()) < 1.0


def test_any_labels_are_printed(records_of: Callable[..., list[Record]], tmp_path: Path, speech: Path) -> None:
    info = model_info(labels=("ruhig", "äußerst erregt"))
    other = write_model(tmp_path / "other.onnx", info.to_metadata(), weights=np.eye(13, 2))

    utterances = records_of("-i", speech, with_model=other)[1:-1]

    assert [list(record["probs"]) for record in utterances] == [["ruhig", "äußerst erregt"]] * 2


def test_auto_gain_raises_who_is_too_quiet_only_when_asked_for(
    records_of: Callable[..., list[Record]], tmp_path: Path
) -> None:
    """The tiny model's first logit is the mean energy."""
    quiet = np.rint(conversation(500, 2500, 4000, 2500, 500) / 100.0).astype(np.int16)
    path = tmp_path / "quiet.wav"
    path.write_bytes(wav(quiet.tobytes()))

    plain, raised = (records_of("-i", path, *options)[1:-1] for options in ((), ("--auto-gain",)))

    assert [record["probs"] for record in plain][:1] == [record["probs"] for record in raised][:1]
    assert plain[1]["probs"]["anger"] < raised[1]["probs"]["anger"]


def test_partial_results_come_only_when_asked_for(records_of: Callable[..., list[Record]], speech: Path) -> None:
    assert "partial" not in types(records_of("-i", speech))


def test_partial_results_lead_up_to_their_utterance(records_of: Callable[..., list[Record]], speech: Path) -> None:
    _, first, utterance, *_ = records_of("-i", speech, "--partials")

    assert (first["id"], first["start_sample"]) == (utterance["id"], utterance["start_sample"])
    assert first["end_sample"] - first["start_sample"] >= 8000
    assert "cut" not in first


def test_live_events_carry_the_time_at_which_they_were_heard(
    records_of: Callable[..., list[Record]], speech: Path
) -> None:
    records = records_of("-i", speech, "--realtime")

    times = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    ends_s = [record.get("end_s", 0.0) for record in records]
    np.testing.assert_allclose(np.array(times) - times[0], ends_s, atol=0.2)
    utterances = [record for record in records if record["type"] == "utterance"]
    for record in utterances:
        latency = record["latency_ms"]
        assert 240 <= latency["hangover"] + latency["queue"] <= latency["total"] + 0.2


def test_a_channel_is_heard_alone(records_of: Callable[..., list[Record]], tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    path.write_bytes(wav(np.stack([noise(SPEECH.size, level=20), SPEECH], axis=1).tobytes(), num_channels=2))

    quiet, loud = records_of("-i", path, "--channel", "1"), records_of("-i", path, "--channel", "2")

    assert (quiet[-1]["utterances"], loud[-1]["utterances"]) == (0, 2)


def test_every_output_gets_its_lines(records_of: Callable[..., list[Record]], tmp_path: Path, speech: Path) -> None:
    table, labels = tmp_path / "out.csv", tmp_path / "labels"

    for _ in range(2):
        records = records_of("-i", speech, "-o", f"csv:{table}", "-o", f"label:{labels}", "-o", f"text:{tmp_path}/text")

    utterances = [record for record in records if record["type"] == "utterance"]
    assert labels.read_text().split() == 2 * [record["label"] for record in utterances]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 4
    assert [float(row["p"]) for row in rows] == 2 * [record["p"] for record in utterances]
    assert [int(row["end_sample"]) for row in rows[:2]] == [record["end_sample"] for record in utterances]
    assert len((tmp_path / "text").read_text().splitlines()) == 2 * len(records)


def test_inspect_tries_out_the_bundled_model(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--self-test"]) == 0

    assert "self-test: passed, the logits differ by at most " in capfd.readouterr().out


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        (None, "key 'self_test' is missing"),
        ({"rows": 20 * [[0.0] * 13]}, "'logits' must hold lists of 4 numbers"),
        ({"rows": 1, "logits": 1}, "'rows' must hold lists of 13 numbers"),
        ({"rows": [1], "logits": 1}, "'rows' must hold lists of 13 numbers"),
        ({"rows": [[0.0] * 12], "logits": [[0.0] * 4]}, "'rows' must hold lists of 13 numbers"),
        ({"rows": [[10**400] * 13], "logits": [[0.0] * 4]}, "at most 1e6 large each, got 1000"),
        ({"rows": [[float("nan")] * 13], "logits": [[0.0] * 4]}, "at most 1e6 large each, got nan"),
        ({"rows": [["1.5"] * 13], "logits": [[0.0] * 4]}, "at most 1e6 large each, got '1.5'"),
        ({"rows": 20 * [[0.0] * 13], "logits": 19 * [[0.0] * 4]}, "got 20 and 19"),
        ({"rows": 19 * [[0.0] * 13], "logits": 19 * [[0.0] * 4]}, "at least 20 rows"),
        (
            {"rows": 20 * [[0.0] * 13], "logits": 20 * [[0.0, 0.0, 0.0, 0.1]]},
            "the logits differ from those in the file by 0.1",
        ),
    ],
)
def test_a_model_that_fails_its_self_test_is_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, vector: Any, complaint: str
) -> None:
    metadata = model_info().to_metadata() | ({} if vector is None else {"self_test": json.dumps(vector)})

    assert main(["inspect", "--self-test", str(write_model(tmp_path / "x.onnx", metadata))]) == 4

    (line,) = capfd.readouterr().err.splitlines()
    assert complaint in line


def test_inspect_tells_all_that_a_model_says_of_itself(capfd: pytest.CaptureFixture[str], model: Path) -> None:
    assert main(["inspect", "--all", str(model)]) == 0

    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == f"file: {model} ({model.stat().st_size} bytes)"
    assert lines[1] == f"sha256: {hashlib.sha256(model.read_bytes()).hexdigest()}"
    assert [line.partition(":")[0] for line in lines[2:] if line[0] != " "] == list(asdict(model_info()))
    assert "labels: " + ", ".join(model_info().labels) in lines
    assert f"  num_cepstra: {model_info().features.num_cepstra}" in lines


def test_inspect_sums_up_the_bundled_model(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect"]) == 0

    lines = capfd.readouterr().out.splitlines()
    names = [line.partition(":")[0] for line in lines]
    assert len(lines) < 15
    assert names[:6] == ["file", "sha256", "name", "hears", "adapts to voices", "licence"]
    assert lines[3].startswith("hears: anger, happiness, neutral, sadness; uncertain below 0.")
    figures = OnnxClassifier(BUNDLED_MODEL).info.figures["protocols"]["speakers"]
    uar = figures["states"]["cold"]["mean_uar_of_corpora"]
    low, high = uar["interval_95"]
    (told,) = [line for line in lines if f", {figures['title']}: " in line]
    assert f": first words {uar['value']:.2f} ({low:.2f} to {high:.2f}); after ten utterances 0." in told


def test_inspect_sums_up_a_detector(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(BUNDLED_DETECTOR)]) == 0

    lines = capfd.readouterr().out.splitlines()
    assert "hears: where somebody speaks" in lines
    assert any(line.startswith("trained on: nEMO, Polish, ") for line in lines)


@pytest.mark.parametrize(
    ("data", "figures"),
    [
        ([], {}),
        (["mine", {"corpus": "mine"}], {"protocols": {"speakers": []}}),
        ([None], {"protocols": {"speakers": {"states": {"cold": {"mean_uar_of_corpora": {"value": "high"}}}}}}),
        (
            [],
            {
                "protocols": {
                    "speakers": {"states": {"cold": {"mean_uar_of_corpora": {"value": 1, "interval_95": [0]}}}}
                }
            },
        ),
    ],
)
def test_inspect_leaves_out_what_a_model_tells_in_another_way(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, data: Any, figures: Any
) -> None:
    path = write_model(tmp_path / "x.onnx", model_info(data=data, figures=figures).to_metadata())

    assert main(["inspect", str(path)]) == 0

    assert "recall" not in capfd.readouterr().out


def test_inspect_tells_programs_all_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--json", "--self-test"]) == 0

    (line,) = capfd.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["sha256"] == hashlib.sha256(BUNDLED_MODEL.read_bytes()).hexdigest()
    assert told["figures"] == OnnxClassifier(BUNDLED_MODEL).info.figures
    assert 0.0 <= told["self_test"]["largest_difference"] < 1e-3


def test_the_bundled_model_hears_the_bundled_demonstration() -> None:
    """The whole command as it is installed; its labels are no claim about synthetic voices."""
    done = run("run", "-i", ROOT / "streamer" / "demonstration.flac")

    assert (done.returncode, done.stderr) == (0, b"")
    records = records_in(done.stdout)
    assert records[0]["model"]["sha256"] == hashlib.sha256(BUNDLED_MODEL.read_bytes()).hexdigest()
    assert records[-1]["utterances"] == 4
    assert all(set(record["probs"]) == set(LABELS) for record in records[1:-1])


def test_a_run_leaves_nothing_in_the_home_of_its_user(tmp_path: Path) -> None:
    """Libraries keep ids and events there that nobody asked for."""
    home = tmp_path / "home"
    home.mkdir()

    environment = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    command = [sys.executable, "-m", "streamer", "run", "-i", ROOT / "streamer" / "demonstration.flac", "-o", "label"]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    assert list(home.rglob("*")) == []


def test_a_live_stream_ends_soon_after_its_reader_in_a_silent_room(tmp_path: Path) -> None:
    """No line would be due: the microphone must not stay open for nobody."""
    silence = tmp_path / "silence.wav"
    silence.write_bytes(wav(np.zeros(60 * 16_000, np.int16).tobytes()))
    command = [sys.executable, "-m", "streamer", "run", "-i", silence, "--realtime"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()

        process.stdout.close()

        assert process.wait(10) == 0
        assert process.stderr.read() == b""
