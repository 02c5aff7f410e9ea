"""The laboratory: ``python -m training fetch | describe | detector | fit | evaluate | compare | report``."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from streamer.errors import StreamerError
from training.cache import write_text_whole
from training.corpora import CORPORA, find_corpora, own_folders
from training.corpora.base import Corpus
from training.experiment import EXPERIMENTS, Experiment, is_path, load_experiment
from training.health import load_checked_clips
from training.pictures.texts import LANGUAGES
from training.protocols import Clips
from training.quiet import load_tensorflow
from training.runs import SETTINGS_FILE


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code: 0, 1 for a failure, 2 for wrong input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    options.command_line = f"python -m training {shlex.join(given)}"
    try:
        options.do(options)
    except StreamerError as error:
        print(f"training: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("training: interrupted; what was finished is kept: the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a table has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    """Let a service manager's stop be what Ctrl-C is: the best is kept, and no process is left."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Corpora in, models and honest figures out."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    corpora = _corpora_options()
    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    language = argparse.ArgumentParser(add_help=False)
    language.add_argument("--language", choices=LANGUAGES, default="en", help="of the pictures (default: en)")
    experiment = argparse.ArgumentParser(add_help=False)
    names = ", ".join(sorted(path.stem for path in EXPERIMENTS.glob("*.toml")))
    experiment.add_argument("experiment", metavar="EXPERIMENT", help=f"{names}, or a TOML file")

    fetch = commands.add_parser("fetch", help="download a corpus (emouerj)")
    fetch.add_argument("corpus", metavar="CORPUS")
    fetch.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR")
    fetch.set_defaults(do=_fetch)
    describe = commands.add_parser("describe", parents=[corpora, language], help="tell what the corpora hold")
    describe.add_argument("--out", type=Path, metavar="FOLDER", help="also write description.json and the bar plot")
    describe.set_defaults(do=_describe)
    fit = commands.add_parser("fit", parents=[experiment, corpora, out], help="train a network to use: a run folder")
    fit.set_defaults(do=_fit)
    detector = commands.add_parser("detector", parents=[corpora, out], help="train what tells speech from noise")
    detector.set_defaults(do=_detector)
    evaluate = commands.add_parser(
        "evaluate", parents=[experiment, corpora, out], help="train and test by all protocols, into the run folder"
    )
    evaluate.set_defaults(do=_evaluate)
    compare = commands.add_parser(
        "compare", parents=[corpora, out], help="set evaluated runs beside openSMILE with SVMs"
    )
    compare.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="an evaluated run; the first is compared")
    compare.set_defaults(do=_compare)
    report = commands.add_parser(
        "report", parents=[out, language], help="one HTML page of a run, or of two side by side"
    )
    report.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    report.add_argument("--corpora-dir", type=Path, metavar="DIR", help="for the pictures of waveforms and spectra")
    report.set_defaults(do=_report)
    return parser


def _corpora_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR", help="holds a folder for each corpus")
    known = ", ".join(corpus.name for corpus in CORPORA)
    options.add_argument("--corpora", metavar="NAMES", help=f"with commas; default: those there of {known}")
    options.add_argument("--skip-bad", action="store_true", help="leave out files that can not be used, and list them")
    return options


def _corpora(options: argparse.Namespace) -> tuple[Corpus, ...]:
    names = [name.strip() for name in options.corpora.split(",") if name.strip()] if options.corpora else None
    corpora = find_corpora(names, options.corpora_dir)
    print(f"corpora: {', '.join(corpus.title for corpus in corpora)}", file=sys.stderr)
    if names is None and (own := own_folders(options.corpora_dir)):
        print(f"not used: {', '.join(own)}; name all that you want with --corpora", file=sys.stderr)
    return corpora


def _loaded(options: argparse.Namespace) -> tuple[tuple[Corpus, ...], Clips]:
    corpora = _corpora(options)
    return corpora, load_checked_clips(corpora, options.corpora_dir, skip_bad=options.skip_bad)


def _recorded(options: argparse.Namespace, experiment: Experiment, corpora: Sequence[Corpus]) -> str:
    """Return the command that gives the same figures, without the paths of this machine."""
    names = ",".join(corpus.name for corpus in corpora)
    skipped = " --skip-bad" if options.skip_bad else ""
    settings = f"RUN/{SETTINGS_FILE}" if is_path(options.experiment) else experiment.name
    return f"python -m training {options.command} {settings} CORPORA_DIR --corpora {names}{skipped} --out RUN"


def _keep_settings(options: argparse.Namespace) -> None:
    """Put a settings file of one's own beside what it gives."""
    if is_path(options.experiment):
        write_text_whole(options.out / SETTINGS_FILE, Path(options.experiment).read_text(encoding="utf-8"))


def _fetch(options: argparse.Namespace) -> None:
    from training.fetch import fetch, zenodo_api

    print(fetch(options.corpus, options.corpora_dir, api_url=zenodo_api()))


def _describe(options: argparse.Namespace) -> None:
    from training.describe import describe

    corpora = _corpora(options)
    described = describe(corpora, options.corpora_dir, skip_bad=options.skip_bad, out=options.out)
    if options.out:
        _draw_counts(described, options.out, options.language)


def _draw_counts(described: Mapping[str, Any], out: Path, language: str) -> None:
    from training.pictures import load_matplotlib

    load_matplotlib()
    from training.pictures.counts import class_distribution  # here, since it imports matplotlib
    from training.pictures.style import save
    from training.pictures.texts import load_texts

    save(class_distribution(described["counts"], load_texts(language)), out, "class_distribution")


def _fit(options: argparse.Namespace) -> None:
    experiment = load_experiment(options.experiment)
    corpora, clips = _loaded(options)
    load_tensorflow()
    from training.fit import fit  # here, since it imports TensorFlow

    fit(experiment, corpora, clips, options.out, _recorded(options, experiment, corpora))
    _keep_settings(options)
    print(f"written: {options.out}; next: python -m export {shlex.quote(str(options.out))} -o FILE.onnx")


def _detector(options: argparse.Namespace) -> None:
    corpora, clips = _loaded(options)
    load_tensorflow()
    from training.detector.fit import fit_detector
    from training.detector.settings import load_settings

    names = ",".join(corpus.name for corpus in corpora)
    command = f"python -m training detector CORPORA_DIR --corpora {names} --out RUN"
    fit_detector(load_settings(), corpora, clips, options.out, command)
    print(f"written: {options.out}; next: python -m export {shlex.quote(str(options.out))} -o FILE.onnx")


def _evaluate(options: argparse.Namespace) -> None:
    experiment = load_experiment(options.experiment)
    corpora, clips = _loaded(options)
    load_tensorflow()
    from training.evaluate import evaluate

    print(evaluate(experiment, corpora, clips, options.out, _recorded(options, experiment, corpora)))
    _keep_settings(options)


def _compare(options: argparse.Namespace) -> None:
    from training.compare import compare

    corpora, clips = _loaded(options)
    compare(corpora, clips, options.runs, options.out, options.command_line)


def _report(options: argparse.Namespace) -> None:
    from training.report import write_report

    page = write_report(
        options.runs,
        options.out,
        corpora_dir=options.corpora_dir,
        language=options.language,
        command=options.command_line,
    )
    print(f"written: {page}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())
