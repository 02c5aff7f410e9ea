"""Silero behind the protocol of detectors, with a stand-in for its network; the real one is heard in test-system."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, loud_where, noise
from tiny_model import write_model
from tiny_silero import write_silero

from streamer.errors import ModelError, SettingsError
from streamer.settings import SpeechSettings
from streamer.speech.silero import SileroDetector

SETTINGS = SpeechSettings()
FRAME = SETTINGS.frame_samples


@pytest.fixture(scope="module")
def silero(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_silero(tmp_path_factory.mktemp("silero") / "silero_vad.onnx")


def judged_at_once(path: Path, samples: Samples) -> tuple[list[float], list[float]]:
    detector = SileroDetector(SETTINGS, path)
    for frame in samples.reshape(-1, FRAME):
        detector.push(frame[np.newaxis])
    return detector.judge(is_last=True)


def expected(samples: Samples) -> list[float]:
    """Return what the stand-in says of each frame, computed over the whole stream at once."""
    signal = samples.astype(np.float32) / 32768
    windows = [
        np.concatenate([signal[max(0, at - 64) : at], signal[at : at + 512]]) for at in range(0, signal.size - 511, 512)
    ]
    said = [min(1.0, 20 * float(np.abs(window).sum() / 576)) ** 0.5 for window in windows]
    middles = np.arange(samples.size // FRAME) * FRAME + FRAME // 2
    return [said[min(middle // 512, len(said) - 1)] if said else 0.0 for middle in middles]


@hypothesis_settings(max_examples=40)
@given(waits=st.lists(st.integers(1, 50), min_size=1, max_size=10), num_frames=st.integers(0, 120))
def test_frames_are_judged_as_the_window_that_holds_their_middle(
    silero: Path, waits: list[int], num_frames: int
) -> None:
    samples = loud_where("0" * 20 + "1" * 30 + "0" * 70, FRAME)[: num_frames * FRAME]
    detector = SileroDetector(SETTINGS, silero)
    probabilities: list[float] = []
    num_levels, left = 0, list(waits)
    for index, frame in enumerate(samples.reshape(-1, FRAME), 1):
        detector.push(frame[np.newaxis])
        left[0] -= 1
        if not left[0]:
            left = left[1:] or [7]
            more, levels = detector.judge()
            probabilities += more
            num_levels += len(levels)
            assert len(probabilities) == num_levels <= index
            assert detector.frames_to_judge(len(probabilities) + 1) > index
            assert not probabilities or detector.frames_to_judge(len(probabilities)) <= index
    probabilities += detector.judge(is_last=True)[0]

    np.testing.assert_allclose(probabilities, expected(samples), rtol=0, atol=1e-5)


def test_levels_grow_with_loudness(silero: Path) -> None:
    _, levels = judged_at_once(silero, loud_where("0" * 10 + "1" * 10, FRAME))

    assert len(levels) == 20
    assert min(levels[10:]) > 100 * max(levels[:10])


def test_it_is_worth_asking_while_somebody_may_speak(silero: Path) -> None:
    detector = SileroDetector(SETTINGS, silero)

    suspicions = detector.push(loud_where("0" * 10 + "1" * 10, FRAME).reshape(-1, FRAME))

    assert not any(suspicions[:10])
    assert all(suspicions[12:])


def test_the_state_starts_anew_in_a_long_silence(silero: Path) -> None:
    detector = SileroDetector(SETTINGS, silero)
    for frame in noise(FRAME * 16 * 100, level=5).reshape(-1, FRAME):
        detector.push(frame[np.newaxis])
        detector.judge()

    assert float(detector._state[0, 0, 0]) < 300


def test_memory_does_not_grow(silero: Path) -> None:
    detector = SileroDetector(SETTINGS, silero)
    for frame in noise(FRAME * 500).reshape(-1, FRAME):
        detector.push(frame[np.newaxis])
        detector.judge()

    assert len(detector._probabilities) <= 3
    assert detector._pending.size < 512


def test_reset_is_as_good_as_new(silero: Path) -> None:
    samples = loud_where("0" * 20 + "1" * 30, FRAME)
    detector = SileroDetector(SETTINGS, silero)
    for frame in noise(77 * FRAME, level=3000).reshape(-1, FRAME):
        detector.push(frame[np.newaxis])

    detector.reset()

    for frame in samples.reshape(-1, FRAME):
        detector.push(frame[np.newaxis])
    assert detector.judge(is_last=True) == judged_at_once(silero, samples)


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"expected silero_vad\.onnx .* inputs \['input', 'sr', 'state'\], got"):
        SileroDetector(SETTINGS, write_model(tmp_path / "other.onnx"))


def test_a_network_that_gives_no_number_is_refused_before_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must give one finite number"):
        SileroDetector(SETTINGS, write_silero(tmp_path / "broken.onnx", factor=float("nan")))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: can not be read"):
        SileroDetector(SETTINGS, tmp_path / "gone.onnx")


def test_frames_of_another_length_are_refused(silero: Path) -> None:
    with pytest.raises(SettingsError, match="frame_ms must be 20 with Silero, got 10"):
        SileroDetector(SpeechSettings(frame_ms=10), silero)
