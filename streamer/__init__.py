"""emotion-streamer: live speech emotion from a microphone, a file or a pipe.

What a program needs to hear for itself: push 16 kHz samples into a :class:`Pipeline`, take events out. All of it is
loaded when it is used, as are the libraries at the borders (onnxruntime, webrtcvad, sounddevice, soundfile, soxr).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
    from streamer.errors import StreamerError
    from streamer.events import Gap, Partial, Utterance
    from streamer.features.mfcc import IncrementalMfcc
    from streamer.pipeline import Pipeline
    from streamer.settings import MfccSettings, SpeechSettings
    from streamer.speech.network import NetworkDetector
    from streamer.speech.silero import SileroDetector

__version__ = "0.1.0"

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

_HOMES = {
    "BUNDLED_MODEL": "emotion.classifier",
    "Gap": "events",
    "IncrementalMfcc": "features.mfcc",
    "MfccSettings": "settings",
    "NetworkDetector": "speech.network",
    "OnnxClassifier": "emotion.classifier",
    "Partial": "events",
    "Pipeline": "pipeline",
    "SileroDetector": "speech.silero",
    "SpeechSettings": "settings",
    "StreamerError": "errors",
    "Utterance": "events",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'streamer' has no attribute {name!r}")
    return getattr(import_module(f"streamer.{_HOMES[name]}"), name)
