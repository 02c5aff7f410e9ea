"""Voice activity per frame; the only user of webrtcvad."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings


class SpeechDetector(Protocol):
    """Says of each frame whether it is speech."""

    def detect(self, frame: NDArray[np.int16]) -> bool:
        """Return whether ``frame``, shape ``(frame_samples,)``, int16, is speech."""

    def reset(self) -> None:
        """Forget everything heard."""


class WebRtcDetector:
    """The Gaussian-mixture detector of the WebRTC project; its verdict lags an end of speech by about 100 ms."""

    def __init__(self, settings: SpeechSettings) -> None:
        """Start listening in the mode that ``settings`` names."""
        self._aggressiveness = settings.aggressiveness
        self.reset()

    def reset(self) -> None:
        """Forget the noise learnt so far."""
        import webrtcvad  # here, so that `import streamer` stays free of it

        # webrtcvad adapts and cannot be reset: a new stream needs a new detector.
        self._vad = webrtcvad.Vad(self._aggressiveness)

    def detect(self, frame: NDArray[np.int16]) -> bool:
        """Return whether ``frame`` of 10, 20 or 30 ms is speech."""
        return bool(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ))
