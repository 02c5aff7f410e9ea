"""Silero VAD, whose file is the argument, in onnxruntime: one thread without spinning, fed as its package does."""

import numpy as np
import onnxruntime

from benchmarks.peers.scripts.feed import SAMPLE_RATE_HZ, arguments, blocks

WINDOW_SAMPLES, CONTEXT_SAMPLES = 512, 64

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(arguments()[0], options, providers=["CPUExecutionProvider"])
rate_hz = np.array(SAMPLE_RATE_HZ, np.int64)
state = np.zeros((2, 1, 128), np.float32)
samples = np.zeros((1, CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
num_windows = num_speech = 0
for block in blocks(WINDOW_SAMPLES):
    samples[0, :CONTEXT_SAMPLES] = samples[0, -CONTEXT_SAMPLES:]
    samples[0, CONTEXT_SAMPLES:] = np.frombuffer(block, np.int16) / np.float32(32768)
    probability, state = session.run(None, {"input": samples, "state": state, "sr": rate_hz})
    num_windows, num_speech = num_windows + 1, num_speech + int(probability[0, 0] >= 0.5)
print(num_windows, "windows,", num_speech, "of speech")
