"""The real command in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TIME_LIMIT_S = 30
"""Far more than any of these runs takes: only what hangs gets there."""

PIPE = subprocess.PIPE


def start(
    *arguments: str | bytes | Path,
    code: str = "",
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start the command, all three standard streams piped unless ``options`` say otherwise.

    Args:
        arguments: Of the command.
        code: Python to run in the new process first.
        environment: Variables to add.
        options: Of ``subprocess.Popen``.
    """
    program = [sys.executable, "-m", "streamer"]
    if code:
        program = [sys.executable, "-c", f"{code}\nimport sys\nfrom streamer.__main__ import main\nmain()"]
    return subprocess.Popen(
        [*program, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})},
        **{"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, **options},
    )


def run(*arguments: str | bytes | Path, input: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
    """Run the command to its end; what hangs is an error."""
    with start(*arguments, **options) as process:
        out, err = ended(process, None if "stdin" in options else input)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def ended(process: subprocess.Popen[bytes], input: bytes | None = None) -> tuple[bytes, bytes]:  # noqa: A002
    """Return what the command printed at its end; ``input`` closes its standard input."""
    try:
        if input is None:
            process.wait(TIME_LIMIT_S)
        return process.communicate(input, TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # tells where it hangs
        out, err = process.communicate()
        raise AssertionError(f"it hangs; {out[-1000:]!r} {err.decode(errors='replace')}") from None


def records_in(out: bytes | str) -> list[dict[str, Any]]:
    """Return the events in the lines of ``out``, which must be whole."""
    assert not out or out[-1:] in {b"\n", "\n"}
    return [json.loads(line) for line in out.splitlines()]


def without_latency(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return ``records`` without what may differ from run to run."""
    return [{key: value for key, value in record.items() if key != "latency_ms"} for record in records]
