"""The default detector: webrtcvad and band levels, joined by a small network."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ModelError, SettingsError
from streamer.metadata import json_value, text
from streamer.onnx import DETECTOR_KIND, StreamingNetwork, metadata_of, open_session, read_model
from streamer.settings import SpeechSettings
from streamer.speech.rows import FRAMES_PER_ROW, NUM_COLUMNS, SpeechRows, describe_rows

BUNDLED_DETECTOR = Path(__file__).parent.parent / "models" / "speech.onnx"
ROWS, PROBABILITIES = "rows", "probabilities"
_JSON_KEYS: Mapping[str, type] = {"rows": dict, "data": list, "licence": dict, "figures": dict}
LOOKAHEAD_ROWS = 1
"""A row is judged when the next one is there."""


class SpeechNetwork:
    """A causal convolutional network in a model file, which carries its state along."""

    def __init__(self, path: Path) -> None:
        """Load and check the network.

        Raises:
            ModelError: The file is missing, is no detector, or one of other rows.
        """
        self._path = path
        content, self.sha256 = read_model(path)
        session = open_session(path, content)
        self.metadata = metadata_of(session)
        _check(path, self.metadata)
        self.name = self.metadata["name"]
        self._network = StreamingNetwork(path, session, ROWS, [PROBABILITIES])
        (output,) = self._network.outputs
        if output.type != "tensor(float)":
            raise ModelError(f"{path}: the network must give float, got {output.type}")
        with self._network.trial():
            for num_rows in (1, 100):  # what fails, fails here rather than midway
                self.push(np.zeros((num_rows, NUM_COLUMNS), np.float32))
        self.reset()

    def twin(self) -> Self:
        """Return one for another stream; the network itself is shared, also by threads."""
        other = copy.copy(self)
        other._network = self._network.twin()
        return other

    def about(self) -> dict[str, Any]:
        """Return what the file says about itself."""
        return {key: json.loads(value) if key in _JSON_KEYS else value for key, value in self.metadata.items()}

    def reset(self) -> None:
        """Forget everything heard."""
        self._network.reset()

    def push(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how probable speech is in the frames of the rows ``LOOKAHEAD_ROWS`` before each of ``rows``.

        Args:
            rows: Shape ``(num_rows, NUM_COLUMNS)``, at least one.

        Returns:
            Shape ``(num_rows, FRAMES_PER_ROW)``.

        Raises:
            ModelError: The network fails.
        """
        (said,) = self._network.push(rows[np.newaxis])
        expected = (1, len(rows), FRAMES_PER_ROW)
        if said.shape != expected:
            raise ModelError(f"{self._path}: the network must give an array of shape {expected}, got {said.shape}")
        # onnxruntime's sigmoid may exceed 1 by a rounding; what is no number compares to none.
        if not (said.min() >= 0.0 and said.max() <= 1.001):
            raise ModelError(f"{self._path}: the network must give probabilities, got {said.min():g} to {said.max():g}")
        return np.asarray(said[0])


class NetworkDetector:
    """A :class:`SpeechNetwork` on :class:`~streamer.speech.rows.SpeechRows`.

    Only webrtcvad hears each frame as it comes. Rows and network wait until they are asked, since a call costs the
    same for one row as for twenty.
    """

    def __init__(self, settings: SpeechSettings, path: Path = BUNDLED_DETECTOR) -> None:
        """Load and check the network.

        Raises:
            ModelError: The file is missing, is no detector, or one of other rows.
            SettingsError: Frames are not of 20 ms.
        """
        if settings.frame_ms != 20:
            raise SettingsError(f"frame_ms must be 20 with the default detector, got {settings.frame_ms}")
        self._network, self._rows = SpeechNetwork(path), SpeechRows()
        self.name, self.sha256 = self._network.name, self._network.sha256
        self.reset()

    def twin(self) -> Self:
        """Return one for another stream; the network itself is loaded once, also for streams in other threads."""
        other = copy.copy(self)
        other._network, other._rows = self._network.twin(), SpeechRows()
        other.reset()
        return other

    def reset(self) -> None:
        """Forget everything heard."""
        self._network.reset()
        self._rows.reset()
        self._num_early = LOOKAHEAD_ROWS  # what the network says before the first row could be judged
        self._loudness: list[float] = []  # of the frames not judged yet

    @staticmethod
    def frames_to_judge(num_frames: int) -> int:
        """Return how many frames must have come before the first ``num_frames`` can be judged: whole rows."""
        return (-(-num_frames // FRAMES_PER_ROW) + LOOKAHEAD_ROWS) * FRAMES_PER_ROW

    def push(self, frames: NDArray[np.int16]) -> bytes:
        """Keep ``frames``, shape ``(num_frames, 320)``, int16; return 1 for each that webrtcvad takes for speech."""
        return self._rows.push(frames)

    def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
        """Return the probabilities of speech and the levels of the frames that were not judged yet.

        Raises:
            ModelError: The network fails.
        """
        is_odd = self._rows.has_half
        rows, loudness = self._rows.take(is_last=is_last)
        self._loudness += np.repeat(loudness, FRAMES_PER_ROW).tolist()
        if is_last:
            rows = np.concatenate((rows, np.zeros((LOOKAHEAD_ROWS, NUM_COLUMNS), np.float32)))
        probabilities: list[float] = []
        if len(rows):
            probabilities = self._network.push(rows)[self._num_early :].ravel().tolist()
            self._num_early = max(0, self._num_early - len(rows))
        if is_last:
            # The last row may stand for one frame only.
            del probabilities[len(self._loudness) - is_odd :]
        count = len(probabilities)
        levels, self._loudness = self._loudness[:count], self._loudness[count:]
        return probabilities, levels


def metadata(name: str, data: Any, licence: Mapping[str, Any], figures: Any) -> dict[str, str]:
    """Return the keys and values that the file of a detector carries."""
    return {
        "format": "1",
        "kind": DETECTOR_KIND,
        "name": name,
        "rows": json.dumps(describe_rows()),
        "data": json.dumps(data),
        "licence": json.dumps(licence),
        "figures": json.dumps(figures),
    }


def _check(path: Path, said: Mapping[str, str]) -> None:
    if said.get("kind") != DETECTOR_KIND:
        kind = said.get("kind")
        raise ModelError(
            f"{path}: key 'kind' is {kind!r}, expected {DETECTOR_KIND!r}: not a detector of speech "
            "(Silero's file is named as silero:FILE, a model of emotions goes with --model)"
        )
    if said.get("format") != "1":
        raise ModelError(f"{path}: key 'format' is {said.get('format')!r}, but this version reads 1")
    try:
        text(said, "name")
        for key, json_kind in _JSON_KEYS.items():
            json_value(said, key, json_kind)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if said.get("rows") != json.dumps(describe_rows()):
        raise ModelError(f"{path}: key 'rows' is not what this version computes; take the file that came with it")
