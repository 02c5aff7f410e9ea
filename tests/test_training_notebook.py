"""The notebook runs from its first cell to its last, and is committed without what it gave."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "training" / "notebooks" / "walkthrough.ipynb"
TIME_LIMIT_S = 600


def executed(tmp_path: Path, corpora_dir: Path) -> list[dict]:
    """Return the outputs of all cells, run in a process of its own as a reader would run it."""
    done = tmp_path / "executed.ipynb"
    code = (
        "import sys, nbformat, nbclient; notebook = nbformat.read(sys.argv[1], 4);"
        f"nbclient.NotebookClient(notebook, timeout={TIME_LIMIT_S}).execute(cwd=sys.argv[3]);"
        "nbformat.write(notebook, sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", code, NOTEBOOK, done, ROOT],
        env={**os.environ, "EMOTION_CORPORA": str(corpora_dir), "IPYTHONDIR": str(tmp_path / "ipython")},
        timeout=TIME_LIMIT_S,
        check=True,
        capture_output=True,
    )
    cells = json.loads(done.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]


def printed(outputs: list[dict]) -> str:
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")


def num_pictures(outputs: list[dict]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_it_is_committed_without_what_it_gave() -> None:
    """Recordings, and their pictures, are no part of the project."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]

    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_it_runs_on_generated_sounds_and_says_that_their_figures_mean_nothing(tmp_path: Path) -> None:
    outputs = executed(tmp_path, tmp_path / "nothing")

    text = printed(outputs)
    assert "generated sounds: the figures below mean nothing" in text
    assert num_pictures(outputs) == 5
    assert "speakers held out, cold: mean " in text
    assert "labelled anger: heard " in text


def test_it_runs_on_real_speech_where_the_corpora_are(tmp_path: Path, corpora: Path) -> None:
    outputs = executed(tmp_path, corpora)

    text = printed(outputs)
    assert "real speech" in text
    assert num_pictures(outputs) == 5
    assert text.count("heard ") >= 4
