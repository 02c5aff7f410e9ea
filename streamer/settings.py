"""Settings of every stage: frozen, checked when made, each field with its unit."""

import math
from dataclasses import dataclass

from streamer.errors import SettingsError

SAMPLE_RATE_HZ = 16_000
"""The rate of every stage behind the sources, in samples per second."""

VAD_FRAME_MS = (10, 20, 30)
PITCH_WINDOW_MS = 50
"""A deep voice has three periods in it; the windows of MFCCs are shorter."""

WINDOW_FUNCTIONS = ("rectangular", "hamming")


def ms_to_samples(duration_ms: int, sample_rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """Return how many samples ``duration_ms`` milliseconds are.

    Raises:
        SettingsError: The duration is not a whole number of samples.
    """
    samples, rest = divmod(duration_ms * sample_rate_hz, 1000)
    if rest:
        raise SettingsError(f"{duration_ms} ms is not a whole number of samples at {sample_rate_hz} Hz")
    return samples


def _require(holds: bool, expectation: str, got: object) -> None:
    if not holds:
        raise SettingsError(f"{expectation}, got {got!r}")


def _require_int(name: str, value: object, low: int, high: int) -> None:
    """Settings also come from model files, so that the type is not a given."""
    valid = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    _require(valid, f"{name} must be a whole number from {low} to {high}", value)


def _require_number(name: str, value: object, low: float, high: float) -> None:
    valid = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    _require(valid, f"{name} must be a number from {low:g} to {high:g}", value)


@dataclass(frozen=True)
class MfccSettings:
    """Mel-frequency cepstral coefficients as ``python_speech_features.mfcc`` defines them."""

    sample_rate_hz: int = SAMPLE_RATE_HZ
    """Samples per second of the signal."""

    window_ms: int = 25
    """Analysis window, 5 to 100 ms."""

    hop_ms: int = 10
    """Step from one window to the next, 1 to 100 ms."""

    fft_size: int = 512
    """Points of the Fourier transform; a power of two, at least one window."""

    num_filters: int = 26
    """Triangular mel filters, 1 to 128."""

    num_cepstra: int = 13
    """Coefficients kept, 1 to ``num_filters``."""

    low_hz: int = 0
    """Lower edge of the lowest mel filter."""

    high_hz: int = 8000
    """Upper edge of the highest mel filter, at most half the sample rate."""

    preemphasis: float = 0.97
    """Coefficient of the first-difference filter, 0 to below 1."""

    lifter: int = 22
    """Length of the sinusoidal lifter; 0 switches it off."""

    append_energy: bool = True
    """Whether coefficient 0 is the log of the window's energy instead of the zeroth cepstrum."""

    window_function: str = "rectangular"
    """One of ``WINDOW_FUNCTIONS``."""

    def __post_init__(self) -> None:
        _require_int("sample_rate_hz", self.sample_rate_hz, 8000, 48000)
        _require_int("window_ms", self.window_ms, 5, 100)
        _require_int("hop_ms", self.hop_ms, 1, 100)
        _require_int("fft_size", self.fft_size, 64, 8192)
        _require_int("num_filters", self.num_filters, 1, 128)
        _require_int("num_cepstra", self.num_cepstra, 1, self.num_filters)
        _require_int("high_hz", self.high_hz, 1, self.sample_rate_hz // 2)
        _require_int("low_hz", self.low_hz, 0, self.high_hz - 1)
        _require_int("lifter", self.lifter, 0, 1000)
        number = isinstance(self.preemphasis, int | float) and not isinstance(self.preemphasis, bool)
        _require(number and 0 <= self.preemphasis < 1, "preemphasis must be from 0 to below 1", self.preemphasis)
        _require(isinstance(self.append_energy, bool), "append_energy must be true or false", self.append_energy)
        known = self.window_function in WINDOW_FUNCTIONS
        _require(known, f"window_function must be one of {WINDOW_FUNCTIONS}", self.window_function)
        power_of_two = self.fft_size & (self.fft_size - 1) == 0
        fits = power_of_two and self.fft_size >= self.window_samples
        _require(fits, f"fft_size must be a power of two of at least {self.window_samples}", self.fft_size)
        _require(self.hop_samples <= self.window_samples, "hop_ms must not exceed window_ms", self.hop_ms)

    @property
    def window_samples(self) -> int:
        """Length of the analysis window in samples."""
        return ms_to_samples(self.window_ms, self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        """Step between windows in samples."""
        return ms_to_samples(self.hop_ms, self.sample_rate_hz)


@dataclass(frozen=True)
class FeatureSettings(MfccSettings):
    """The rows that a network hears: MFCCs, and pitch and voicing beside them where it wants them."""

    pitch: bool = False
    """Whether each row ends in the two columns of :mod:`streamer.features.pitch`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(isinstance(self.pitch, bool), "pitch must be true or false", self.pitch)
        if self.pitch:
            rate_hz, longest = self.sample_rate_hz, PITCH_WINDOW_MS
            _require(rate_hz == SAMPLE_RATE_HZ, f"with pitch, sample_rate_hz must be {SAMPLE_RATE_HZ}", rate_hz)
            _require(longest % self.hop_ms == 0, f"with pitch, hop_ms must divide {longest}", self.hop_ms)
            _require(self.window_ms <= longest, f"with pitch, window_ms must be at most {longest}", self.window_ms)

    @property
    def num_columns(self) -> int:
        """How many numbers a row has."""
        return self.num_cepstra + 2 * self.pitch


@dataclass(frozen=True)
class SpeechSettings:
    """Where speech starts and ends; every duration is a whole number of VAD frames."""

    frame_ms: int = 20
    """Length of one VAD frame; 10, 20 or 30, as the detector wants it."""

    onset_probability: float = 0.7
    """A frame counts for an onset from this probability of speech on."""

    speech_probability: float = 0.6
    """An utterance goes on as long as frames reach this, at most ``onset_probability``."""

    onset_speech_frames: int = 10
    """N: an onset needs this many speech frames ..."""

    onset_window_frames: int = 25
    """M: ... within this many successive frames."""

    pre_roll_ms: int = 300
    """Audio from before the onset that the features also see, at least 300."""

    hangover_ms: int = 240
    """Silence that ends an utterance of somebody who speaks fluently."""

    shortest_hangover_ms: int = 180
    """Silence that ends a long turn, at most ``hangover_ms``."""

    longest_hangover_ms: int = 480
    """Silence that ends an utterance with pauses in it, however long they were; at least ``hangover_ms``."""

    long_turn_ms: int = 8000
    """An utterance from this length on is a long turn."""

    min_utterance_ms: int = 200
    """Shorter speech is dropped, at most 500, which is where partial results begin."""

    max_utterance_ms: int = 15_000
    """Longer speech is cut at its quietest pause."""

    def __post_init__(self) -> None:
        known = isinstance(self.frame_ms, int) and self.frame_ms in VAD_FRAME_MS
        _require(known, f"frame_ms must be one of {VAD_FRAME_MS}", self.frame_ms)
        _require_number("onset_probability", self.onset_probability, 0.01, 0.99)
        _require_number("speech_probability", self.speech_probability, 0.01, self.onset_probability)
        _require_int("onset_window_frames", self.onset_window_frames, 1, 100)
        _require_int("onset_speech_frames", self.onset_speech_frames, 1, self.onset_window_frames)
        _require_int("pre_roll_ms", self.pre_roll_ms, 300, 5000)
        _require_int("longest_hangover_ms", self.longest_hangover_ms, self.frame_ms, 5000)
        _require_int("hangover_ms", self.hangover_ms, self.frame_ms, self.longest_hangover_ms)
        _require_int("shortest_hangover_ms", self.shortest_hangover_ms, self.frame_ms, self.hangover_ms)
        _require_int("min_utterance_ms", self.min_utterance_ms, 100, 500)
        # The cut at the maximum looks for a pause in the second half: what it leaves must not be too short.
        onset_ms = self.onset_window_frames * self.frame_ms
        shortest_maximum_ms = 2 * (self.min_utterance_ms + self.longest_hangover_ms + onset_ms)
        shortest_maximum_ms = max(shortest_maximum_ms, onset_ms + BACK_DATING_MS)
        _require_int("max_utterance_ms", self.max_utterance_ms, shortest_maximum_ms, 60_000)
        _require_int("long_turn_ms", self.long_turn_ms, self.frame_ms, 60_000)
        hangovers = ("hangover_ms", "shortest_hangover_ms", "longest_hangover_ms")
        for name in ("pre_roll_ms", *hangovers, "min_utterance_ms", "max_utterance_ms"):
            duration_ms = getattr(self, name)
            whole = duration_ms % self.frame_ms == 0
            _require(whole, f"{name} must be a multiple of frame_ms ({self.frame_ms})", duration_ms)

    @property
    def frame_samples(self) -> int:
        """Length of one VAD frame in samples."""
        return ms_to_samples(self.frame_ms)

    def frames(self, duration_ms: int) -> int:
        """Return how many VAD frames cover ``duration_ms``, rounded up."""
        return math.ceil(duration_ms / self.frame_ms)


BACK_DATING_MS = 300
"""How far an onset may lie before the frames that prove it, where all between may be speech."""

PARTIAL_FIRST_MS = 500
"""Speech heard before the first partial result."""

PARTIAL_STEP_MS = 250
"""Speech heard from one partial result to the next."""
