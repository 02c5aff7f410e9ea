"""What each part of the recipe is worth: it is left out, everything else stays, and all networks are trained anew.

    python -m benchmarks.ablations CORPORA_DIR --out FOLDER [VARIANT ...]

Asked are the networks of cross-fitting, each about the part of the speakers or the whole corpus that it was trained
without: alone, beside what it remembers, and through the daemon's pipeline. On such speakers the recipe was chosen, so
that this is not how right it is about others. Each variant takes ten minutes of a core or more, and as many are made at
once as there are cores; each becomes an evaluated run in FOLDER, and what is there of the same settings and clips is
not made again.
"""

import argparse
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import estimated, markdown, signed, write_results
from streamer.errors import StreamerError
from training.corpora import find_corpora, load_clips
from training.corpora.base import Clip
from training.dataset import data_hash
from training.evaluate import about, ask, fill_cache, write_evaluation
from training.evaluation import LIVE
from training.experiment import Experiment, SessionSettings, load_experiment
from training.fitting import fit_held_out
from training.noises import noise_rows
from training.pool import in_processes
from training.protocols import final_task
from training.quiet import load_tensorflow
from training.report.pairs import paired_mean_difference
from training.report.record import Prediction, Record, read_record
from training.runs import EVALUATION_FILE, make_folder, require_same

RESULTS = "ablations"
WHOLE = "whole"
_COLUMNS = (
    *(("speakers", state) for state in ("cold", "warm_10", "one_emotion_10", "enrolled")),
    *(("corpus", state) for state in ("cold", "warm_10", "one_emotion_10")),
    *((LIVE, state) for state in ("cold", "warm")),
)

Figures = Mapping[str, Mapping[str, Any]]
"""By protocol and state a UAR, or a difference of two, with its interval."""


def variants() -> dict[str, Experiment]:
    """Return the recipe, and it without each of its parts."""
    whole = load_experiment("streaming")

    def with_sessions(**changes: Any) -> Experiment:
        sessions: SessionSettings | None = whole.sessions and replace(whole.sessions, **changes)
        return replace(whole, sessions=sessions)

    def with_network(**changes: Any) -> Experiment:
        return replace(whole, network=replace(whole.network, **changes))

    def with_learning(**changes: Any) -> Experiment:
        return replace(whole, learning=replace(whole.learning, **changes))

    return {
        WHOLE: whole,
        "no simulated recordings": replace(whole, num_recordings=0),
        "three simulated recordings": replace(whole, num_recordings=3),
        "no dropout of the own sound": with_network(absolute_dropout=0.0),
        "memory not freed of emotion": with_sessions(memory_temperature=100.0),
        "no noise": with_sessions(noise=0.0),
        "no enrolment": with_sessions(enrolled=0.0),
        "a quarter of one emotion": with_sessions(one_emotion=0.25),
        "no offset of sessions": with_sessions(offset=0.0),
        "more dropout of strangers": with_network(stranger_dropout=0.5),
        "no averaging of weights": with_learning(averaging=0.0),
        "no smoothing of labels": with_learning(label_smoothing=0.0),
    }


def make_run(variant: str, corpora_dir: Path, out: Path) -> None:
    """Train the networks of ``variant``, ask them, and write a run into the folder ``out`` of all variants."""
    corpora = find_corpora(None, corpora_dir)
    clips, experiment = load_clips(corpora, corpora_dir), variants()[variant]
    folder = run_folder(out, variant)
    make_folder(folder)
    command = f"python -m benchmarks.ablations CORPORA_DIR {shlex.quote(variant)} --out FOLDER"
    with fit_held_out(final_task(clips), experiment) as fits:
        outcomes = [ask(task, fitted) for task, fitted in fits]
        write_evaluation(folder, {**about(experiment, corpora, clips), "command": command}, outcomes)


def not_made(asked: Iterable[str], data_sha256: str, out: Path) -> list[str]:
    """Return which of the variants ``asked`` have no run in ``out`` yet.

    Raises:
        RunError: There is one of other settings, or of other clips than those of ``data_sha256``.
    """
    experiments = variants()
    for name in asked:
        require_same(run_folder(out, name), experiments[name], data_sha256)
    return [name for name in asked if not (run_folder(out, name) / EVALUATION_FILE).exists()]


def run_folder(out: Path, variant: str) -> Path:
    """Return where the run of ``variant`` is."""
    return out / variant.replace(" ", "-").replace("'", "")


def figures_of(whole: Record, variant: Record) -> Figures:
    """Return the UAR of the whole recipe, or by how much that of another variant differs, mean of the corpora."""
    found: dict[str, Mapping[str, Any]] = {}
    for protocol, state in _COLUMNS:
        name, sides = f"{protocol} {state}", [_said(record, protocol, state) for record in (whole, variant)]
        if variant is whole and sides[0]:
            states = whole.evaluation["protocols"][protocol]["states"]
            found[name] = states[state]["mean_uar_of_corpora"]
        elif difference := paired_mean_difference(sides[0], sides[1]):
            found[name] = estimated(difference)
    return found


def _said(record: Record, protocol: str, state: str) -> list[Prediction]:
    return [made for made in record.predictions if (made.protocol, made.state) == (protocol, state)]


def table(found: Mapping[str, Figures]) -> str:
    """Return a Markdown table, a line a variant, a column a protocol and state."""
    names = list(found[WHOLE])
    lines = [["", *(name.replace("_", " ") for name in names)]]
    lines.append([WHOLE, *(f"{found[WHOLE][name]['value']:.3f}" for name in names)])
    for variant, figures in found.items():
        if variant != WHOLE:
            lines.append([variant, *(signed(figures[name]) if name in figures else "-" for name in names)])
    return markdown(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="all, where none is named")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the runs and the table of all")
    options = parser.parse_args()
    load_tensorflow()
    known = variants()
    for name in options.variants:
        if name not in known:
            parser.error(f"unknown variant {name!r}; there are {', '.join(known)}")
    asked = dict.fromkeys([WHOLE, *(options.variants or known)])
    clips = load_clips(find_corpora(None, options.corpora_dir), options.corpora_dir)
    missing = not_made(asked, data_hash(clips), options.out)
    if missing:
        _fill_cache(known[WHOLE], clips)
    for _ in in_processes(partial(make_run, corpora_dir=options.corpora_dir, out=options.out), missing, "variants"):
        pass
    records = {name: read_record(run_folder(options.out, name)) for name in asked}
    found = {name: figures_of(records[WHOLE], record) for name, record in records.items()}
    text = table(found)
    command = f"python -m benchmarks.ablations CORPORA_DIR --out {options.out}"
    page = (
        f"# What each part of the recipe is worth\n\n{__doc__}\nUAR, mean of the corpora, and differences:\n\n{text}\n"
    )
    write_results(options.out, RESULTS, {"command": command, "variants": found}, page)
    print(text)


def _fill_cache(experiment: Experiment, clips: Sequence[Clip]) -> None:
    """Make the rows that all variants need, before several do at once."""
    fill_cache(clips, experiment)
    if experiment.sessions:
        noise_rows(experiment.features, experiment.sessions.num_noises)


if __name__ == "__main__":
    try:
        main()
    except StreamerError as error:
        raise SystemExit(f"ablations: {error}") from error
