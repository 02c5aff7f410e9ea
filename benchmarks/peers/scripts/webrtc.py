"""webrtcvad alone, mode 3, frames of 20 ms."""

import webrtcvad

from benchmarks.peers.scripts.feed import SAMPLE_RATE_HZ, blocks

vad = webrtcvad.Vad(3)
num_frames = num_speech = 0
for block in blocks(320):
    num_frames, num_speech = num_frames + 1, num_speech + vad.is_speech(block, SAMPLE_RATE_HZ)
print(num_frames, "frames,", num_speech, "of speech")
