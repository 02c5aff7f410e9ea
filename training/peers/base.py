"""What every system in the comparison looks like from outside."""

from dataclasses import dataclass, field
from typing import Protocol

from training.figures import Indices
from training.protocols import Task


@dataclass(frozen=True)
class Decisions:
    """What a system says of the test clips of one task."""

    indices: Indices
    """Shape ``(num_test_clips,)``: into :data:`LABELS`, or :data:`training.figures.UNHEARD`."""
    settings: dict[str, float] = field(default_factory=dict)
    """What the system chose for this task, and how well it did in choosing; empty where there is nothing to choose."""


class Peer(Protocol):
    """Learns from the training clips of a task and decides about its test clips."""

    @property
    def name(self) -> str:
        """Short and unique, as in tables."""

    @property
    def title(self) -> str:
        """What it is, and what it sees, in a sentence."""

    def answers(self, protocol: str) -> bool:
        """Return whether it can be measured in ``protocol``: only networks run live."""

    def decide(self, task: Task) -> Decisions:
        """Return what it decides about ``task.test``; the labels there stay unseen.

        Raises:
            CorpusError: A clip can not be used.
            RunError: Something is missing that the decisions need.
        """
