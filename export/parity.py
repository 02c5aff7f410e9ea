"""The model file must give the numbers of the network it was made from."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ParityError
from streamer.emotion.classifier import OnnxClassifier
from streamer.emotion.model_file import ModelInfo, SelfTest
from streamer.features.normalise import GlobalNormaliser
from streamer.speech.network import SpeechNetwork

TOLERANCE = 1e-5
_PREFIX_ROWS = (1, 2, 7, 30, 64)
_NUM_SELF_TEST_ROWS = 48

Rows = NDArray[np.float32]


def check_parity(network: Any, classifier: OnnxClassifier, clips: Sequence[Rows]) -> float:
    """Return the largest difference of a logit between ``network`` and ``classifier``, over many lengths and splits.

    Args:
        network: The Keras model.
        classifier: The same as the daemon loads it.
        clips: Rows of real clips, each of shape ``(num_rows, num_columns)``, not normalised.

    Raises:
        ParityError: A difference is above :data:`TOLERANCE`, or not a number.
    """
    num_columns = len(classifier.info.mean)
    random = np.random.default_rng(0)
    largest = 0.0
    for rows in clips:
        if rows.ndim != 2 or rows.shape[1] != num_columns:
            raise ParityError(f"rows to compare with must be of shape (num_rows, {num_columns}), got {rows.shape}")
        ends = [*(num_rows for num_rows in _PREFIX_ROWS if num_rows < len(rows)), len(rows)]
        expected = {end: logits_of(network, classifier.info, rows[:end]) for end in ends}
        for most_rows in (1, 5, 50, len(rows)):
            classifier.reset()
            end = 0
            while end < len(rows):
                chunk = rows[end : end + int(random.integers(1, most_rows + 1))]
                # No chunk goes beyond where the network was asked.
                chunk = chunk[: min(stop for stop in ends if stop > end) - end]
                classifier.push(chunk)
                end += len(chunk)
                if end in expected:
                    what = f"{end} rows, up to {most_rows} at once, of {classifier.path}"
                    largest = max(largest, _difference(expected[end], classifier.logits, what))
    return largest


def self_test_of(network: Any, info: ModelInfo) -> SelfTest:
    """Return a vector for the model file of ``network``: rows as spread as those that it learnt from."""
    spread = np.random.default_rng(0).standard_normal((_NUM_SELF_TEST_ROWS, len(info.mean)))
    rows = np.round(np.array(info.mean) + np.array(info.std) * spread, 3).astype(np.float32)
    logits = [logits_of(network, info, rows[:end]) for end in range(1, len(rows) + 1)]
    return SelfTest(rows, np.array(logits, np.float64), None)


def logits_of(network: Any, info: ModelInfo, rows: Rows) -> NDArray[np.float32]:
    """Return the logits, shape ``(num_labels,)``, that the Keras model ``network`` gives for all of ``rows``."""
    normalised = GlobalNormaliser(info.mean, info.std).normalise(rows)
    return np.asarray(network(normalised[np.newaxis], training=False)[0])


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
