"""A network that was evaluated before: its decisions are read from the run folder, nothing is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.corpora.base import Clip
from training.errors import RunError
from training.figures import UNHEARD
from training.peers.base import Decisions
from training.protocols import Task
from training.report.record import Prediction, read_record
from training.runs import PREDICTIONS_FILE
from training.states import COLD, ONE_EMOTION, WARM

ClipKey = tuple[str, str, str, str]
"""Corpus, speaker, label and file name: what a clip is known by in the file."""

WARM_NAME = "{}-warm"

_KINDS = (
    (
        "{}",
        "The network `{}`; each clip with a fresh memory.",
        "validation",
        (COLD,),
    ),
    (
        WARM_NAME,
        "The network `{}`; each clip after ten earlier clips of its speaker, whose labels it is not told; live after "
        "all that was heard before.",
        "validation",
        ("warm_10", WARM),
    ),
    (
        "{}-one-emotion",
        "The network `{}`; each clip after ten earlier clips of its speaker with the same emotion and no other.",
        "validation",
        (ONE_EMOTION,),
    ),
    (
        "{}-selected-on-test",
        "The network `{}` at the epoch that did best on the tested clips, as the ancestor chose it: this flatters.",
        "test",
        (COLD,),
    ),
)
"""Name and title, by which clips the epoch was chosen, and what was known of the speaker."""


@dataclass(frozen=True)
class RecordedNetwork:
    """What one network said, knowing as much of the speaker."""

    name: str
    title: str
    file: Path
    said: Mapping[tuple[str, str], Mapping[ClipKey, int]]
    """Decisions by protocol and name of the task."""

    def answers(self, protocol: str) -> bool:
        """Return whether it was evaluated in ``protocol``."""
        return any(known == protocol for known, _ in self.said)

    def decide(self, task: Task) -> Decisions:
        """Return what it said of ``task.test``.

        Raises:
            RunError: It was asked about other clips.
        """
        said = self.said.get((task.protocol, task.name), {})
        asked = [_key_of(clip) for clip in task.test]
        self._require_the_same(task, set(said), set(asked))
        return Decisions(np.array([said[key] for key in asked], np.int64))

    def _require_the_same(self, task: Task, said: set[ClipKey], asked: set[ClipKey]) -> None:
        for problem, keys in (("nothing is said of", asked - said), ("no such clip is tested:", said - asked)):
            if keys:
                more = f" and of {len(keys) - 1} more" if len(keys) > 1 else ""
                raise RunError(
                    f"{self.file}: {task}: {problem} {'/'.join(min(keys))}{more}; expected the clips of --corpora: "
                    "name those that were evaluated, or evaluate again"
                )


def recorded_networks(folder: Path, data_sha256: str) -> list[RecordedNetwork]:
    """Return what the run in ``folder`` has: its network, cold and, where it adapts, warm; one chosen on test clips.

    Args:
        folder: The run.
        data_sha256: Of the clips that are asked about, as :func:`training.dataset.data_hash` gives it.

    Raises:
        RunError: The folder holds no evaluation, it is damaged, or is of other clips.
    """
    record, file = read_record(folder), folder / PREDICTIONS_FILE
    if record.evaluation["data_sha256"] != data_sha256:
        raise RunError(
            f"{folder}: was evaluated on other clips than those of --corpora: name those that were evaluated, or "
            "evaluate again"
        )
    networks = []
    for name, title, selection, states in _KINDS:
        own = [p for p in record.predictions if p.state in states and p.selection == selection]
        if own:
            said = _by_task(own, file)
            networks.append(RecordedNetwork(name.format(record.name), title.format(record.name), file, said))
    if not networks:
        raise RunError(f"{file}: holds no predictions of the state {COLD}; evaluate the run again")
    return networks


def _by_task(predictions: list[Prediction], file: Path) -> Mapping[tuple[str, str], Mapping[ClipKey, int]]:
    said: dict[tuple[str, str], dict[ClipKey, int]] = {}
    for one in predictions:
        key = (one.corpus, one.speaker, one.label, one.clip)
        task = said.setdefault((one.protocol, one.task), {})
        if key in task:
            raise RunError(
                f"{file}: {one.protocol}/{one.task}: {'/'.join(key)} is there twice; "
                "two clips of one speaker and label must have two file names"
            )
        task[key] = UNHEARD if one.posterior is None else int(np.argmax(one.posterior))
    return said


def _key_of(clip: Clip) -> ClipKey:
    return clip.corpus, clip.speaker, clip.label, clip.path.name
