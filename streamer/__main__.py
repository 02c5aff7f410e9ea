"""``emotion-streamer`` and ``python -m streamer``."""

import os
from typing import NoReturn

from streamer.signals import StopSignals


def main() -> NoReturn:
    """Run the command line, with signals under control from its first moment to its last."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's; our products are too small to share, waiting is not
    with StopSignals() as signals:
        from streamer import cli  # takes a while

        # All is closed. On Python's long way out the echo of a signal would still kill, and a frozen audio server hang.
        os._exit(cli.main(signals=signals))


if __name__ == "__main__":
    main()
