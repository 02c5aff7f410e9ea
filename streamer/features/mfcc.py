"""Incremental MFCCs: the rows of ``python_speech_features.mfcc``, whatever the chunks.

Sources: Davis and Mermelstein (1980) for the cepstra; python_speech_features 0.6 for
the conventions (mel bins, log floor, lifter), which the tests hold this module to.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.errors import AudioFormatError, StreamStateError
from streamer.mel import mel_filterbank
from streamer.settings import MfccSettings

Float = NDArray[np.floating[Any]]

_ROWS_PER_CALL = 100
# What replaces an energy of exactly zero before the logarithm; float64's in both precisions, as psf does.
_LOG_FLOOR = np.finfo(np.float64).eps


def liftered_dct(settings: MfccSettings) -> NDArray[np.float64]:
    """Return the orthonormal DCT-II with the lifter folded in, shape ``(num_filters, num_cepstra)``, float64."""
    filters, cepstra = np.arange(settings.num_filters), np.arange(settings.num_cepstra)
    matrix = np.cos(np.pi * np.outer(2 * filters + 1, cepstra) / (2 * settings.num_filters))
    matrix *= np.sqrt(2.0 / settings.num_filters)
    matrix[:, 0] /= np.sqrt(2.0)
    if settings.lifter:
        matrix *= 1.0 + settings.lifter / 2.0 * np.sin(np.pi * cepstra / settings.lifter)
    return np.asarray(matrix)


class IncrementalMfcc:
    """MFCC rows of a stream of int16 samples, computed as they come.

    Row ``k`` describes the samples from ``k * hop`` on and leaves as soon as its window is complete: the
    latency is one window. Rows lie on one grid, so that any split of the stream gives the same rows.
    Memory is allocated once.
    """

    def __init__(self, settings: MfccSettings, dtype: type[np.float32] | type[np.float64] = np.float32) -> None:
        """Prepare the tables for ``settings``; ``dtype`` is the precision of all arithmetic and of the rows."""
        window, hop, rows = settings.window_samples, settings.hop_samples, _ROWS_PER_CALL
        num_bins = settings.fft_size // 2 + 1
        self.settings, self._dtype = settings, dtype
        self._filters, self._to_cepstra = _matrices(settings, dtype)
        self._window_function = np.hamming(window).astype(dtype) if settings.window_function == "hamming" else None
        span = window + (rows - 1) * hop
        self._samples = np.zeros(1 + span, dtype)  # the one before those that are taken, and these
        self._emphasised = np.zeros(span, dtype)
        self._windows = np.lib.stride_tricks.sliding_window_view(self._emphasised, window)[::hop]
        self._padded = np.zeros((rows, settings.fft_size), dtype)  # beyond the window it stays zero
        self._spectrum = np.zeros((rows, num_bins), np.complex64 if dtype is np.float32 else np.complex128)
        self._parts = self._spectrum.view(dtype)  # real and imaginary side by side
        self._power = np.zeros((rows, num_bins), dtype)
        self._mel = np.zeros((rows, self._filters.shape[1]), dtype)
        self.reset()

    def reset(self, previous_sample: int = 0) -> None:
        """Start a new grid here.

        Args:
            previous_sample: The sample before the first one to come, for the pre-emphasis: 0 at the start of
                a stream. With the true sample, rows equal those of a grid that began whole hops earlier.
        """
        self._samples[0] = previous_sample
        self._num_pending = 0  # emphasised samples that a later row still needs
        self._has_rows = False
        self._is_finished = False

    def push(self, samples: NDArray[np.int16]) -> Float:
        """Return the rows that ``samples`` complete, oldest first.

        Args:
            samples: Shape ``(num_samples,)``, int16; any length, also 0.

        Returns:
            Shape ``(num_rows, num_cepstra)`` in the precision chosen; ``num_rows`` may be 0.

        Raises:
            AudioFormatError: ``samples`` is not one-dimensional int16.
            StreamStateError: Called after :meth:`finish`.
        """
        if samples.ndim != 1 or samples.dtype != np.int16:
            raise AudioFormatError(f"expected int16 of shape (n,), got {samples.dtype} of shape {samples.shape}")
        if self._is_finished:
            raise StreamStateError("push after finish: call reset to start a new stream")
        window, hop = self.settings.window_samples, self.settings.hop_samples
        num_rows = max(0, (self._num_pending + samples.size - window) // hop + 1)
        rows = np.empty((num_rows, self.settings.num_cepstra), self._dtype)
        done = position = 0
        while position < samples.size:
            room = self._emphasised.size - self._num_pending
            taken = samples[position : position + room]
            self._append(taken)
            position += taken.size
            count = max(0, (self._num_pending - window) // hop + 1)
            if count:
                self._compute(count, rows[done : done + count])
                self._discard(count * hop)
                done += count
        self._has_rows |= num_rows > 0
        return rows

    def finish(self) -> Float:
        """Return the last row, padded with zeros, where samples are left that no row covers.

        Returns:
            Shape ``(0 or 1, num_cepstra)``; none for a stream without samples.

        Raises:
            StreamStateError: Called twice.
        """
        if self._is_finished:
            raise StreamStateError("finish was already called: call reset to start a new stream")
        self._is_finished = True
        # What pends after a row is the overlap of the next window: only samples beyond it are new.
        overlap = self.settings.window_samples - self.settings.hop_samples if self._has_rows else 0
        num_rows = int(self._num_pending > overlap)
        rows = np.empty((num_rows, self.settings.num_cepstra), self._dtype)
        if num_rows:
            self._emphasised[self._num_pending : self.settings.window_samples] = 0
            self._compute(1, rows)
        return rows

    def _append(self, samples: NDArray[np.int16]) -> None:
        size = samples.size
        taken = self._samples[1 : size + 1]
        taken[:] = samples
        target = self._emphasised[self._num_pending : self._num_pending + size]
        np.multiply(self._samples[:size], -self.settings.preemphasis, out=target)
        target += taken
        self._samples[0] = taken[-1]
        self._num_pending += size

    def _discard(self, count: int) -> None:
        left = self._num_pending - count
        self._emphasised[:left] = self._emphasised[count : self._num_pending]
        self._num_pending = left

    def _compute(self, count: int, out: Float) -> None:
        windows = self._windows[:count]
        if self._window_function is None:
            self._padded[:count, : self.settings.window_samples] = windows
        else:
            np.multiply(windows, self._window_function, out=self._padded[:count, : self.settings.window_samples])
        # Without a factor numpy computes float32 in double precision.
        np.fft.rfft(self._padded[:count], axis=1, norm="forward", out=self._spectrum[:count])
        parts = self._parts[:count]
        np.square(parts, out=parts)
        power = np.add(parts[:, ::2], parts[:, 1::2], out=self._power[:count])
        mel = np.matmul(power, self._filters, out=self._mel[:count])
        if not mel.all():
            mel[mel == 0] = _LOG_FLOOR
        np.log(mel, out=mel)
        np.matmul(mel, self._to_cepstra, out=out)


def _matrices(settings: MfccSettings, dtype: type[np.float32] | type[np.float64]) -> tuple[Float, Float]:
    """Return what makes mel powers of the squares of a spectrum, and cepstra of the logarithms of these.

    Squares are of real and imaginary parts side by side, and of a spectrum divided by its size. Where the energy takes
    the place of the first cepstrum it is one more column of the former.
    """
    filters = mel_filterbank(
        settings.num_filters, settings.fft_size, settings.low_hz, settings.high_hz, settings.sample_rate_hz
    )
    to_cepstra = liftered_dct(settings)
    if settings.append_energy:
        filters = np.vstack((filters, np.ones(filters.shape[1])))
        to_cepstra = np.vstack((to_cepstra, np.zeros(settings.num_cepstra)))
        to_cepstra[:, 0] = 0.0
        to_cepstra[-1, 0] = 1.0
    filters = filters.T * settings.fft_size
    return np.ascontiguousarray(filters, dtype), np.ascontiguousarray(to_cepstra, dtype)
