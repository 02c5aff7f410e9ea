"""Networks beside what a user would pick instead: the same tasks, one table, differences with their intervals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.cache import write_text_whole
from training.corpora.base import Corpus
from training.dataset import data_hash
from training.errors import RunError
from training.peers.base import Decisions, Peer
from training.peers.choices import default_peers
from training.peers.measured import MEAN, Column, Result, differences, figures, mean_figures, results_of
from training.peers.recorded import WARM_NAME, RecordedNetwork, recorded_networks
from training.peers.text import markdown, plain
from training.protocols import NUM_REPEATS, Clips, Task, all_tasks
from training.runs import make_folder

COMPARISON_FILE = "comparison.json"
TEXT_FILE = "comparison.md"

LIVE = "live"
_PROTOCOLS = ("random", "speakers", "corpus", LIVE)
_TESTED_BY_DIFFERENCE = ("speakers", "corpus", LIVE)
"""Not at random: there, those who are drawn were trained on."""


def compare(corpora: Sequence[Corpus], clips: Clips, runs: Sequence[Path], out: Path, command: str) -> None:
    """Write ``comparison.json`` and ``comparison.md`` to ``out`` and print the tables.

    What a peer decides about a task is kept in the cache: a comparison that was killed goes on there.

    Args:
        corpora: Whose clips they are.
        clips: Those that the runs were evaluated on.
        runs: Folders of evaluated runs; the network of the first, cold and warm, is compared with every other system.
        out: Made where it is missing.
        command: How the figures are made, for the record.

    Raises:
        CorpusError: A clip can not be read, or the corpora allow no tasks.
        RunError: A run was not evaluated, or on other clips; a library is missing; ``out`` can not be written.
    """
    data_sha256 = data_hash(clips)
    networks = [network for run in runs for network in recorded_networks(run, data_sha256)]
    systems: list[Peer] = [*networks, *default_peers()]
    _require_unique([system.name for system in systems])
    make_folder(out)
    comparison = {
        "command": command,
        "data_sha256": data_sha256,
        "versions": _versions(),
        "corpora": {corpus.name: corpus.title for corpus in corpora},
        "num_repeats": NUM_REPEATS,
        **measure(systems, with_live(all_tasks(clips)), references_of(networks)),
    }
    write_text_whole(out / COMPARISON_FILE, json.dumps(comparison, indent=1, ensure_ascii=False) + "\n")
    write_text_whole(out / TEXT_FILE, markdown(comparison))
    print(plain(comparison))


def with_live(tasks: Sequence[Task]) -> list[Task]:
    """Return ``tasks`` and, for each with speakers held out, the one in which the same clips are heard live."""
    return [*tasks, *(replace(task, protocol=LIVE) for task in tasks if task.protocol == "speakers")]


def references_of(networks: Sequence[RecordedNetwork]) -> list[str]:
    """Return the names of the first network, cold and, where it adapts, warm."""
    names = [network.name for network in networks]
    return [name for first in names[:1] for name in (first, WARM_NAME.format(first)) if name in names]


def measure(systems: Sequence[Peer], tasks: Sequence[Task], references: Sequence[str]) -> dict[str, Any]:
    """Return the figures of ``systems`` in ``tasks`` and the differences of each of ``references`` to the others."""
    asked = [(system, task) for system in systems for task in tasks if system.answers(task.protocol)]
    decided: dict[str, list[tuple[Task, Decisions]]] = {system.name: [] for system in systems}
    for system, task in tqdm(asked, "systems and tasks", unit="task", mininterval=1):
        decided[system.name].append((task, system.decide(task)))
    results = {name: results_of(each) for name, each in decided.items()}
    return {
        "systems": [
            {
                "name": system.name,
                "title": system.title,
                "figures": _by_protocol(results[system.name]),
                "chosen": {str(task): each.settings for task, each in decided[system.name] if each.settings},
            }
            for system in systems
        ],
        "differences": [
            each for reference in references for each in differences(reference, results, _TESTED_BY_DIFFERENCE)
        ],
    }


def _by_protocol(results: Mapping[Column, Result]) -> dict[str, Any]:
    """Return the figures by protocol and corpus; a protocol in which the system is not measured is None."""
    by_protocol: dict[str, Any] = {}
    for protocol in _PROTOCOLS:
        own = {column.corpus: each for column, each in results.items() if column.protocol == protocol}
        by_protocol[protocol] = {corpus: figures(each) for corpus, each in own.items()} or None
        if len(own) > 1:
            by_protocol[protocol][MEAN] = mean_figures(list(own.values()))
    return by_protocol


def _require_unique(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RunError(f"two systems are called {', '.join(twice)}; compare runs of experiments with different names")


def _versions() -> dict[str, str | None]:
    return {name: _version(name) for name in ("numpy", "scikit-learn", "opensmile")}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
