"""Automatic gain for a microphone that is too quiet."""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SpeechSettings

_WELL_LEVELLED_DBFS = -36.0
_LOUD_PERCENTILE = 95
_NUM_REMEMBERED = 5
_HIGHEST_GAIN_DB = 24.0
_RISE_DB_PER_S = 3.0
_HIGHEST_PEAK = 32768.0 * 10.0 ** (-3.0 / 20.0)


class AutoGain:
    """Raises the level of people who are heard too quietly, as far as they were heard until then.

    How loud people speak is the level that a twentieth of the frames of an utterance exceed; of the last five
    utterances the loudest counts. What is no utterance, such as the noise in a pause, teaches nothing. From -36 dBFS
    on people are well levelled and nothing is changed, to the last bit; quieter ones are brought there, by at most
    24 dB. The gain rises by 3 dB a second; it falls at once, for somebody louder and for any frame whose peak would
    come within 3 dB of full scale. Gaps change no level, so that it goes on behind them.
    """

    def __init__(self, settings: SpeechSettings, longest_frames: int) -> None:
        """Change nothing until somebody too quiet was heard; ``longest_frames`` is how long ago that may begin."""
        self._rise_db = _RISE_DB_PER_S * settings.frame_ms / 1000.0
        self._levels_dbfs: deque[float] = deque(maxlen=longest_frames)  # of the last frames, as they came
        self._spoken_dbfs: deque[float] = deque(maxlen=_NUM_REMEMBERED)
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._levels_dbfs.clear()
        self._spoken_dbfs.clear()
        self._gain_db = self._wanted_db = 0.0

    def push(self, frame: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return ``frame``, shape ``(frame_samples,)``, int16, with the gain that is due."""
        signal = frame.astype(np.float64)
        self._levels_dbfs.append(10.0 * math.log10(float(signal.var()) / 32768.0**2 + 1e-12))  # without an offset
        self._gain_db = min(self._gain_db + self._rise_db, self._wanted_db)
        if not self._gain_db:
            return frame
        peak = max(float(np.abs(signal).max()), 1.0)
        self._gain_db = max(0.0, min(self._gain_db, 20.0 * math.log10(_HIGHEST_PEAK / peak)))
        raised: NDArray[np.int16] = np.rint(signal * 10.0 ** (self._gain_db / 20.0)).astype(np.int16)
        return raised

    def learn(self, start_ago: int, end_ago: int) -> None:
        """Take note that an utterance went from ``start_ago`` to ``end_ago`` frames before the end of the last."""
        levels = list(self._levels_dbfs)
        heard = levels[len(levels) - start_ago : len(levels) - end_ago]
        self._spoken_dbfs.append(float(np.percentile(heard, _LOUD_PERCENTILE)))
        self._wanted_db = min(max(0.0, _WELL_LEVELLED_DBFS - max(self._spoken_dbfs)), _HIGHEST_GAIN_DB)
