"""The model file must give the numbers of the network it was made from."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ParityError
from streamer.emotion.classifier import OnnxClassifier
from streamer.features.normalise import GlobalNormaliser
from streamer.speech.network import SpeechNetwork

TOLERANCE = 1e-5
_PREFIX_ROWS = (1, 2, 7, 30, 64)

Rows = NDArray[np.float32]


def check_parity(network: Any, classifier: OnnxClassifier, clips: Sequence[Rows]) -> float:
    """Return the largest difference of a logit between ``network`` and ``classifier``, over many lengths.

    Args:
        network: The Keras model.
        classifier: The same as the daemon loads it.
        clips: Rows of real clips, each of shape ``(num_rows, num_cepstra)``, not normalised.

    Raises:
        ParityError: A difference is above :data:`TOLERANCE`, or not a number.
    """
    normaliser = GlobalNormaliser(classifier.info.mean, classifier.info.std)
    largest = 0.0
    for rows in _lengths(clips):
        if rows.ndim != 2 or rows.shape[1] != len(classifier.info.mean):
            expected_shape = f"(num_rows, {len(classifier.info.mean)})"
            raise ParityError(f"rows to compare with must be of shape {expected_shape}, got {rows.shape}")
        expected = np.asarray(network(normaliser.normalise(rows)[np.newaxis], training=False))[0]
        largest = max(largest, _difference(expected, classifier.logits(rows), f"{len(rows)} rows of {classifier.path}"))
    return largest


def check_detector_parity(network: Any, exported: SpeechNetwork, scenes: Sequence[Rows]) -> float:
    """Return the largest difference of a probability between ``network`` and ``exported``, over many splits.

    Args:
        network: The Keras model, from rows and states to probabilities and states.
        exported: The same as the daemon loads it.
        scenes: Rows of scenes, each of shape ``(num_rows, NUM_COLUMNS)``.

    Raises:
        ParityError: A difference is above :data:`TOLERANCE`, or not a number.
    """
    silence = [np.zeros(node.shape, np.float32) for node in network.inputs[1:]]
    largest = 0.0
    for rows, num_rows in product(scenes, _PREFIX_ROWS):
        expected = np.asarray(network([rows[np.newaxis], *silence], training=False)[0])[0]
        exported.reset()
        parts = [rows[first : first + num_rows] for first in range(0, len(rows), num_rows)]
        said = np.concatenate([exported.push(part) for part in parts])
        largest = max(largest, _difference(expected, said, f"{num_rows} rows at once"))
    return largest


def _difference(expected: NDArray[Any], said: NDArray[Any], what: str) -> float:
    """Return the largest difference; refuse one that is too large, or no number."""
    difference = float(np.abs(expected - said).max())
    if not difference <= TOLERANCE:
        raise ParityError(
            f"for {what} the model file differs by {difference:.2g} from the network, allowed is {TOLERANCE:g}"
        )
    return difference


def _lengths(clips: Sequence[Rows]) -> Iterator[Rows]:
    for clip in clips:
        yield clip
        yield from (clip[:num_rows] for num_rows in _PREFIX_ROWS if num_rows < len(clip))
