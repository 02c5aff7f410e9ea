"""The floor: a process with numpy that copies a block fifty times a second."""

import numpy as np

from benchmarks.peers.scripts.feed import blocks

heard, num_blocks = np.empty(320, np.int16), 0
for block in blocks(heard.size):
    heard[:] = np.frombuffer(block, np.int16)
    num_blocks += 1
print(num_blocks, "blocks")
