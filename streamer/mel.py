"""The mel scale, on which hearing divides the spectrum."""

import numpy as np
from numpy.typing import NDArray


def mel_filterbank(
    num_filters: int, fft_size: int, low_hz: int, high_hz: int, sample_rate_hz: int
) -> NDArray[np.float64]:
    """Return triangular filters on the mel scale, shape ``(num_filters, fft_size // 2 + 1)``, float64, peak 1.

    Their edges lie on bins of the Fourier transform, as python_speech_features 0.6 has them.
    """

    def mel(hz: float) -> float:
        return float(2595.0 * np.log10(1.0 + hz / 700.0))

    edges_mel = np.linspace(mel(low_hz), mel(high_hz), num_filters + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    edges = np.floor((fft_size + 1) * edges_hz / sample_rate_hz).astype(int)
    filters = np.zeros((num_filters, fft_size // 2 + 1))
    for row, (low, centre, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        rising, falling = np.arange(low, centre), np.arange(centre, high)
        filters[row, rising] = (rising - low) / max(1, centre - low)
        filters[row, falling] = (high - falling) / max(1, high - centre)
    return filters
