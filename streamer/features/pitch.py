"""Incremental pitch and voicing: a row for each row of the MFCCs, whatever the chunks.

Sources: Hermes (1988), "Measurement of pitch by subharmonic summation", for the sum over harmonics and how their
weight falls; Drugman and Alwan (2011), "Joint robust voicing detection and pitch estimation based on residual
harmonics", for taking off what lies between them. The spectrum is one of its own: 25 ms, the window of the MFCCs,
hold too few periods of a deep voice.
"""

import numpy as np
from numpy.typing import NDArray

from streamer.errors import AudioFormatError
from streamer.settings import PITCH_WINDOW_MS, SAMPLE_RATE_HZ, FeatureSettings, ms_to_samples

NUM_COLUMNS = 2
"""Pitch, in octaves over ``LOWEST_HZ``; and harmonicity, how much of the spectrum lies on its harmonics."""

LOWEST_HZ = 60.0
_NUM_OCTAVES = 3.125
_STEPS_PER_OCTAVE = 24
_HIGHEST_HARMONIC_HZ = 1500.0
_FALL_PER_HARMONIC = 0.84
_SCALE = 3.0
"""Divides the sum: a voice comes out at 0.4 to 1.3, noise at about 0.4, silence at 0."""
_OCTAVE_COST = 0.02
"""Of two pitches that explain the spectrum as well, the higher one is meant."""

_DECIMATION = 4  # no harmonic that counts lies above 1.5 kHz
_RATE_HZ = SAMPLE_RATE_HZ // _DECIMATION
_FILTER_TAPS = 48
_CUTOFF_HZ = 1700.0
_WINDOW = ms_to_samples(PITCH_WINDOW_MS, _RATE_HZ)
_FFT_SIZE = 256
_PITCHES_PER_CALL = 150

ROWS_PER_PITCH = 2
"""Pitch moves slowly: a row goes without its own, which costs half and is heard as well."""

SPAN_SAMPLES = (_WINDOW - 1) * _DECIMATION + _FILTER_TAPS
"""What a row is computed from, up to the end of the window of the MFCCs."""


