"""What the speech network sees of a stream: a row each two frames."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.speech import bands
from streamer.speech.bands import NUM_BANDS, WINDOW_SAMPLES, BandSnr
from streamer.speech.webrtc import WebRtcVad

FRAMES_PER_ROW = 2
NUM_COLUMNS = NUM_BANDS + FRAMES_PER_ROW
_AGGRESSIVENESS = 2
_FRAME_BYTES = 2 * WINDOW_SAMPLES


def describe_rows() -> dict[str, Any]:
    """Return what decides about the rows; a network goes with those that it learnt from, and with no others."""
    return {"bands": bands.describe(), "frames_per_row": FRAMES_PER_ROW, "webrtcvad_mode": _AGGRESSIVENESS}


class SpeechRows:
    """Frames of 20 ms in, rows out when they are asked for: the bands of every second frame, and webrtcvad's verdicts.

    Half of the spectra cost little of what is heard and half of the time.
    """

    def __init__(self) -> None:
        """Start a stream."""
        self._vad, self._bands = WebRtcVad(_AGGRESSIVENESS), BandSnr()
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._vad.reset()
        self._bands.reset()
        self._content = bytearray()  # of the frames that no row was taken of, and their verdicts
        self._verdicts = bytearray()

    @property
    def has_half(self) -> bool:
        """Whether the last frame waits for another to be a row."""
        return len(self._verdicts) % FRAMES_PER_ROW > 0

    def push(self, frames: NDArray[np.int16]) -> bytes:
        """Keep ``frames``, shape ``(num_frames, WINDOW_SAMPLES)``, int16; return webrtcvad's verdict on each."""
        content, is_speech = frames.tobytes(), self._vad.is_speech
        starts = range(0, len(content), _FRAME_BYTES)
        verdicts = bytes([is_speech(content[start : start + _FRAME_BYTES]) for start in starts])
        self._content += content
        self._verdicts += verdicts
        return verdicts

    def take(self, *, is_last: bool = False) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rows that are complete and were not taken yet.

        Args:
            is_last: Whether a single last frame is a row, too.

        Returns:
            Shape ``(num_rows, NUM_COLUMNS)``; and how loud each row is, shape ``(num_rows,)``.
        """
        if is_last and self.has_half:
            self._content += self._content[-_FRAME_BYTES:]
            self._verdicts.append(self._verdicts[-1])
        count = len(self._verdicts) // FRAMES_PER_ROW * FRAMES_PER_ROW
        rows = np.empty((count // FRAMES_PER_ROW, NUM_COLUMNS), np.float32)
        verdicts = np.frombuffer(bytes(self._verdicts[:count]), np.uint8)
        rows[:, NUM_BANDS:] = verdicts.reshape(-1, FRAMES_PER_ROW)
        frames = np.frombuffer(bytes(self._content[: count * _FRAME_BYTES]), np.int16)
        del self._content[: count * _FRAME_BYTES], self._verdicts[:count]
        windows = frames.reshape(-1, FRAMES_PER_ROW, WINDOW_SAMPLES)[:, 0]
        rows[:, :NUM_BANDS], loudness = self._bands.push(windows)
        return rows, loudness
