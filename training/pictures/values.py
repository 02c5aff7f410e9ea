"""The plain data that pictures of figures are drawn from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A part of 1 and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bin:
    """Clips on whose labels the network was about equally sure."""

    num_clips: int
    confidence: float
    """The mean probability that it gave to its decision."""
    accuracy: float
    """The part of the decisions that were right."""


@dataclass(frozen=True)
class Curve:
    """One network, epoch by epoch."""

    loss: tuple[float, ...]
    validation_uar: tuple[float, ...]
    best_epoch: int
    """Counted from 1; 0 where no epoch ended."""
