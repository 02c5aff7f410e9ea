"""An experiment: everything that decides what training gives, except the data; one TOML file each.

``training/experiments/`` holds those that come with the project. All values are in the file; nothing has a
second default in the code.
"""

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from streamer.settings import FeatureSettings
from training.errors import ExperimentError
from training.tables import from_table

EXPERIMENTS = Path(__file__).parent / "experiments"
NETWORKS = ("streaming", "seed")
_HIGHEST_SEED = 2**32 - 1  # of Keras


def _require(holds: bool, expectation: str, got: object) -> None:
    if not holds:
        raise ExperimentError(f"{expectation}, got {got!r}")


def _require_within(name: str, value: float, low: float, high: float) -> None:
    """Refuse also what is not a number, which no comparison holds for."""
    _require(low <= value <= high, f"{name} must be from {low} to {high}", value)


@dataclass(frozen=True)
class NetworkSettings:
    """Which network, and how large; ``seed`` is fixed and takes no settings."""

    kind: str
    """One of ``NETWORKS``."""
    hidden_units: tuple[int, ...] = ()
    """One entry a dense layer between what is heard and the output."""
    dropout: float = 0.0
    """Behind the dense layers."""
    stranger_dropout: float = 0.0
    """Of what is heard, where it is judged as a stranger's."""
    voice_dropout: float = 0.0
    """Of what is heard relative to what is remembered of the voice."""
    absolute_dropout: float = 0.0
    """Of what is heard beside that: high, or the training speakers' own sound is learnt by heart."""
    voiceprint_size: int = 0
    """Numbers that tell voices apart."""

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        _require(self.kind in NETWORKS, f"network.kind must be one of {', '.join(NETWORKS)}", self.kind)
        for name in ("dropout", "stranger_dropout", "voice_dropout", "absolute_dropout"):
            value = getattr(self, name)
            _require(0.0 <= value < 1.0, f"network.{name} must be from 0 to below 1", value)
        if self.kind == "seed":
            is_plain = all(getattr(self, field.name) == field.default for field in fields(self) if field.name != "kind")
            _require(is_plain, "network: 'seed' is one network, exactly, and takes no settings", self)
            return
        _require_within("network.voiceprint_size", self.voiceprint_size, 1, 100)
        for size in self.hidden_units:
            _require_within("network.hidden_units", size, 1, 10_000)


@dataclass(frozen=True)
class SessionSettings:
    """How what the daemon hears one after the other is simulated: sessions of a speaker, in one recording each."""

    clips_per_session: int
    """Before each of which the speaker's earlier clips of the session are known, since it began or he was forgotten."""
    num_parts: int
    """Of the speakers: about each a network is asked that learnt from the others."""
    one_emotion: float
    """Part of the stretches in which the speaker shows one emotion only."""
    enrolled: float
    """Part of the stretches that begin with clips known to be neutral."""
    cropped: float
    """Part of the clips of which only a part is heard, ..."""
    fewest_rows: int
    """... and no fewer rows than these."""
    offset: float
    """Standard deviation of what is added to all that is heard in a session, in units of its own deviation."""
    noise: float
    """Part of what is heard that is no speech, ..."""
    num_noises: int
    """... drawn from so many."""
    memory_temperature: float
    """Divides the logits by which what is remembered is freed of the emotion in it."""

    def __post_init__(self) -> None:
        """Refuse values that are none."""
        _require_within("sessions.clips_per_session", self.clips_per_session, 1, 1000)
        _require_within("sessions.num_parts", self.num_parts, 2, 100)
        _require_within("sessions.num_noises", self.num_noises, 0, 100_000)
        for name in ("one_emotion", "enrolled", "cropped", "noise"):
            _require_within(f"sessions.{name}", getattr(self, name), 0.0, 1.0)
        _require_within("sessions.offset", self.offset, 0.0, 10.0)
        _require_within("sessions.fewest_rows", self.fewest_rows, 1, 1_000_000)
        _require_within("sessions.memory_temperature", self.memory_temperature, 0.1, 100.0)


