"""Automatic gain for a microphone that is too quiet."""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ, ms_to_samples

_FRAME_SAMPLES = ms_to_samples(20)
_REMEMBERED_S = 15
_WELL_LEVELLED_DBFS = -36.0
_SMALLEST_RANGE_DB = 12.0
_HIGHEST_GAIN_DB = 24.0
_RISE_DB = 3.0
_HEADROOM_DB = 3.0


class AutoGain:
    """Raises the level of people who are heard too quietly, as far as it was heard until then.

    How loud people speak is the level that a twentieth of the frames of the last 15 s exceed, where these
    differ by 12 dB and more: steady noise alone is nobody. From -36 dBFS on they are well levelled and nothing is
    changed, to the last bit; quieter ones are brought there, by at most 24 dB. The gain rises by at most 3 dB a second;
    it falls within one, and never stays where the loudest sample of the last second would come within 3 dB of full
    scale. Gains follow from whole seconds of the stream, so that any split gives the same samples.
    """

    def __init__(self) -> None:
        """Change nothing until somebody too quiet was heard."""
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._second = np.empty(SAMPLE_RATE_HZ, np.int16)
        self._position = 0  # in the second
        self._levels_dbfs: deque[NDArray[np.float64]] = deque(maxlen=_REMEMBERED_S)
        self._gain_db = self._next_gain_db = 0.0

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return ``samples``, shape ``(num_samples,)``, int16, with the gain that was due, clipped at full scale."""
        parts = []
        taken = 0
        while taken < samples.size:
            part = samples[taken : taken + SAMPLE_RATE_HZ - self._position]
            self._second[self._position : self._position + part.size] = part
            parts.append(self._raised(part))
            self._position += part.size
            taken += part.size
            if self._position == SAMPLE_RATE_HZ:
                self._position = 0
                self._decide()
        return parts[0] if len(parts) == 1 else np.concatenate([samples[:0], *parts])

    def _raised(self, part: NDArray[np.int16]) -> NDArray[np.int16]:
        if self._gain_db == self._next_gain_db == 0.0:
            return part
        way = (self._position + np.arange(part.size)) / SAMPLE_RATE_HZ
        gain = 10.0 ** ((self._gain_db + (self._next_gain_db - self._gain_db) * way) / 20.0)
        return np.clip(np.rint(part * gain), -32768, 32767).astype(np.int16)

    def _decide(self) -> None:
        """Choose where the gain is to be at the end of the second to come."""
        frames = self._second.reshape(-1, _FRAME_SAMPLES).astype(np.float64) / 32768.0
        self._levels_dbfs.append(10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12))
        quiet, loud = np.percentile(np.concatenate(self._levels_dbfs), [5, 95])
        self._gain_db = wanted_db = self._next_gain_db
        if loud - quiet >= _SMALLEST_RANGE_DB:
            wanted_db = min(max(0.0, _WELL_LEVELLED_DBFS - float(loud)), _HIGHEST_GAIN_DB, self._gain_db + _RISE_DB)
        room_db = -20.0 * math.log10(np.abs(frames).max() + 1e-6) - _HEADROOM_DB
        self._next_gain_db = min(wanted_db, max(0.0, room_db))
