"""What the daemon costs beside what people would use instead: whole processes, measured from outside.

    python -m benchmarks.peers [--rounds N] [--only NAME ...] [--out FOLDER]

Each process is timed from its start to its first line, which it writes when it is ready. Flat out is the CPU time of a
long run less that of one on 1 s, over the audio between them; at real time it is that of 15 s of audio, likewise: what
starting costs is in neither, nor what librosa and Keras load behind their first line. RSS is the peak of all three. In
a round every peer runs once, in every other round backwards; figures are medians over the rounds, ratios medians of the
ratios round by round. All hear the demonstration clip (synthetic voices for about 70 % of it), repeated; silence is a
faint noise. Every MFCC has the settings of the bundled model, and the usual scripts run the network that this project
grew out of. One thread means numpy's, too.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.measure import PeerError, commands_of, cost_of, measured
from benchmarks.peers.peers import ALL, OURS, PEERS, ROOT, TRAINING, Peer
from benchmarks.results import write_results

_NAMED = {
    OURS: ("numpy", "onnxruntime", "webrtcvad-wheels"),
    PEERS: (
        *("numpy", "onnxruntime", "kaldi_native_fbank", "librosa", "opensmile", "python_speech_features"),
        *("silero-vad", "sherpa_onnx", "webrtcvad-wheels", "pymicro-wakeword", "pyopen-wakeword"),
    ),
    TRAINING: ("numpy", "tensorflow", "keras"),
}
"""Whose versions are told."""


def main() -> None:
    """Measure, and write table and picture."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [peer.name for peer in ALL]
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        choices=range(100),
        metavar="N",
        help="0 makes table and picture in --out again from its peers.json",
    )
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for peers.json, peers.md and peers.svg")
    options = parser.parse_args()
    if not options.rounds and not options.out:
        parser.error("--rounds 0 goes with --out")
    try:
        if options.rounds:
            peers = [peer for peer in ALL if peer.name in options.only]
            command = f"python -m benchmarks.peers --rounds {options.rounds} --out {options.out}"
            command += f" --only {' '.join(options.only)}" if len(peers) < len(ALL) else ""
            record = _measure(peers, options.rounds, command)
        else:
            record = json.loads((options.out / "peers.json").read_text(encoding="utf-8"))
    except (PeerError, OSError) as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    _write(options.out, record)


def _measure(peers: Sequence[Peer], num_rounds: int, command: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        files = {word for peer in peers for words in commands_of(peer, folder) for word in words if folder in word}
        audio = [file for file in files if file.endswith((".raw", ".wav"))]
        cost_of("audio", [str(ROOT / OURS / "bin" / "python"), "-m", "benchmarks.peers.audio", *audio])
        if len(audio) < len(files):
            cost_of("network", [str(ROOT / TRAINING / "bin" / "python"), "-m", "benchmarks.peers.network", folder])
        rounds = measured(peers, num_rounds, folder)
    return {
        "command": command,
        "versions": {each: _versions(each) for each in _NAMED if any(peer.environment == each for peer in peers)},
        "rounds": rounds,
    }


def _versions(environment: str) -> dict[str, str]:
    from importlib.metadata import distributions  # heavy: only when all is measured

    paths = [str(path) for path in (ROOT / environment).glob("lib/python*/site-packages")]
    found = {each.name: each.version for each in distributions(path=paths)}
    return {name: found[name] for name in _NAMED[environment] if name in found}


def _write(out: Path | None, record: dict[str, Any]) -> None:
    # Heavy, and only now: what this process has in memory would be taken for a part of each peer.
    from benchmarks.peers import plot, tables
    from training.pictures.style import save

    page = tables.page(__doc__ or "", record)
    print(page)
    if out:
        write_results(out, "peers", record, page)
        save(plot.costs(record["rounds"]), out, "peers")


if __name__ == "__main__":
    main()
