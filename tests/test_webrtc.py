"""webrtcvad, the first ear of the default vad."""

import numpy as np
import pytest
from signals import Samples, conversation, noise, silence, speech

from streamer.speech.webrtc import WebRtcVad


def flags(vad: WebRtcVad, samples: Samples, frame_ms: int = 20) -> str:
    """Return the verdict on each whole frame as a string."""
    size = 16 * frame_ms
    frames = samples[: samples.size // size * size].reshape(-1, size)
    return "".join(str(int(vad.is_speech(frame.tobytes()))) for frame in frames)


@pytest.mark.parametrize("frame_ms", [10, 20, 30])
@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_speech_is_told_from_faint_noise(frame_ms: int, aggressiveness: int) -> None:
    vad = WebRtcVad(aggressiveness)

    quiet = flags(vad, noise(24_000, level=20), frame_ms)
    loud = flags(vad, speech(24_000), frame_ms)

    assert quiet[len(quiet) // 2 :].count("1") == 0
    assert loud.count("1") > 0.9 * len(loud)


def test_digital_silence_is_not_speech() -> None:
    assert "1" not in flags(WebRtcVad(2), silence(16_000))


def test_verdicts_are_those_of_the_golden_string() -> None:
    """Mode 3: speech from frame 10 on, 15 frames of it, and a verdict that lags its end by six."""
    vad = WebRtcVad(3)

    verdicts = flags(vad, conversation(200, 300, 400))

    assert verdicts == "0" * 10 + "1" * 21 + "0" * 14


def test_a_higher_mode_lets_less_through() -> None:
    loud_noise = noise(32_000, level=300)

    speech_frames = [flags(WebRtcVad(mode), loud_noise).count("1") for mode in range(4)]

    assert speech_frames == sorted(speech_frames, reverse=True)
    assert speech_frames[0] > speech_frames[3]


def test_reset_is_as_good_as_new() -> None:
    """It learns the noise of the room: what it heard before a gap must not tint what comes after."""
    samples = conversation(500, 400, 500)
    vad = WebRtcVad(2)
    flags(vad, np.concatenate([noise(32_000, level=3000), speech(16_000)]))

    vad.reset()

    assert flags(vad, samples) == flags(WebRtcVad(2), samples)


def test_verdicts_depend_on_what_was_heard_before() -> None:
    """Otherwise the test of reset would prove nothing."""
    samples = conversation(500, 400, 500)
    vad = WebRtcVad(2)
    flags(vad, np.concatenate([noise(32_000, level=3000), speech(16_000)]))

    assert flags(vad, samples) != flags(WebRtcVad(2), samples)
