"""The floor of features: the bare Fourier transforms of every window, in blocks of so many ms."""

import numpy as np

from benchmarks.peers.scripts.feed import arguments, blocks
from benchmarks.peers.scripts.rows import FFT_SIZE, HOP_SAMPLES, WINDOW_SAMPLES

block_samples = 16 * int(arguments()[0])
overlap, rows = WINDOW_SAMPLES - HOP_SAMPLES, block_samples // HOP_SAMPLES
samples = np.zeros(overlap + block_samples, np.float32)
windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES]
padded = np.zeros((rows, FFT_SIZE), np.float32)
spectrum = np.empty((rows, FFT_SIZE // 2 + 1), np.complex64)
num_rows = 0
for block in blocks(block_samples):
    samples[:overlap] = samples[block_samples:].copy()
    samples[overlap:] = np.frombuffer(block, np.int16)
    padded[:, :WINDOW_SAMPLES] = windows
    # Without a factor numpy would compute float32 in double precision.
    np.fft.rfft(padded, axis=1, norm="forward", out=spectrum)  # type: ignore[arg-type]  # numpy takes it
    num_rows += len(spectrum)
print(num_rows, "spectra")
