"""emotion-streamer: live speech emotion from a microphone, a file or a pipe."""

__version__ = "0.1.0"
