"""Trains networks and measures model files: ``python -m training fit | measure``."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streamer.emotion.classifier import BUNDLED_MODEL
from streamer.errors import StreamerError
from training.corpora import CORPORA, find_corpora
from training.quiet import load_tensorflow
from training.recipe import Recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code: 0, 1 for a failure, 2 for wrong input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    try:
        options.do(options)
    except StreamerError as error:
        print(f"training: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("training: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train the network of a model file.")
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", help="train, choose on validation speakers, test once, write a run folder")
    fit.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR", help="holds nemo/, ravdess/ and emodb/")
    fit.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder to write, not there yet")
    default_epochs = Recipe().learning.num_epochs
    fit.add_argument("--epochs", type=_positive, default=default_epochs, help=f"default: {default_epochs}")
    fit.add_argument("--seed", type=int, default=0, help="makes weights, order and augmentation (default: 0)")
    names = ",".join(corpus.name for corpus in CORPORA)
    fit.add_argument("--corpora", default=names, help=f"names with commas (default: {names})")
    fit.set_defaults(do=_fit)
    measure = commands.add_parser("measure", help="print the figures of a model file on the test speakers, as JSON")
    measure.add_argument("corpora_dir", type=Path, metavar="CORPORA_DIR", help="holds the corpora that the file names")
    measure.add_argument("--model", type=Path, default=BUNDLED_MODEL, metavar="FILE.onnx", help="default: the bundled")
    measure.set_defaults(do=_measure)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def _fit(options: argparse.Namespace) -> None:
    corpora = find_corpora([name.strip() for name in options.corpora.split(",") if name.strip()])
    load_tensorflow()
    from training.fit import fit  # here, since it imports TensorFlow

    recipe = Recipe()
    recipe = replace(recipe, seed=options.seed, learning=replace(recipe.learning, num_epochs=options.epochs))
    fit(corpora, options.corpora_dir, options.out, recipe, _command(options))
    print(f"written: {options.out}; next: python -m export {shlex.quote(str(options.out))} -o FILE.onnx")


def _measure(options: argparse.Namespace) -> None:
    from training.measure import measure_file

    print(json.dumps(measure_file(options.model, options.corpora_dir), indent=1))


def _command(options: argparse.Namespace) -> str:
    """Return what gives the same figures, without the paths of this machine."""
    return (
        f"python -m training fit CORPORA_DIR --out RUN --epochs {options.epochs} --seed {options.seed} "
        f"--corpora {options.corpora}"
    )


if __name__ == "__main__":
    sys.exit(main())
