"""How the detector of speech is made: ``detector.toml``."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.errors import ExperimentError
from training.tables import from_table

SETTINGS_FILE = Path(__file__).parent / "detector.toml"


@dataclass(frozen=True)
class DetectorSettings:
    """Everything that decides what training gives, except the data."""

    seed: int
    """Makes scenes, weights and order."""
    num_scenes: int
    """To learn from."""
    scene_s: int
    """Length of each."""
    channels: tuple[int, ...]
    """One entry a convolution, as in the next two."""
    kernel_rows: tuple[int, ...]
    dilations: tuple[int, ...]
    num_epochs: int
    batch_size: int
    learning_rate: float
    """At the start; it goes down to 0 as a cosine."""

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        lists = (self.channels, self.kernel_rows, self.dilations)
        if len({len(values) for values in lists}) != 1 or not self.channels:
            raise ExperimentError(f"channels, kernel_rows and dilations must have one entry a convolution, got {lists}")
        sizes = (self.num_scenes, self.scene_s, self.num_epochs, self.batch_size, *(size for x in lists for size in x))
        if min(self.kernel_rows) < 2:
            raise ExperimentError(f"kernel_rows must be at least 2, got {self.kernel_rows}")
        if min(sizes) < 1 or not 0.0 < self.learning_rate <= 1.0 or not 0 <= self.seed < 2**32:
            raise ExperimentError(f"sizes must be at least 1, learning_rate from 0 to 1, seed from 0, got {self}")

    def to_table(self) -> dict[str, Any]:
        """Return what the file would hold, ready for JSON."""
        return asdict(self)


def load_settings(path: Path = SETTINGS_FILE) -> DetectorSettings:
    """Return the settings in the file at ``path``.

    Raises:
        ExperimentError: It does not hold them.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{path}: can not be read as TOML ({error})") from error
    return from_table(DetectorSettings, table, path.name)
