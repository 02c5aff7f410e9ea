"""Makes model files: ``python -m export RUN -o FILE.onnx``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from streamer.errors import StreamerError
from training.quiet import load_tensorflow


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code: 0, 1 for a failure, 2 for wrong input."""
    parser = argparse.ArgumentParser(prog="python -m export", description="Make a model file from a training run.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that `python -m training fit` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    options = parser.parse_args(arguments)
    load_tensorflow()
    from export.files import export_run  # here, since it imports TensorFlow

    try:
        print(export_run(options.run, options.output))
    except StreamerError as error:
        print(f"export: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
