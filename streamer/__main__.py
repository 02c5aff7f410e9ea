"""``emotion-streamer`` and ``python -m streamer``."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; a signal before the stream is open ends the process as any other, without a traceback."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a background job of a script
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's; our products are too small to share, waiting is not
    from streamer import cli  # takes a while

    code = cli.main()
    # All is closed. On Python's long way out the echo of a signal would still kill, and a frozen audio server hang.
    os._exit(code)


if __name__ == "__main__":
    main()
