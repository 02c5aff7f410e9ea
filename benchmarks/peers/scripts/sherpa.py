"""Silero VAD, whose file is the argument, as sherpa-onnx runs it and cuts by it; one thread."""

import numpy as np
import sherpa_onnx

from benchmarks.peers.scripts.feed import arguments, blocks

WINDOW_SAMPLES = 512

silero = sherpa_onnx.SileroVadModelConfig(arguments()[0])
vad = sherpa_onnx.VoiceActivityDetector(sherpa_onnx.VadModelConfig(silero, num_threads=1), 30)
num_windows = num_speech = num_segments = 0
for block in blocks(WINDOW_SAMPLES):
    # A list, as in mfcc_kaldi.
    vad.accept_waveform((np.frombuffer(block, np.int16) / np.float32(32768)).tolist())
    num_windows, num_speech = num_windows + 1, num_speech + vad.is_speech_detected()
    while not vad.empty():
        vad.pop()
        num_segments += 1
print(num_windows, "windows,", num_speech, "of speech in", num_segments, "segments")
