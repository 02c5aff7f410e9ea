"""The default detector: what it says of a frame follows from the stream, whenever it is asked."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, conversation, noise, silence
from tiny_model import write_detector, write_model

from streamer.errors import ModelError, SettingsError
from streamer.settings import SpeechSettings
from streamer.speech.endpointing import SpeechEnded, SpeechEvent
from streamer.speech.network import BUNDLED_DETECTOR, NetworkDetector
from streamer.speech.segmenter import Segmenter

SETTINGS = SpeechSettings()
FRAME = SETTINGS.frame_samples


def frames_of(samples: Samples) -> Samples:
    return samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)


def judged_at_once(samples: Samples) -> tuple[list[float], list[float]]:
    detector = NetworkDetector(SETTINGS)
    for frame in frames_of(samples):
        detector.push(frame[np.newaxis])
    return detector.judge(is_last=True)


@hypothesis_settings(max_examples=25)
@given(waits=st.lists(st.integers(1, 50), min_size=1, max_size=20), num_frames=st.integers(0, 160))
def test_what_is_said_of_a_frame_does_not_depend_on_when_it_is_asked(waits: list[int], num_frames: int) -> None:
    samples = conversation(600, 900, 700, 1000)[: num_frames * FRAME]
    detector = NetworkDetector(SETTINGS)
    probabilities: list[float] = []
    levels: list[float] = []
    left = list(waits)
    for index, frame in enumerate(frames_of(samples), 1):
        detector.push(frame[np.newaxis])
        left[0] -= 1
        if not left[0]:
            left = left[1:] or [7]
            more, louder = detector.judge()
            assert len(more) == len(louder)
            probabilities += more
            levels += louder
            assert len(probabilities) <= index
            assert detector.frames_to_judge(len(probabilities) + 1) > index
            assert not probabilities or detector.frames_to_judge(len(probabilities)) <= index
    more, louder = detector.judge(is_last=True)

    at_once = judged_at_once(samples)
    assert len(probabilities + more) == num_frames
    np.testing.assert_allclose(probabilities + more, at_once[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(levels + louder, at_once[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "samples",
    [silence(160_000), noise(160_000, level=20), noise(160_000, level=2000), np.full(160_000, 900, np.int16)],
    ids=["zeros", "faint noise", "loud noise", "offset"],
)
def test_what_is_no_speech_is_not_taken_for_it(samples: Samples) -> None:
    segmenter = Segmenter(SETTINGS, NetworkDetector(SETTINGS))

    events = [event for frame in frames_of(samples) for event in segmenter.push(frame[np.newaxis])]

    assert events + segmenter.finish("eof") == []


def test_a_recorded_voice_is_found_in_noise(corpora: Path) -> None:
    import soundfile

    path = sorted((corpora / "emodb" / "wav").glob("*.flac"))[0]
    samples, _ = soundfile.read(path, dtype="int16")
    heard = np.concatenate([np.zeros(16_000, np.int16), samples, np.zeros(16_000, np.int16)])
    heard = heard + noise(heard.size, level=100)

    flags = np.array(judged_at_once(heard)[0]) > 0.5

    inside = slice(55, (16_000 + samples.size) // FRAME - 15)
    assert flags[:45].mean() < 0.1
    assert flags[inside].mean() > 0.8
    assert flags[-35:].mean() < 0.1


@pytest.mark.parametrize("level", [0.0, 0.5, 3.0], ids=["zeros", "nearly zeros", "a quiet room"])
def test_a_recorded_voice_is_found_at_once_out_of_digital_silence(corpora: Path, level: float) -> None:
    import soundfile

    waits_ms = []
    for path in sorted((corpora / "nemo" / "samples").glob("*.flac"))[::300]:
        samples, rate_hz = soundfile.read(path, dtype="int16")
        assert rate_hz == 16_000
        first = int(np.argmax(np.abs(samples.astype(int)) > 0.1 * np.abs(samples.astype(int)).max()))
        heard = np.concatenate([np.zeros(32_000, np.int16), samples[first:], np.zeros(16_000, np.int16)])
        heard = heard + noise(heard.size, level=level)
        segmenter = Segmenter(SETTINGS, NetworkDetector(SETTINGS))
        events = [event for frame in frames_of(heard) for event in segmenter.push(frame[np.newaxis])]
        events += segmenter.finish("eof")
        started = next(event for event in events if isinstance(event, SpeechEnded))
        waits_ms.append(20 * started.start_frame - 2000)

    assert len(waits_ms) >= 8
    assert np.median(waits_ms) <= 200  # some begin with a consonant at the level of the room
    assert max(waits_ms) <= 600


def test_an_hour_of_speech_in_noise_as_loud_still_gives_utterances_and_none_too_long(corpora: Path) -> None:
    """Nobody pauses for longer than between two recordings."""
    import soundfile

    paths = sorted((corpora / "nemo").rglob("*.flac"))[::40]
    spoken = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in paths])
    level = float(np.sqrt(np.mean(np.square(spoken[np.abs(spoken) > 300], dtype=np.float64))))
    segmenter = Segmenter(SETTINGS, NetworkDetector(SETTINGS))
    events: list[SpeechEvent] = []
    for minute in range(60):
        heard = np.resize(np.roll(spoken, -minute * 16_000), 60 * 16_000).astype(np.float64)
        heard += np.random.default_rng(minute).normal(0.0, level, heard.size)
        for frame in frames_of(np.clip(np.rint(heard), -32768, 32767).astype(np.int16)):
            events += segmenter.push(frame[np.newaxis])
    events += segmenter.finish("eof")

    lengths_ms = [20 * (event.end_frame - event.start_frame) for event in events if isinstance(event, SpeechEnded)]
    assert max(lengths_ms) <= SETTINGS.max_utterance_ms
    assert len(lengths_ms) > 300


def test_reset_is_as_good_as_new() -> None:
    samples = conversation(600, 900, 700)
    detector = NetworkDetector(SETTINGS)
    for frame in frames_of(noise(77 * FRAME, level=3000)):
        detector.push(frame[np.newaxis])
    detector.judge()

    detector.reset()

    for frame in frames_of(samples):
        detector.push(frame[np.newaxis])
    assert detector.judge(is_last=True) == judged_at_once(samples)


def test_frames_of_another_length_are_refused() -> None:
    with pytest.raises(SettingsError, match="frame_ms must be 20 with the default detector, got 10"):
        NetworkDetector(SpeechSettings(frame_ms=10))


def test_a_model_for_emotions_is_no_detector(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny\.onnx: key 'kind' is None, expected 'speech': not a detector"):
        NetworkDetector(SETTINGS, write_model(tmp_path / "tiny.onnx"))


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("format", "2", "key 'format' is '2', but this version reads 1"),
        ("figures", "{", "key 'figures' is not valid JSON"),
        ("licence", "null", "key 'licence' must be a JSON dict, got NoneType"),
        ("name", "", "key 'name' is missing or empty"),
        ("rows", "{}", "key 'rows' is not what this version computes"),
    ],
)
def test_a_detector_of_other_rows_is_refused(tmp_path: Path, key: str, value: str, complaint: str) -> None:
    model = onnx.load(BUNDLED_DETECTOR)
    onnx.helper.set_model_props(model, {p.key: p.value for p in model.metadata_props} | {key: value})
    onnx.save(model, tmp_path / "other.onnx")

    with pytest.raises(ModelError, match=complaint):
        NetworkDetector(SETTINGS, tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"said": -7.0}, r"must give probabilities, got -7 to -7"),
        ({"said": -np.inf}, r"must give probabilities, got -inf to -inf"),
        ({"said": np.nan}, r"must give probabilities, got nan to nan"),
        ({"width": 500}, r"must give an array of shape \(1, 1, 2\), got \(1, 1, 500\)"),
        ({"cast_to": onnx.TensorProto.STRING}, r"must give float, got tensor\(string\)"),
    ],
)
def test_what_gives_no_probabilities_is_no_detector(tmp_path: Path, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ModelError, match=rf"bad\.onnx: the network {complaint}"):
        NetworkDetector(SETTINGS, write_detector(tmp_path / "bad.onnx", **options))


def test_a_toy_detector_is_taken(tmp_path: Path) -> None:
    assert NetworkDetector(SETTINGS, write_detector(tmp_path / "toy.onnx")).name == "toy"


def test_a_missing_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: can not be read"):
        NetworkDetector(SETTINGS, tmp_path / "gone.onnx")
