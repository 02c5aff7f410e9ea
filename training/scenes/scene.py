"""A scene: one person speaks now and then, in a room, over a noise; where they speak is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streamer.settings import SAMPLE_RATE_HZ
from training.corpora.base import Clip
from training.folds import speaker_of
from training.rooms import read_samples
from training.scenes.acoustics import FRAME_SAMPLES, Acoustics, active_level_db, reverberate
from training.scenes.labels import runs, speech_frames
from training.scenes.noises import BABBLE, NOISES

Signal = NDArray[np.float64]

SPEECH_DBFS = -26.0
"""How loud people speak while they speak."""
FLOOR_DBFS = -78.0
"""The noise of a quiet room, which is always there."""
SPEECH_SHARE = 0.45
"""Of the time; without it 0."""
_PAUSE_S = (0.5, 5.0)
_SPREAD_DB = 3.0
_NUM_BABBLERS = 6
_SWITCHED_S = (1.5, 8.0)
_RAMP_S = (0.005, 0.3)


@dataclass(frozen=True)
class Cell:
    """The conditions of a scene."""

    noise: str
    """One of ``NOISES`` or ``BABBLE``; at None dB only the quiet room is heard."""
    snr_db: float | None
    room: Acoustics
    has_speech: bool = True
    is_switched: bool = False
    """Whether the noise goes on and off, as a fan or a kettle does, instead of being there from the start."""


@dataclass(frozen=True)
class Scene:
    """What the microphone hears, and what is true."""

    samples: NDArray[np.int16]
    is_speech: NDArray[np.bool_]
    """Of each 10 ms."""
    utterances: tuple[tuple[int, int], ...]
    """From the first to behind the last speech frame of each clip."""


class Cast:
    """The people who may be heard, by what they said."""

    def __init__(self, clips: Sequence[Clip], talking: Sequence[str]) -> None:
        """Let those of the corpora ``talking`` talk; anyone may babble."""
        self._by_speaker: dict[tuple[str, str], list[Clip]] = {}
        for clip in clips:
            self._by_speaker.setdefault(speaker_of(clip), []).append(clip)
        self._talkers = [speaker for speaker in sorted(self._by_speaker) if speaker[0] in talking]

    def talker(self, number: int) -> list[Clip]:
        """Return the clips of the talker whose turn it is."""
        return self._by_speaker[self._talkers[number % len(self._talkers)]]

    def others(self, talker: Sequence[Clip]) -> list[Clip]:
        """Return what everybody else said."""
        speaker = speaker_of(talker[0])
        return [clip for other, clips in self._by_speaker.items() if other != speaker for clip in clips]


def make_scene(cell: Cell, cast: Cast, duration_s: float, seed: Sequence[int]) -> Scene:
    """Return a scene of ``duration_s`` seconds; it follows from ``seed``, whose last number chooses the talker."""
    random = np.random.default_rng(list(seed))
    size = round(duration_s * 100) * FRAME_SAMPLES
    talker = cast.talker(seed[-1])
    speech, is_speech, utterances = _speech(talker, size, random) if cell.has_speech else _nobody(size)
    heard = reverberate(speech, cell.room, random) if cell.has_speech else speech
    heard = heard + _at(FLOOR_DBFS, random.standard_normal(size))
    if cell.snr_db is not None:
        noise = _babble(cast.others(talker), size, random) if cell.noise == BABBLE else NOISES[cell.noise](size, random)
        noise = _at(SPEECH_DBFS - cell.snr_db, reverberate(noise, cell.room, random))
        heard = heard + (noise * _switching(size, random) if cell.is_switched else noise)
    samples = np.clip(np.rint(32768.0 * heard), -32768, 32767).astype(np.int16)
    return Scene(samples, is_speech, utterances)


def _nobody(size: int) -> tuple[Signal, NDArray[np.bool_], tuple[tuple[int, int], ...]]:
    return np.zeros(size), np.zeros(size // FRAME_SAMPLES, np.bool_), ()


def _speech(
    clips: Sequence[Clip], size: int, random: np.random.Generator
) -> tuple[Signal, NDArray[np.bool_], tuple[tuple[int, int], ...]]:
    """Return clips with pauses between them, so that they speak for ``SPEECH_SHARE`` of the time."""
    num_frames = size // FRAME_SAMPLES
    chosen: list[tuple[Signal, NDArray[np.bool_]]] = []
    spoken = 0
    while True:
        samples, flags = _trimmed(clips[int(random.integers(len(clips)))])
        if spoken + flags.sum() / 2 > SPEECH_SHARE * num_frames:
            break
        if flags.any():
            chosen.append((samples, flags))
            spoken += int(flags.sum())
    pauses = _pauses(len(chosen), num_frames - sum(flags.size for _, flags in chosen), random)
    speech, is_speech = np.zeros(size), np.zeros(num_frames, np.bool_)
    utterances, position = [], 0
    for (samples, flags), pause in zip(chosen, pauses, strict=True):
        position += pause
        level = SPEECH_DBFS + random.normal(0.0, _SPREAD_DB)
        part = samples[: max(0, num_frames - position) * FRAME_SAMPLES]
        whole = part.size // FRAME_SAMPLES
        if whole < flags.size:
            break  # the rest would not fit: a clip cut in the middle has no end to be found
        speech[position * FRAME_SAMPLES : position * FRAME_SAMPLES + part.size] = _at(level, part)
        is_speech[position : position + whole] = flags
        utterances.append((position, position + whole))
        position += whole
    return speech, is_speech, tuple(utterances)


def _pauses(count: int, frames_left: int, random: np.random.Generator) -> list[int]:
    """Return ``count`` pauses from 0.5 to 5 s that together last ``frames_left``, as far as these bounds let them."""
    low, high = (int(100 * bound_s) for bound_s in _PAUSE_S)
    wish = random.uniform(0.0, 1.0, count)
    exponents = np.geomspace(0.05, 20.0, 200)
    sums = [float(np.sum(low + (high - low) * wish**exponent)) for exponent in exponents]
    exponent = exponents[int(np.argmin(np.abs(np.array(sums) - 0.97 * frames_left)))]
    return [int(pause) for pause in low + (high - low) * wish**exponent]


@lru_cache(maxsize=4096)
def _trimmed(clip: Clip) -> tuple[Signal, NDArray[np.bool_]]:
    """Return the clip from its first to its last speech frame, and which frames in it are speech."""
    samples = read_samples(clip.path)
    flags = speech_frames(samples)
    spoken = runs(flags)
    if not spoken:
        return np.zeros(0), np.zeros(0, np.bool_)
    first, end = spoken[0][0], spoken[-1][1]
    return _faded(samples[first * FRAME_SAMPLES : end * FRAME_SAMPLES]), flags[first:end]


def _faded(samples: Signal) -> Signal:
    """Return ``samples`` without a click at either end."""
    edge = np.minimum(1.0, np.arange(samples.size) / (0.003 * SAMPLE_RATE_HZ))
    return np.asarray(samples * edge * edge[::-1])


def _babble(clips: Sequence[Clip], size: int, random: np.random.Generator) -> Signal:
    """Return several voices at once, each of which goes on and on."""
    babble = np.zeros(size)
    for _ in range(_NUM_BABBLERS):
        position = -int(random.integers(0, SAMPLE_RATE_HZ))
        while position < size:
            samples, _ = _trimmed(clips[int(random.integers(len(clips)))])
            if not samples.size:
                continue
            part = _at(SPEECH_DBFS, samples)[max(0, -position) :][: size - max(0, position)]
            babble[max(0, position) : max(0, position) + part.size] += part
            position += samples.size + int(random.integers(0, SAMPLE_RATE_HZ // 5))
    return babble


def _switching(size: int, random: np.random.Generator) -> Signal:
    """Return a gain that is 0 and 1 in turn, for some seconds each; either may come first."""
    gain, position, is_on = np.zeros(size), 0, bool(random.integers(2))
    while position < size:
        end = position + int(random.uniform(*_SWITCHED_S) * SAMPLE_RATE_HZ)
        if is_on:
            part = gain[position:end]
            ramp_samples = random.uniform(*_RAMP_S) * SAMPLE_RATE_HZ
            rise = np.minimum(1.0, np.arange(1, part.size + 1) / ramp_samples)
            gain[position:end] = rise * rise[::-1]
        position, is_on = end, not is_on
    return gain


def _at(level_dbfs: float, signal: Signal) -> Signal:
    return np.asarray(signal * 10.0 ** ((level_dbfs - active_level_db(signal)) / 20.0))
