"""A minute of coverage-guided fuzzing of everything that reads what strangers give us."""

import os
import subprocess
from pathlib import Path

import fuzz
import pytest
from command import ROOT

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def fuzzers() -> None:
    """Make the environment."""
    made = subprocess.run(["make", "prepare-fuzz"], cwd=ROOT, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"atheris can not be installed here: {made.stderr.strip()[-300:]}")


@pytest.mark.usefixtures("fuzzers")
@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_nothing_is_found_in_a_minute(tmp_path: Path, target: str) -> None:
    done = subprocess.run(
        ["make", "fuzz", f"TARGET={target}", "SECONDS=60"],
        cwd=ROOT,
        env={**os.environ, "EMOTION_CACHE": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert "DONE" in done.stderr
