"""The same MFCC rows by kaldi-native-fbank, in blocks of so many ms."""

import kaldi_native_fbank
import numpy as np

from benchmarks.peers.scripts import rows
from benchmarks.peers.scripts.feed import SAMPLE_RATE_HZ, arguments, blocks

options = kaldi_native_fbank.MfccOptions()
options.frame_opts.dither = 0
options.frame_opts.window_type = "hamming"
options.frame_opts.preemph_coeff = rows.PREEMPHASIS
options.frame_opts.remove_dc_offset = False
options.mel_opts.num_bins = rows.NUM_FILTERS
options.mel_opts.low_freq, options.mel_opts.high_freq = rows.LOW_HZ, rows.HIGH_HZ
options.num_ceps, options.cepstral_lifter, options.use_energy = rows.NUM_CEPSTRA, rows.LIFTER, False
mfcc, num_rows = kaldi_native_fbank.OnlineMfcc(options), 0
for block in blocks(16 * int(arguments()[0])):
    # A list of floats: an array it would take number by number, which costs half as much again.
    mfcc.accept_waveform(SAMPLE_RATE_HZ, np.frombuffer(block, np.int16).astype(np.float32).tolist())
    num_ready = mfcc.num_frames_ready
    for index in range(num_rows, num_ready):
        row = mfcc.get_frame(index)
    mfcc.pop(num_ready - num_rows)
    num_rows = num_ready
print(num_rows, "rows")
