"""The WebRTC detector behind its protocol."""

import numpy as np
import pytest
from signals import Samples, conversation, noise, silence, speech

from streamer.settings import SpeechSettings
from streamer.speech.vad import WebRtcDetector


def flags(detector: WebRtcDetector, samples: Samples, settings: SpeechSettings | None = None) -> str:
    """Return the verdict on each whole frame as a string."""
    size = (settings or SpeechSettings()).frame_samples
    frames = samples[: samples.size // size * size].reshape(-1, size)
    return "".join(str(int(detector.detect(frame))) for frame in frames)


@pytest.mark.parametrize("frame_ms", [10, 20, 30])
@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_speech_is_told_from_faint_noise(frame_ms: int, aggressiveness: int) -> None:
    settings = SpeechSettings(frame_ms=frame_ms, aggressiveness=aggressiveness)
    detector = WebRtcDetector(settings)

    quiet = flags(detector, noise(24_000, level=20), settings)
    loud = flags(detector, speech(24_000), settings)

    assert quiet[len(quiet) // 2 :].count("1") == 0
    assert loud.count("1") > 0.9 * len(loud)


def test_digital_silence_is_not_speech() -> None:
    assert "1" not in flags(WebRtcDetector(SpeechSettings()), silence(16_000))


def test_verdicts_are_those_of_the_golden_string() -> None:
    """Mode 3: speech from frame 10 on, 15 frames of it, and a verdict that lags its end by six."""
    detector = WebRtcDetector(SpeechSettings(aggressiveness=3))

    verdicts = flags(detector, conversation(200, 300, 400))

    assert verdicts == "0" * 10 + "1" * 21 + "0" * 14


def test_a_higher_mode_lets_less_through() -> None:
    loud_noise = noise(32_000, level=300)

    speech_frames = [
        flags(WebRtcDetector(SpeechSettings(aggressiveness=mode)), loud_noise).count("1") for mode in range(4)
    ]

    assert speech_frames == sorted(speech_frames, reverse=True)
    assert speech_frames[0] > speech_frames[3]


def test_reset_is_as_good_as_new() -> None:
    """The detector learns the noise of the room: what it heard before a gap must not tint what comes after."""
    samples = conversation(500, 400, 500)
    detector = WebRtcDetector(SpeechSettings())
    flags(detector, np.concatenate([noise(32_000, level=3000), speech(16_000)]))

    detector.reset()

    assert flags(detector, samples) == flags(WebRtcDetector(SpeechSettings()), samples)


def test_verdicts_depend_on_what_was_heard_before() -> None:
    """Otherwise the test of reset would prove nothing."""
    samples = conversation(500, 400, 500)
    detector = WebRtcDetector(SpeechSettings())
    flags(detector, np.concatenate([noise(32_000, level=3000), speech(16_000)]))

    assert flags(detector, samples) != flags(WebRtcDetector(SpeechSettings()), samples)
