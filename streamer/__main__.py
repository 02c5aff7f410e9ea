"""``emotion-streamer`` and ``python -m streamer``."""

import signal
import sys


def main() -> int:
    """Run the command line; a signal before the stream is open ends the process as any other, without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from streamer import cli  # takes a while

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