class IncrementalPitch:
    """Pitch rows of a stream of int16 samples, computed as they come.

    The span of row ``k`` ends where the window of MFCC row ``k`` ends, so that both leave together; the rows up to
    the next ``ROWS_PER_PITCH`` repeat it. A row depends on its span alone. Computed in float64: of two pitches that are
    about as good, rounding must not choose.
    """

    def __init__(self, settings: FeatureSettings) -> None:
        """Prepare the tables for rows on the grid of the MFCCs of ``settings``."""
        self.num_previous = SPAN_SAMPLES - settings.window_samples
        self._hop, self._window_samples = settings.hop_samples, settings.window_samples
        self._lowpass = _lowpass(self._hop // _DECIMATION)
        self._window = np.hanning(_WINDOW + 2)[1:-1]
        pitches = np.arange(round(_NUM_OCTAVES * _STEPS_PER_OCTAVE) + 1) / _STEPS_PER_OCTAVE
        self._band, self._to_scores = _harmonics(LOWEST_HZ * 2.0**pitches)
        self._cost = _OCTAVE_COST * (pitches[-1] - pitches)
        count, stride = _PITCHES_PER_CALL, ROWS_PER_PITCH * self._hop
        num_hops = (_WINDOW * _DECIMATION + (count - 1) * stride) // self._hop
        self._samples = np.zeros(SPAN_SAMPLES + (count - 1) * stride)
        self._hops = np.zeros((num_hops, len(self._lowpass)))
        self._slow = np.zeros((num_hops, self._hop // _DECIMATION))
        windows = np.lib.stride_tricks.sliding_window_view(self._slow.ravel(), _WINDOW)
        self._windows = windows[:: stride // _DECIMATION]
        self._centred = np.zeros((count, _FFT_SIZE))  # beyond the window it stays zero
        self._spectrum = np.zeros((count, _FFT_SIZE // 2 + 1), np.complex128)
        self._amplitudes = np.zeros((count, self._band.size))
        self._scores = np.zeros((count, pitches.size))
        self.reset(np.zeros(self.num_previous, np.int16))

    def reset(self, previous: NDArray[np.int16]) -> None:
        """Start a new grid here; it equals one that began whole ``ROWS_PER_PITCH`` rows earlier.

        Args:
            previous: The ``num_previous`` samples before the first one to come; zeros at the start of a stream.
        """
        self._pending = previous.copy()
        self._num_samples = self._num_rows = 0
        self._num_skipped = 0  # of the next samples, that lie between two spans
        self._last = np.zeros((1, NUM_COLUMNS))

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.float64]:
        """Return the rows that ``samples`` complete, oldest first.

        Args:
            samples: Shape ``(num_samples,)``, int16; any length, also 0.

        Returns:
            Shape ``(num_rows, NUM_COLUMNS)``, float64; ``num_rows`` may be 0.

        Raises:
            AudioFormatError: ``samples`` is not one-dimensional int16.
        """
        if samples.ndim != 1 or samples.dtype != np.int16:
            raise AudioFormatError(f"expected int16 of shape (n,), got {samples.dtype} of shape {samples.shape}")
        skipped = min(self._num_skipped, samples.size)
        heard = np.concatenate([self._pending, samples[skipped:]])
        stride = ROWS_PER_PITCH * self._hop
        pitches = np.empty((max(0, (heard.size - SPAN_SAMPLES) // stride + 1), NUM_COLUMNS))
        for first in range(0, len(pitches), _PITCHES_PER_CALL):
            part = pitches[first : first + _PITCHES_PER_CALL]
            start = first * stride
            self._compute(heard[start : start + SPAN_SAMPLES + (len(part) - 1) * stride], part)
        begin = len(pitches) * stride
        self._pending = heard[begin:]
        self._num_skipped += max(0, begin - heard.size) - skipped
        self._num_samples += samples.size
        # The rows of the last pitch that are still to come, then those of the new ones.
        before, self._num_rows = self._num_rows, max(0, (self._num_samples - self._window_samples) // self._hop + 1)
        repeated = np.repeat(np.concatenate([self._last, pitches]), ROWS_PER_PITCH, axis=0)
        first = ROWS_PER_PITCH - -before % ROWS_PER_PITCH
        self._last = repeated[-1:]
        return repeated[first : first + self._num_rows - before]

    def _compute(self, samples: NDArray[np.int16], out: NDArray[np.float64]) -> None:
        count = len(out)
        self._samples[: samples.size] = samples
        # A hop's worth of slow samples at once: one product for all, which a filter tap by tap is three times slower.
        num_hops = len(self._slow) - (_PITCHES_PER_CALL - count) * ROWS_PER_PITCH
        hops = np.lib.stride_tricks.sliding_window_view(self._samples[: samples.size], len(self._lowpass))
        self._hops[:num_hops] = hops[:: self._hop]
        np.matmul(self._hops[:num_hops], self._lowpass, out=self._slow[:num_hops])
        windows, centred = self._windows[:count], self._centred[:count]
        np.subtract(windows, windows.mean(axis=1, keepdims=True), out=centred[:, :_WINDOW])
        centred[:, :_WINDOW] *= self._window
        np.fft.rfft(centred, axis=1, out=self._spectrum[:count])
        amplitudes = self._amplitudes[:count]
        np.abs(self._spectrum[:count, : self._band.size], out=amplitudes)
        amplitudes *= self._band
        amplitudes /= np.maximum(amplitudes.max(axis=1, keepdims=True), 1.0)  # of int16: less is silence
        scores = np.matmul(amplitudes, self._to_scores, out=self._scores[:count])
        every = np.arange(count)
        best = np.clip((scores - self._cost).argmax(axis=1), 1, scores.shape[1] - 2)
        step_cost = self._cost[0] - self._cost[1]
        at = scores[every, best]
        below, above = scores[every, best - 1] - step_cost, scores[every, best + 1] + step_cost
        # The peak of the parabola through the three; a flat one is left where it is.
        bend = below - 2.0 * at + above
        shift = 0.5 * (below - above) / np.where(np.abs(bend) < 1e-6, 1e-6, bend)
        out[:, 0] = (best + np.clip(shift, -0.5, 0.5)) / _STEPS_PER_OCTAVE
        out[:, 1] = at


def _lowpass(num_slow: int) -> NDArray[np.float64]:
    """Return what makes ``num_slow`` samples at the lower rate of the samples that they cover, a column each."""
    ticks = np.arange(_FILTER_TAPS) - (_FILTER_TAPS - 1) / 2
    taps = np.sinc(2.0 * _CUTOFF_HZ / SAMPLE_RATE_HZ * ticks) * np.hamming(_FILTER_TAPS)
    matrix = np.zeros(((num_slow - 1) * _DECIMATION + _FILTER_TAPS, num_slow))
    for column in range(num_slow):
        matrix[column * _DECIMATION : column * _DECIMATION + _FILTER_TAPS, column] = taps / taps.sum()
    return matrix


def _harmonics(pitches_hz: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a weight a bin, shape ``(num_bins,)``, and what makes scores of bins, ``(num_bins, num_pitches)``."""
    bin_hz = _RATE_HZ / _FFT_SIZE
    num_bins = int(_HIGHEST_HARMONIC_HZ / bin_hz) + 2
    bins_hz = np.arange(num_bins) * bin_hz
    band = np.clip((bins_hz - 50.0) / 30.0, 0.0, 1.0) * np.clip((_HIGHEST_HARMONIC_HZ - bins_hz) / 300.0, 0.0, 1.0)
    to_scores = np.zeros((num_bins, pitches_hz.size))
    for column, pitch_hz in enumerate(pitches_hz):
        for harmonic in range(1, int(_HIGHEST_HARMONIC_HZ / pitch_hz) + 1):
            weight = _FALL_PER_HARMONIC ** (harmonic - 1) / _SCALE
            for sign, place_hz in ((1.0, harmonic * pitch_hz), (-1.0, (harmonic - 0.5) * pitch_hz)):
                lower, part = divmod(place_hz / bin_hz, 1.0)
                to_scores[int(lower), column] += sign * weight * (1.0 - part)
                to_scores[int(lower) + 1, column] += sign * weight * part
    return band, to_scores