@dataclass(frozen=True)
class LearningSettings:
    """How the weights are found."""

    num_epochs: int
    batch_size: int
    min_batches: int
    """An epoch of a small corpus goes through it as often as it takes for so many batches."""
    learning_rate: float
    schedule: str
    """``constant``, or ``cosine``: two epochs of warming up, then down to a fiftieth."""
    weight_decay: float
    """Of AdamW; 0 is Adam."""
    label_smoothing: float
    balance: float
    """Power of the weights that balance corpora and labels; see :func:`training.batches.balanced_weights`."""
    averaging: float
    """How much of the average of the weights an epoch keeps; 0 takes the last weights."""
    normalise: bool
    """Whether rows lose the training clips' mean and deviation of each coefficient."""
    select_on_test_too: bool
    """Whether ``evaluate`` also tells what choosing the epoch on the test clips would have given, as the ancestor
    did: flattering, and never used for anything else."""

    def __post_init__(self) -> None:
        """Refuse values that are none."""
        _require_within("learning.num_epochs", self.num_epochs, 1, 10_000)
        _require_within("learning.batch_size", self.batch_size, 1, 10_000)
        _require_within("learning.min_batches", self.min_batches, 1, 10_000)
        _require_within("learning.learning_rate", self.learning_rate, 1e-9, 1.0)
        known = self.schedule in ("constant", "cosine")
        _require(known, "learning.schedule must be constant or cosine", self.schedule)
        _require_within("learning.weight_decay", self.weight_decay, 0.0, 1.0)
        _require_within("learning.label_smoothing", self.label_smoothing, 0.0, 0.9)
        _require_within("learning.balance", self.balance, 0.0, 2.0)
        _require_within("learning.averaging", self.averaging, 0.0, 0.999)


@dataclass(frozen=True)
class Room:
    """How a clip is heard; the default is a quiet room."""

    snr_db: tuple[float, float] | None = None
    """Range that the ratio of speech to noise is drawn from; left out it is quiet."""
    speed_percent: int = 100
    """Played slower and lower, or faster and higher, as of another speaker."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that are none."""
        _require_within("rooms: speed_percent", self.speed_percent, 50, 200)
        _require_within("rooms: seed", self.seed, 0, _HIGHEST_SEED)
        for bound in self.snr_db or ():
            _require_within("rooms: snr_db", bound, -40.0, 100.0)
        _require(not self.snr_db or self.snr_db[0] <= self.snr_db[1], "rooms: snr_db must rise", self.snr_db)


QUIET = Room()


@dataclass(frozen=True)
class Recording:
    """Clips as another person might have recorded another person elsewhere: see :mod:`training.recordings`."""

    number: int
    """Makes the recording of each speaker; another number makes another one."""


Hearing = Room | Recording
"""How clips are heard."""


@dataclass(frozen=True)
class Experiment:
    """One settings file."""

    name: str
    seed: int
    """Makes weights, order and augmentation."""
    features: FeatureSettings
    network: NetworkSettings
    learning: LearningSettings
    num_recordings: int = 0
    """In how many simulated recordings each training speaker is heard, beside the quiet room."""
    sessions: SessionSettings | None = None
    """For the network that adapts."""

    def __post_init__(self) -> None:
        """Refuse what can not be trained."""
        _require_within("num_recordings", self.num_recordings, 0, 100)
        _require_within("seed", self.seed, 0, _HIGHEST_SEED)
        plain = self.name.isprintable() and self.name == self.name.strip() and 1 <= len(self.name) <= 60
        _require(plain, "name must be 1 to 60 printable characters without spaces at its ends", self.name)
        if self.network.kind == "seed":
            num_columns = self.features.num_columns
            _require(num_columns == 40, "features.num_columns of the seed network must be 40", num_columns)
            _require(self.sessions is None, "sessions: the seed network knows none", self.sessions)
        else:
            _require(self.features.pitch, "features.pitch of the streaming network must be true", self.features.pitch)
            _require(self.sessions is not None, "sessions: the streaming network needs them", self.sessions)

    @property
    def hearings(self) -> tuple[Hearing, ...]:
        """How training clips are heard."""
        return QUIET, *(Recording(number) for number in range(1, self.num_recordings + 1))

    def to_table(self) -> dict[str, Any]:
        """Return what the file would hold, ready for JSON."""
        return asdict(self)


def is_path(name_or_path: str) -> bool:
    """Return whether it leads to a file, and is no name in ``training/experiments/``."""
    return "/" in name_or_path or "." in name_or_path


def load_experiment(name_or_path: str) -> Experiment:
    """Return the experiment called so in ``training/experiments/``, or that of a TOML file.

    Raises:
        ExperimentError: There is none, or it does not hold an experiment.
    """
    path = Path(name_or_path) if is_path(name_or_path) else EXPERIMENTS / f"{name_or_path}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        there = ", ".join(sorted(file.stem for file in EXPERIMENTS.glob("*.toml")))
        reason = f"{path}: can not be read ({error.strerror}); expected a TOML file, or one of {there}"
        raise ExperimentError(reason) from error
    except ValueError as error:
        raise ExperimentError(f"{path}: not TOML ({error})") from error
    return from_table(Experiment, table, path.name)
