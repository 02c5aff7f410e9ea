"""The MFCC rows of this project, in blocks of so many ms."""

import numpy as np

from benchmarks.peers.scripts import rows
from benchmarks.peers.scripts.feed import arguments, blocks
from streamer.features.mfcc import IncrementalMfcc
from streamer.settings import MfccSettings

SETTINGS = MfccSettings(
    window_ms=25,
    hop_ms=10,
    fft_size=rows.FFT_SIZE,
    num_filters=rows.NUM_FILTERS,
    num_cepstra=rows.NUM_CEPSTRA,
    low_hz=rows.LOW_HZ,
    high_hz=rows.HIGH_HZ,
    preemphasis=rows.PREEMPHASIS,
    lifter=rows.LIFTER,
    append_energy=False,
    window_function="hamming",
)

if __name__ == "__main__":
    mfcc, num_rows = IncrementalMfcc(SETTINGS), 0
    for block in blocks(16 * int(arguments()[0])):
        num_rows += len(mfcc.push(np.frombuffer(block, np.int16)))
    print(num_rows, "rows")
