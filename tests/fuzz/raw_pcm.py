"""Raw PCM: any split gives the same samples, from a descriptor too, and what is broken is told behind what is not.

The first bytes say how the others are framed: format, channels, which of them, rate, and where to split.
"""

import random
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np
from fakes import LoudnessDetector
from numpy.typing import NDArray
from signals import noise, tone

from fuzz.outcome import result_or_one_line
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.errors import StreamBrokenError
from streamer.pipeline import Pipeline
from streamer.settings import SpeechSettings
from streamer.sources.conditioner import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, MIX, ChannelChoice, Conditioner
from streamer.sources.pcm import PCM_BYTES, PcmFormat, num_finite_frames
from streamer.sources.pipe import PipeSource

_RATES_HZ = (16_000, 8000, 44_100, 48_000, LOWEST_RATE_HZ, HIGHEST_RATE_HZ)
_HEADER_BYTES = 5
_MOST_BYTES, _MOST_SAMPLES = 12_000, 24_000
_CLASSIFIER = OnnxClassifier(BUNDLED_MODEL)

Samples = NDArray[np.int16]


def check(data: bytes) -> None:
    """Hear ``data`` whole, in pieces, and from a descriptor."""
    if len(data) < _HEADER_BYTES:
        return
    kind, channels, channel, rate, seed = data[:_HEADER_BYTES]
    content = data[_HEADER_BYTES:_MOST_BYTES]
    pcm = PcmFormat(list(PCM_BYTES)[kind % len(PCM_BYTES)], channels % 8 + 1)
    rate_hz = _RATES_HZ[rate % len(_RATES_HZ)]
    choice: ChannelChoice = channel % 10 or MIX  # also more than there are
    with result_or_one_line():
        piped, is_broken = _piped(content, rate_hz, pcm, choice)
        num_frames = len(content) // pcm.frame_bytes
        frames = pcm.decode(content[: num_frames * pcm.frame_bytes])
        assert frames.shape == (num_frames, pcm.num_channels)
        good = frames[: num_finite_frames(frames)]
        assert np.isfinite(good).all()
        assert is_broken == (len(content) % pcm.frame_bytes > 0 or len(good) < num_frames)
        heard = _conditioned([good], rate_hz, pcm, choice)
        np.testing.assert_array_equal(_conditioned(_pieces(good, seed), rate_hz, pcm, choice), heard)
        np.testing.assert_array_equal(piped, heard)
        _check_events(heard[:_MOST_SAMPLES], seed)


def seeds() -> list[bytes]:
    """Return each format, in several framings."""
    loud = np.concatenate([tone(3000, peak=20_000), noise(2000, level=50)]).tobytes()
    framed = [bytes([kind, channels, 0, rate, 7]) + loud for kind in range(4) for channels, rate in ((0, 0), (1, 2))]
    return [*framed, bytes([0, 0, 0, 4, 7]) + loud]  # 1000 Hz makes seconds of it


def _pieces(frames: NDArray[Any], seed: int) -> list[NDArray[Any]]:
    dice = random.Random(seed)
    return np.split(frames, sorted(dice.randrange(len(frames) + 1) for _ in range(dice.randrange(12))))


def _conditioned(pieces: Iterable[NDArray[Any]], rate_hz: int, pcm: PcmFormat, choice: ChannelChoice) -> Samples:
    conditioner = Conditioner(rate_hz, pcm.num_channels, choice)
    return np.concatenate([*map(conditioner.push, pieces), conditioner.finish()])


def _piped(content: bytes, rate_hz: int, pcm: PcmFormat, choice: ChannelChoice) -> tuple[Samples, bool]:
    """Return what is heard of ``content`` from a descriptor, and whether it is said to be broken behind that."""
    heard, is_broken = [np.empty(0, np.int16)], False
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        with PipeSource(file.fileno(), pcm, rate_hz, choice) as source:
            blocks = source.blocks()
            try:
                while (block := next(blocks, None)) is not None:
                    heard.append(block.samples)
            except StreamBrokenError:
                is_broken = True
    return np.concatenate(heard), is_broken


def _check_events(samples: Samples, seed: int) -> None:
    """Assert that events hold numbers and do not follow from how the samples come."""

    def events(pieces: Iterable[Samples]) -> list[Any]:
        pipeline = Pipeline(SpeechSettings(), LoudnessDetector(), _CLASSIFIER.twin())
        return [event for piece in pieces for event in pipeline.push(piece)] + pipeline.finish()

    at_once, in_pieces = events([samples]), events(_pieces(samples, seed))
    assert [event.end_sample for event in at_once] == [event.end_sample for event in in_pieces]
    for one, other in zip(at_once, in_pieces, strict=True):
        probabilities = np.array(list(one.probs.values()))
        assert np.isfinite(probabilities).all()
        assert abs(probabilities.sum() - 1.0) < 1e-6
        np.testing.assert_allclose(list(other.probs.values()), probabilities, atol=1e-3)
