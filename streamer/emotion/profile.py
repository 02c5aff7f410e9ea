"""Profiles: how a voice usually sounds to a network, in a file.

``docs/profiles.md`` says what is in it. Numbers of one network mean nothing to another, so that a profile goes with
the model file that it was made with.
"""

import json
import os
from pathlib import Path

import numpy as np

from streamer.emotion.memory import Voice
from streamer.errors import ProfileError

FORMAT = 1


def read_profile(path: Path, model_sha256: str, size: int) -> Voice:
    """Return the voice in the profile at ``path``.

    Args:
        path: A file of :func:`write_profile`.
        model_sha256: Of the model file that is to adapt to it.
        size: How many numbers that remembers of a voice.

    Raises:
        ProfileError: It is missing, damaged, or made with another model.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"{path}: can not be read ({error.strerror}); make one with `calibrate`") from error
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{path}: not a profile, or damaged ({error}); make one with `calibrate`") from error
    if not isinstance(values, dict) or values.get("profile") != FORMAT:
        raise ProfileError(f"{path}: not a profile that this version reads; make one with `calibrate`")
    if values.get("model_sha256") != model_sha256:
        raise ProfileError(f"{path}: made with another model; make one with `calibrate` and the same --model")
    try:
        return Voice.from_json(values.get("voice"), size)
    except ValueError as error:
        raise ProfileError(f"{path}: damaged ({error}); make one with `calibrate`") from error


def write_profile(path: Path, voice: Voice, model_sha256: str) -> None:
    """Write a profile, whole or not at all: whoever reads, or loses power, finds the one before or this one.

    Raises:
        ProfileError: It can not be written.
    """
    rounded = Voice(round(voice.weight, 4), np.round(voice.mean, 6), np.round(voice.mean_square, 6))
    content = {"profile": FORMAT, "model_sha256": model_sha256, "voice": rounded.to_json()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ProfileError(f"{path}: can not be written ({error.strerror})") from error
