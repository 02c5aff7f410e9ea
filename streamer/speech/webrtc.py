"""Voice activity per frame by webrtcvad; its only user."""

from streamer.errors import ModelError
from streamer.settings import SAMPLE_RATE_HZ


class WebRtcVad:
    """The Gaussian-mixture detector of the WebRTC project: cheap, misses little, and takes much noise for speech.

    Its verdict lags an end of speech by about 100 ms.
    """

    def __init__(self, aggressiveness: int) -> None:
        """Listen in mode ``aggressiveness``: 0 lets most sound through, 3 the least."""
        self._aggressiveness = aggressiveness
        self.reset()

    def reset(self) -> None:
        """Forget the noise learnt so far.

        Raises:
            ModelError: webrtcvad can not be loaded.
        """
        try:
            # The compiled half of webrtcvad. What is around it asks for its own version, which loads 3 MiB of parsers
            # for e-mail and archives. Here, so that `import streamer` stays free of it.
            import _webrtcvad
        except (ImportError, OSError) as error:  # a library that is broken raises the latter
            raise ModelError(f"webrtcvad can not be loaded ({error}); install webrtcvad-wheels") from error

        # webrtcvad adapts and cannot be reset: a new stream needs a new detector.
        self._vad = _webrtcvad.create()
        _webrtcvad.init(self._vad)
        _webrtcvad.set_mode(self._vad, self._aggressiveness)
        self._process = _webrtcvad.process

    def is_speech(self, frame: bytes) -> bool:
        """Return whether ``frame``, the bytes of 10, 20 or 30 ms of int16, is speech."""
        return bool(self._process(self._vad, SAMPLE_RATE_HZ, frame, len(frame) // 2))
