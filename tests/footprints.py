"""What a run may leave behind: the files that its options name, and nothing else."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tiny_model import adapting_info, write_adapting_model

from streamer.cli import main


@dataclass(frozen=True)
class Asked:
    """Options, and the files that they ask for, as patterns of names in the folder of the test; each must come."""

    options: str
    files: tuple[str, ...]


ASKED = {
    "nothing": Asked("", ()),
    "an output": Asked("-o jsonl:{folder}/out.jsonl", ("out.jsonl",)),
    "a profile that is only read": Asked("--model {folder}/m.onnx --profile {folder}/me.json", ()),
    # Beside a profile its next version is written; tempfile tries out first whether it can write there.
    "a profile that is kept": Asked(
        "--model {folder}/m.onnx --profile {folder}/me.json --learn", ("me.json", ".profile-*")
    ),
    "a session": Asked("--record-session {folder}/s", ("s", "s/session.json", "s/000001.jsonl", "s/000001.s16le")),
}

NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python keeps compiled code beside the sources; that is its own business."""


def options_of(asked: Asked, folder: Path) -> list[str]:
    """Return the options of ``asked``, with ``folder`` in its place."""
    return asked.options.format(folder=folder).split()


def make_profile(folder: Path, speech: Path) -> None:
    """Make ``me.json``, the profile of the one who speaks in ``speech``, and ``m.onnx``, the model that it is for."""
    info = adapting_info(mean=(0.0,) * 12 + (-1000.0,), std=(1000.0,) * 13)  # all is worth an utterance
    write_adapting_model(folder / "m.onnx", info.to_metadata())
    made = ["calibrate", f"{folder}/me.json", "-i", str(speech), "--model", f"{folder}/m.onnx", "--seconds", "10"]
    assert main(made) == 0


def require_only(asked: Asked, folder: Path, touched: set[str]) -> None:
    """Fail where something was ``touched`` that was not asked for, or not touched that was."""
    names = {path.removeprefix(f"{folder}/") for path in touched}
    unasked = {name for name in names if not any(fnmatchcase(name, pattern) for pattern in asked.files)}
    missing = {pattern for pattern in asked.files if not any(fnmatchcase(name, pattern) for name in names)}
    assert (unasked, missing) == (set(), set())
