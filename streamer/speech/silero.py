"""Voice activity by Silero VAD, whose file is not part of this package."""

import copy
import math
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ModelError, SettingsError
from streamer.graph import OPERATORS_OF_SILERO
from streamer.onnx import limited_time, open_session, read_model, reason
from streamer.settings import SAMPLE_RATE_HZ, SpeechSettings

_WINDOW_SAMPLES = 512
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)
_QUIET_WINDOWS = 300
_INPUTS, _OUTPUTS = {"input", "state", "sr"}, ["output", "stateN"]


class SileroDetector:
    """The recurrent network of the Silero team: costs tens of times what webrtcvad does, and is hard to fool.

    It hears windows of 32 ms, each with the last 4 ms of the one before; a frame is judged as the window that holds
    its middle. Its team takes speech to start at 0.5 and to end below 0.35; the square root puts that where the
    endpointing has it. The network and what it expects: https://github.com/snakers4/silero-vad, versions 5 and 6 (MIT).
    """

    name = "silero"

    def __init__(self, settings: SpeechSettings, path: Path) -> None:
        """Load ``silero_vad.onnx`` from ``path``.

        Raises:
            ModelError: The file is missing, or another model.
            SettingsError: Frames are not of 20 ms.
        """
        if settings.frame_ms != 20:
            raise SettingsError(f"frame_ms must be 20 with Silero, got {settings.frame_ms}")
        self._path, self._frame_samples = path, settings.frame_samples
        self._speech_probability = settings.speech_probability
        content, self.sha256 = read_model(path)
        self._session = open_session(path, content, OPERATORS_OF_SILERO)
        names = {node.name for node in self._session.get_inputs()}
        if names != _INPUTS:
            raise ModelError(
                f"{path}: expected silero_vad.onnx of silero-vad 5 or 6 with inputs {sorted(_INPUTS)}, "
                f"got {sorted(names)}"
            )
        self._rate_hz = np.array(SAMPLE_RATE_HZ, np.int64)
        self.reset()
        with limited_time() as options:
            self._hear(np.zeros(_WINDOW_SAMPLES, np.float32), options)
        self.reset()

    def twin(self) -> Self:
        """Return one for another stream; the network itself is loaded once, also for streams in other threads."""
        other = copy.copy(self)
        other.reset()
        return other

    def reset(self) -> None:
        """Forget everything heard."""
        self._state = np.zeros(_STATE_SHAPE, np.float32)
        self._input = np.zeros((1, _CONTEXT_SAMPLES + _WINDOW_SAMPLES), np.float32)
        self._pending = np.empty(0, np.float32)  # samples that no window covers yet
        self._probabilities: list[float] = []  # of the windows that frames may still need
        self._first_window = 0
        self._levels: list[float] = []  # of the frames not judged yet
        self._num_judged = 0
        self._num_quiet = 0  # windows in a row in which nobody spoke

    def frames_to_judge(self, num_frames: int) -> int:
        """Return how many frames must have come before the first ``num_frames`` can be judged: whole windows."""
        window = self._window_of(num_frames - 1)
        return -(-(window + 1) * _WINDOW_SAMPLES // self._frame_samples)

    def push(self, frames: NDArray[np.int16]) -> bytes:
        """Take ``frames``, shape ``(num_frames, frame_samples)``, int16; return 1 for each that may be speech.

        Raises:
            ModelError: The network fails.
        """
        return bytes([self._push(frame) for frame in frames])

    def _push(self, frame: NDArray[np.int16]) -> bool:
        """Return whether ``frame`` may be speech, as far as that is known."""
        samples = frame.astype(np.float32) / np.float32(32768)
        self._levels.append(float(np.dot(samples, samples)))
        self._pending = np.concatenate((self._pending, samples))
        while self._pending.size >= _WINDOW_SAMPLES:
            self._probabilities.append(self._hear(self._pending[:_WINDOW_SAMPLES]))
            self._forget_what_is_long_ago()
            self._pending = self._pending[_WINDOW_SAMPLES:]
        return bool(self._probabilities) and self._probabilities[-1] >= self._speech_probability

    def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
        """Return the probabilities of speech and the levels of the frames that were not judged yet."""
        probabilities: list[float] = []
        for index in range(self._num_judged, self._num_judged + len(self._levels)):
            window = self._window_of(index) - self._first_window
            if window >= len(self._probabilities) and not is_last:
                break
            # The samples behind the last whole window are too few to be heard: they sound as what was before.
            known = self._probabilities[: window + 1]
            probabilities.append(known[-1] if known else 0.0)
        count = len(probabilities)
        levels, self._levels = self._levels[:count], self._levels[count:]
        self._num_judged += count
        next_window = (self._num_judged * self._frame_samples) // _WINDOW_SAMPLES
        dropped = min(next_window - self._first_window, max(0, len(self._probabilities) - 1))
        del self._probabilities[:dropped]
        self._first_window += dropped
        return probabilities, levels

    def _window_of(self, frame: int) -> int:
        """Return the window that holds the middle of ``frame``."""
        return (frame * self._frame_samples + self._frame_samples // 2) // _WINDOW_SAMPLES

    def _forget_what_is_long_ago(self) -> None:
        """Start the state anew in a silence of 9.6 s: over hours without a pause in its memory it drifts."""
        self._num_quiet = self._num_quiet + 1 if self._probabilities[-1] < self._speech_probability else 0
        if self._num_quiet == _QUIET_WINDOWS:
            self._num_quiet = 0
            self._state = np.zeros(_STATE_SHAPE, np.float32)

    def _hear(self, window: NDArray[np.float32], options: Any = None) -> float:
        """Return the probability of speech in ``window``; it follows what was heard before."""
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES:] = window
        inputs = {"input": self._input, "state": self._state, "sr": self._rate_hz}
        try:
            output, self._state = self._session.run(_OUTPUTS, inputs, options)
        except Exception as error:  # as in open_session
            raise ModelError(f"{self._path}: the network fails ({reason(error)})") from error
        if output.shape != (1, 1) or self._state.shape != _STATE_SHAPE or not np.isfinite(output).all():
            raise ModelError(f"{self._path}: the network must give one finite number and its state, got {output.shape}")
        return math.sqrt(min(max(float(output[0, 0]), 0.0), 1.0))
