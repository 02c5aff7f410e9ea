"""An experiment: everything that decides what training gives, except the data; one TOML file each.

``training/experiments/`` holds those that come with the project. All values are in the file; nothing has a
second default in the code.
"""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamer.settings import MfccSettings
from training.errors import ExperimentError
from training.tables import from_table

EXPERIMENTS = Path(__file__).parent / "experiments"
NETWORKS = ("streaming", "seed")
POOLINGS = ("mean", "mean_and_deviation", "maximum")


def _require(holds: bool, expectation: str, got: object) -> None:
    if not holds:
        raise ExperimentError(f"{expectation}, got {got!r}")


@dataclass(frozen=True)
class NetworkSettings:
    """Which network, and how large; the lists have one entry a convolution. ``seed`` is fixed and has no size."""

    kind: str
    """One of ``NETWORKS``."""
    channels: tuple[int, ...] = ()
    kernel_rows: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    pooling: str = "mean_and_deviation"
    """Of the last convolution over time, one of ``POOLINGS``: each can be kept running."""
    hidden_units: tuple[int, ...] = ()
    """One entry a dense layer between the pooling and the output."""
    dropout: float = 0.0
    """Behind the pooling and the dense layers; half of it behind each convolution."""

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        _require(self.kind in NETWORKS, f"network.kind must be one of {', '.join(NETWORKS)}", self.kind)
        _require(self.pooling in POOLINGS, f"network.pooling must be one of {', '.join(POOLINGS)}", self.pooling)
        _require(0.0 <= self.dropout < 1.0, "network.dropout must be from 0 to below 1", self.dropout)
        lists = (self.channels, self.kernel_rows, self.strides)
        if self.kind == "seed":
            is_plain = not any((*lists, self.hidden_units, self.dropout))
            _require(is_plain, "network: 'seed' is one network, exactly, and takes no settings", self)
            return
        same = len({len(values) for values in lists}) == 1 and bool(self.channels)
        _require(same, "network: channels, kernel_rows and strides must have one entry a convolution", lists)
        smallest = min(min(values) for values in (*lists, self.hidden_units or (1,)))
        _require(smallest >= 1, "network: sizes must be at least 1", smallest)


@dataclass(frozen=True)
class LearningSettings:
    """How the weights are found."""

    num_epochs: int
    batch_size: int
    min_batches: int
    """An epoch of a small corpus goes through it as often as it takes for so many batches."""
    learning_rate: float
    schedule: str
    """``constant``, or ``cosine``: two epochs of warming up, then down to a tenth."""
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
        _require(self.num_epochs >= 1, "learning.num_epochs must be at least 1", self.num_epochs)
        _require(self.batch_size >= 1, "learning.batch_size must be at least 1", self.batch_size)
        _require(self.learning_rate > 0, "learning.learning_rate must be above 0", self.learning_rate)
        known = self.schedule in ("constant", "cosine")
        _require(known, "learning.schedule must be constant or cosine", self.schedule)
        _require(0 <= self.averaging < 1, "learning.averaging must be from 0 to below 1", self.averaging)
        _require(0 <= self.label_smoothing < 1, "learning.label_smoothing must be from 0 to below 1", self)


@dataclass(frozen=True)
class Augmentation:
    """How far rows are changed, clip by clip and epoch by epoch."""

    gain_db: float
    """Standard deviation of the level."""
    tilt: float
    """Standard deviation of a constant offset a clip, in units of each coefficient's own deviation."""
    head_rows: int
    """At most so many rows of the pre-roll are left out."""
    shortest_part: float
    """The least part of a clip that is kept, ..."""
    fewest_rows: int
    """... but no fewer rows than these."""
    most_rows: int
    """Longer clips are cropped to this."""


@dataclass(frozen=True)
class Room:
    """How a clip is heard; the default is a quiet room."""

    snr_db: tuple[float, float] | None = None
    """Range that the ratio of speech to noise is drawn from; left out it is quiet."""
    speed_percent: int = 100
    """Played slower and lower, or faster and higher, as of another speaker."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a speed that is none."""
        _require(50 <= self.speed_percent <= 200, "rooms: speed_percent must be from 50 to 200", self.speed_percent)


QUIET = Room()


@dataclass(frozen=True)
class Experiment:
    """One settings file."""

    name: str
    seed: int
    """Makes weights, order and augmentation."""
    features: MfccSettings
    network: NetworkSettings
    learning: LearningSettings
    augmentation: Augmentation
    rooms: tuple[Room, ...]
    """How training clips are heard: each epoch draws one of these for each clip."""

    def __post_init__(self) -> None:
        """Refuse what can not be trained."""
        _require(bool(self.rooms), "rooms: at least one is needed", self.rooms)
        _require(self.seed >= 0, "seed must be at least 0", self.seed)
        if self.network.kind == "seed":
            num_cepstra = self.features.num_cepstra
            _require(num_cepstra == 40, "features.num_cepstra of the seed network must be 40", num_cepstra)

    def to_table(self) -> dict[str, Any]:
        """Return what the file would hold, ready for JSON."""
        return asdict(self)


def load_experiment(name_or_path: str) -> Experiment:
    """Return the experiment called so in ``training/experiments/``, or that of a TOML file.

    Raises:
        ExperimentError: There is none, or it does not hold an experiment.
    """
    is_path = "/" in name_or_path or "." in name_or_path
    path = Path(name_or_path) if is_path else EXPERIMENTS / f"{name_or_path}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        there = ", ".join(sorted(file.stem for file in EXPERIMENTS.glob("*.toml")))
        reason = f"{path}: can not be read ({error.strerror}); expected a TOML file, or one of {there}"
        raise ExperimentError(reason) from error
    except ValueError as error:
        raise ExperimentError(f"{path}: not TOML ({error})") from error
    return from_table(Experiment, table, path.name)
