"""``emotion-streamer`` and ``python -m streamer``."""

import os
from typing import NoReturn

from streamer.signals import StopSignals


def main() -> NoReturn:
    """Run the command line, with signals under control from its first moment to its last."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's; our products are too small to share, waiting is not
    _reserve_standard_descriptors()
    with StopSignals() as signals:
        from streamer import cli  # takes a while

        # All is closed. On Python's long way out the echo of a signal would still kill, and a frozen audio server hang.
        os._exit(cli.main(signals=signals))


def _reserve_standard_descriptors() -> None:
    """Put something that refuses to be used in place of closed descriptors, which the next open files would get."""
    for descriptor, wrong_mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, wrong_mode)  # gets the lowest free number, which is this one


if __name__ == "__main__":
    main()
