"""Everything that decides what a training run gives, except the data."""

from dataclasses import dataclass, field

from streamer.settings import MfccSettings, SpeechSettings
from training.augment import Augmentation
from training.rooms import QUIET, Room

NOISE_SNR_DB = (10.0, 30.0)


@dataclass(frozen=True)
class LearningSettings:
    """How the weights are found."""

    num_epochs: int = 40
    batch_size: int = 64
    min_batches: int = 30
    """An epoch of a small corpus goes through it as often as it takes for so many batches."""
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    balance: float = 1.0
    """Power of the weights that balance corpora and labels; see :func:`training.batches.balanced_weights`."""
    averaging: float = 0.8
    """How much of the average of the weights an epoch keeps; 0 takes the last weights."""


@dataclass(frozen=True)
class NetworkSize:
    """One entry of each tuple a convolution."""

    channels: tuple[int, ...] = (96, 96, 128, 128)
    kernel_rows: tuple[int, ...] = (5, 5, 5, 5)
    strides: tuple[int, ...] = (2, 1, 2, 1)
    hidden_units: int = 64
    dropout: float = 0.15


TRAINING_ROOMS = (
    QUIET,
    Room(snr_db=NOISE_SNR_DB, seed=1),
    Room(speed_percent=92, seed=2),
    Room(speed_percent=108, seed=3),
    Room(snr_db=NOISE_SNR_DB, speed_percent=92, seed=4),
    Room(snr_db=NOISE_SNR_DB, speed_percent=108, seed=5),
)
"""How training clips are heard: each epoch draws one of these for each clip."""

NOISY_TEST_ROOM = Room(snr_db=NOISE_SNR_DB, seed=6)


@dataclass(frozen=True)
class Recipe:
    """The defaults were chosen on the validation speakers."""

    features: MfccSettings = field(
        default_factory=lambda: MfccSettings(num_cepstra=16, num_filters=40, low_hz=60, window_function="hamming")
    )
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    network: NetworkSize = field(default_factory=NetworkSize)
    augmentation: Augmentation = field(default_factory=Augmentation)
    learning: LearningSettings = field(default_factory=LearningSettings)
    rooms: tuple[Room, ...] = TRAINING_ROOMS
    seed: int = 0
    """Makes weights, order and augmentation."""
