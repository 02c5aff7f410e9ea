"""What each part of the recipe is worth: it is left out, everything else stays, and all networks are trained anew.

    python -m benchmarks.ablations CORPORA_DIR --out FOLDER [VARIANT ...]

The protocols of the laboratory with people never heard: speakers held out, a corpus left out, and live. Each variant
takes half an hour on two cores; what is in the folder is not made again. These are figures of the test speakers, made
after the recipe was chosen on others: nothing is to be chosen by them.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.results import markdown, write_results
from training.corpora import find_corpora, load_clips
from training.evaluate import run_tasks
from training.evaluation import evaluation_of
from training.experiment import Experiment, SessionSettings, load_experiment
from training.protocols import corpus_tasks, speaker_tasks
from training.quiet import load_tensorflow

RESULTS = "ablations"
_COLUMNS = (
    *(("speakers", state) for state in ("cold", "warm_10", "one_emotion_10", "enrolled")),
    *(("corpus", state) for state in ("cold", "warm_10", "one_emotion_10")),
    *(("live", state) for state in ("cold", "warm")),
)


def variants() -> dict[str, Experiment]:
    """Return the recipe, and it without each of its parts."""
    whole = load_experiment("streaming")

    def with_sessions(**changes: Any) -> Experiment:
        sessions: SessionSettings | None = whole.sessions and replace(whole.sessions, **changes)
        return replace(whole, sessions=sessions)

    return {
        "whole": whole,
        "no simulated recordings": replace(whole, num_recordings=0),
        "three simulated recordings": replace(whole, num_recordings=3),
        "no offset of sessions": with_sessions(offset=0.0),
        "memory not freed of emotion": with_sessions(memory_temperature=100.0),
        "a quarter of stretches of one emotion": with_sessions(one_emotion=0.25),
        "no enrolment": with_sessions(enrolled=0.0),
        "no noise": with_sessions(noise=0.0),
        "no dropout of the voice's own sound": replace(whole, network=replace(whole.network, absolute_dropout=0.0)),
    }


def measured(experiment: Experiment, corpora_dir: Path) -> dict[str, Any]:
    """Return the mean UAR of the corpora in each protocol and state, with its interval."""
    clips = load_clips(find_corpora(None, corpora_dir), corpora_dir)
    protocols = evaluation_of(run_tasks([*speaker_tasks(clips), *corpus_tasks(clips)], experiment))["protocols"]
    return {
        f"{protocol} {state}": protocols[protocol]["states"][state]["mean_uar_of_corpora"]
        for protocol, state in _COLUMNS
        if protocols[protocol]["states"].get(state)
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a Markdown table, a line a variant."""
    names = [f"{protocol} {state}" for protocol, state in _COLUMNS]
    lines = [["", *(name.replace("_", " ") for name in names)]]
    for variant, figures in found.items():
        lines.append([variant, *(f"{figures[name]['value']:.3f}" if name in figures else "" for name in names)])
    return markdown(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="all, where none is named")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for ablations.json and ablations.md")
    options = parser.parse_args()
    load_tensorflow()
    known, path = variants(), options.out / f"{RESULTS}.json"
    found = json.loads(path.read_text(encoding="utf-8"))["variants"] if path.exists() else {}
    for name in options.variants or known:
        if name not in known:
            parser.error(f"unknown variant {name!r}; there are {', '.join(known)}")
        if name in found:
            continue
        found[name] = measured(known[name], options.corpora_dir)
        text = table({variant: found[variant] for variant in known if variant in found})
        command = f"python -m benchmarks.ablations CORPORA_DIR --out {options.out}"
        page = f"# What each part of the recipe is worth\n\n{__doc__}\nUAR, mean of the corpora:\n\n{text}\n"
        write_results(options.out, RESULTS, {"command": command, "variants": found}, page)
        print(text, flush=True)


if __name__ == "__main__":
    main()
