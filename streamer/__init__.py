"""emotion-streamer: live speech emotion from a microphone, a file or a pipe.

What a program needs to hear for itself: push 16 kHz samples into a :class:`Pipeline`, take events out. The
libraries at the borders (onnxruntime, webrtcvad, sounddevice, soundfile, soxr) are loaded when they are used.
"""

__version__ = "0.1.0"

from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.errors import StreamerError
from streamer.events import Gap, Partial, Utterance
from streamer.features.mfcc import IncrementalMfcc
from streamer.pipeline import Pipeline
from streamer.settings import MfccSettings, SpeechSettings
from streamer.speech.network import NetworkDetector
from streamer.speech.silero import SileroDetector

__all__ = [
    "BUNDLED_MODEL",
    "Gap",
    "IncrementalMfcc",
    "MfccSettings",
    "NetworkDetector",
    "OnnxClassifier",
    "Partial",
    "Pipeline",
    "SileroDetector",
    "SpeechSettings",
    "StreamerError",
    "Utterance",
]
