"""The low-level descriptors of openSMILE's eGeMAPSv02, each second once: the package has no stream."""

import numpy as np
import opensmile

from benchmarks.peers.scripts.feed import SAMPLE_RATE_HZ, blocks

smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
num_rows = 0
for block in blocks(SAMPLE_RATE_HZ):
    samples = np.frombuffer(block, np.int16).astype(np.float32) / 32768
    num_rows += len(smile.process_signal(samples, SAMPLE_RATE_HZ))
print(num_rows, "rows")
