"""One process after another, measured from outside.

The kernel counts the memory of whoever starts a process into the peak of that process: while it measures, this program
imports but the lighter half of the standard library, so that it stays smaller than any peer.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.peers import FLAT_OUT, LIVE, ROOT, RSS, START, Peer

SHORT_S, LIVE_S = 1, 15

Round = dict[str, dict[str, float]]
"""By peer and figure."""


class PeerError(Exception):
    """A process failed."""


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    cpu_s: float
    start_s: float
    """From its start to its first line."""
    rss_mib: float
    said: str
    """Its last line."""


def cost_of(name: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Cost:
    """Run ``command`` with ``variables`` in its environment.

    Raises:
        PeerError: It can not be started, or fails.
    """
    # What onnxruntime's builds would otherwise send to its maker is no part of the work.
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "TF_CPP_MIN_LOG_LEVEL": "3", **(variables or {})}
    with tempfile.TemporaryFile() as errors:
        began_s = time.monotonic()
        try:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT, env=environment)
        except OSError as error:
            raise PeerError(f"{name}: {command[0]}: {error.strerror}; `make bench` makes it") from error
        assert child.stdout
        with child.stdout:
            try:
                first = child.stdout.readline()
                start_s = time.monotonic() - began_s
                lines = [first, *child.stdout]
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            finally:
                if child.returncode is None:  # interrupted
                    child.kill()
                    child.wait()
        if child.returncode or not first:
            errors.seek(0)
            why = (errors.read().decode(errors="replace").strip() or "it said nothing").splitlines()[-1]
            raise PeerError(f"{name} failed with exit code {child.returncode}: {why}; --only runs others without it")
    return Cost(usage.ru_utime + usage.ru_stime, start_s, usage.ru_maxrss / 1024, lines[-1].decode().strip())


def slope(long: Cost, short: Cost, longer_s: float) -> float:
    """Return the CPU seconds per second of audio, where ``long`` heard ``longer_s`` more than ``short``: no start."""
    return (long.cpu_s - short.cpu_s) / longer_s


def commands_of(peer: Peer, folder: str) -> list[list[str]]:
    """Return the command that hears little of the audio in ``folder``, much, and some of it at real time."""
    short = peer.command(folder, SHORT_S)
    if not peer.long_s:
        return [short]
    return [short, peer.command(folder, peer.long_s), peer.command(folder, LIVE_S, is_live=True)]


def figures_of(peer: Peer, folder: str) -> dict[str, float]:
    """Run ``peer`` briefly, at length and at real time, on the audio in ``folder``; return its figures."""
    costs = [cost_of(peer.name, command, peer.variables) for command in commands_of(peer, folder)]
    figures = {}
    if peer.long_s:
        short, long, live = costs
        figures[FLAT_OUT] = 1e6 * slope(long, short, peer.long_s - SHORT_S)
        figures[LIVE] = 100 * slope(live, short, LIVE_S - SHORT_S)
    figures[START] = 1000 * sorted(cost.start_s for cost in costs)[len(costs) // 2]
    figures[RSS] = max(cost.rss_mib for cost in costs)
    spent = " + ".join(f"{cost.cpu_s:.2f}" for cost in costs)
    print(f"  {peer.name}: {spent} s of CPU; at last {costs[-1].said[:100]}", file=sys.stderr, flush=True)
    return figures


def order(peers: Sequence[Peer], number: int) -> Sequence[Peer]:
    """Return who is measured when in round ``number``: in every other one backwards, against what drifts."""
    return peers[::-1] if number % 2 else peers


def measured(peers: Sequence[Peer], num_rounds: int, folder: str) -> list[Round]:
    """Return ``num_rounds`` rounds, in each of which every peer runs once."""
    for peer in peers:  # who lacks something is told at once, and nobody compiles or reads the disk in the first round
        print(f"trying {peer.name}", file=sys.stderr, flush=True)
        cost_of(peer.name, commands_of(peer, folder)[0], peer.variables)
    rounds = []
    for number in range(num_rounds):
        print(f"round {number + 1} of {num_rounds}", file=sys.stderr, flush=True)
        rounds.append({peer.name: figures_of(peer, folder) for peer in order(peers, number)})
    return rounds
