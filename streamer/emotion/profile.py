"""Profiles: how a voice usually sounds to a network, in a file.

``docs/profiles.md`` says what is in it. Numbers of one network mean nothing to another, so that a profile goes with
the model file that it was made with.
"""

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from streamer.emotion.memory import Voice
from streamer.errors import ProfileChangedError, ProfileError

FORMAT = 1
_MOST_BYTES = 10_000_000
_MAKE_ONE = "make one with `calibrate`"


class Profile:
    """A file that keeps a voice, for one model.

    It is written whole or not at all: whoever reads, or loses power, finds the one before or the new one. Only its
    owner may read a new one; one that is replaced keeps who may.
    """

    def __init__(self, path: Path, model_sha256: str, size: int) -> None:
        """Take the file at ``path``, which need not be there.

        Args:
            path: A link is followed.
            model_sha256: Of the model file that adapts to the voice.
            size: How many numbers that remembers of a voice.
        """
        self.path = path
        self._model_sha256, self._size = model_sha256, size
        self._seen: tuple[int, ...] | None = None
        self._voice: Voice | None = None  # that is in the file

    def read(self) -> Voice:
        """Return the voice.

        Raises:
            ProfileError: The file is missing, damaged, or made with another model.
        """
        seen = self._state()
        try:
            values = self._values()
        except ProfileError as error:
            raise ProfileError(f"{error}; {_MAKE_ONE}") from error
        if values.get("model_sha256") != self._model_sha256:
            raise ProfileError(f"{self.path}: made with another model; {_MAKE_ONE} and the same --model")
        try:
            voice = Voice.from_json(values.get("voice"), self._size)
        except ValueError as error:
            raise self.damaged(error) from error
        self._seen, self._voice = seen, voice
        return voice

    def damaged(self, reason: object) -> ProfileError:
        """Return the error for a voice that makes no sense, for ``reason``."""
        return ProfileError(f"{self.path}: damaged ({reason}); {_MAKE_ONE}")

    def check_writable(self) -> None:
        """Look whether :meth:`write` may replace what is there: nothing, or a profile, of any model.

        Raises:
            ProfileError: It would lose something else, or can not be written.
        """
        seen = self._state()
        try:
            self._target().lstat()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._not_written(error) from error
        else:
            try:
                self._values()
            except ProfileError as error:
                raise ProfileError(
                    f"{error}; nothing but a profile is written over: name another file, or remove this one"
                ) from error
        try:
            descriptor, temporary = self._temporary()
            os.close(descriptor)
            temporary.unlink()
        except OSError as error:
            raise self._not_written(error) from error
        self._seen = seen

    def write(self, voice: Voice) -> None:
        """Replace the file; one that holds just this voice is left as it is.

        Raises:
            ProfileChangedError: Somebody else wrote it since it was read or checked.
            ProfileError: It can not be written, or is there no more.
        """
        if self._voice and self._voice.weight == voice.weight and np.array_equal(self._voice.mean, voice.mean):
            return
        state = self._state()
        if self._seen and not state:
            raise ProfileError(f"{self.path}: can not be written (the file is gone)")
        if state != self._seen:
            raise ProfileChangedError(f"{self.path}: changed by somebody else meanwhile, and left as it is")
        rounded = Voice(round(voice.weight, 4), np.round(voice.mean, 6), np.round(voice.mean_square, 6))
        content = {"profile": FORMAT, "model_sha256": self._model_sha256, "voice": rounded.to_json()}
        temporary = None
        try:
            descriptor, temporary = self._temporary()
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
                self._keep_who_may(file.fileno())
            temporary.replace(self._target())
        except OSError as error:
            if temporary:
                with contextlib.suppress(OSError):  # of a file system that lets nothing be written any more
                    temporary.unlink()
            raise self._not_written(error) from error
        self._seen, self._voice = self._state(), voice

    def _keep_who_may(self, descriptor: int) -> None:
        """Give the new file the owner and the mode of the one that it replaces."""
        with contextlib.suppress(OSError):  # there is none; or it is for its owner to say, and this is not he
            before = self._target().stat()
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            os.fchown(descriptor, before.st_uid, before.st_gid)

    def _values(self) -> dict[str, Any]:
        target = self._target()
        try:
            status = target.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting, a device never end
                raise ProfileError(f"{self.path}: can not be read (expected a file)")
            if status.st_size > _MOST_BYTES:
                raise ProfileError(f"{self.path}: not a profile (over {_MOST_BYTES} bytes)")
            values = json.loads(target.read_text(encoding="utf-8"))
        except OSError as error:
            raise ProfileError(f"{self.path}: can not be read ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise ProfileError(f"{self.path}: not a profile, or damaged ({error})") from error
        if not isinstance(values, dict) or (type(values.get("profile")), values.get("profile")) != (int, FORMAT):
            raise ProfileError(f"{self.path}: not a profile that this version reads")
        return values

    def _target(self) -> Path:
        return Path(os.path.realpath(self.path))

    def _state(self) -> tuple[int, ...] | None:
        """Return what changes when the file is replaced; None where there is none."""
        try:
            found = self._target().stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _temporary(self) -> tuple[int, Path]:
        target = self._target()
        descriptor, name = tempfile.mkstemp(prefix=".profile-", dir=target.parent)
        return descriptor, Path(name)

    def _not_written(self, error: OSError) -> ProfileError:
        return ProfileError(f"{self.path}: can not be written ({error.strerror})")
