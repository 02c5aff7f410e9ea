"""What of rows over time the network hears: weighted moments, all from one table of sums.

Of the cepstra only while there is voice: what they are between, and how far from that, tells of the room and the
microphone.
The sums of products of weights and signals are all that has to be kept of an utterance: they can be kept running, and
cut anywhere. Everything is done for all signals at once: a graph of few operations costs less than the numbers do.
"""

from typing import Any

import numpy as np
from keras import ops

GLIDE_LAGS = (1, 3, 8)
"""Rows between two pitches whose difference is a glide."""
MOST_PAST_ROWS = max(GLIDE_LAGS)
_CHANGE = GLIDE_LAGS.index(3)
"""The lag of the changes of all else."""
_MOST_GLIDE_OCTAVES = 0.25 * np.minimum(GLIDE_LAGS, 2)
"""More is an error of an octave, or another syllable."""
_GLIDE_SCALE = 10.0 / np.sqrt(GLIDE_LAGS)
_NUM_RELATED = 8
"""Cepstra whose correlations, among them and with the pitch, are heard."""
_UNVOICED, _VOICED = 0.2, 0.45
"""Harmonicity below which a row has no weight as voiced, and from which it has all."""
_LEAST_WEIGHT = 0.02
_LEAST_DEVIATION = 0.03
_MOST_SKEW = 5.0

_WEIGHTS = ("voiced", "all", "both voiced", "past", "pitched", *(f"glide {lag}" for lag in GLIDE_LAGS))


class RowStatistics:
    """Weighted means, deviations, skews and correlations of rows, their changes and the glides of pitch.

    A row is ``num_cepstra`` normalised cepstra, the normalised pitch and the harmonicity as it is.
    """

    def __init__(self, num_cepstra: int) -> None:
        """Lay out the table of sums, and what is read from where."""
        self.num_cepstra = num_cepstra
        self.precision = "float64"
        """Of the sums: variances are small differences of large numbers. To learn from, float32 will do."""
        sizes = {"cepstra": num_cepstra, "pitch": 1, "harmonicity": 1, "voiced": 1, "swing": 1}
        sizes |= dict.fromkeys(("glide", "rise", "fall"), len(GLIDE_LAGS))
        ends = np.cumsum([1, *sizes.values()])  # behind the constant
        places = {name: np.arange(first, end) for name, first, end in zip(sizes, ends, ends[1:], strict=False)}
        num_single, num_cubed = int(ends[-1]) - 1, num_cepstra + 1
        self._first, self._second = np.triu_indices(_NUM_RELATED + 1, 1)
        self._related = np.array([*range(_NUM_RELATED), num_cepstra])
        self._num_cubed = num_cubed
        first_product = 1 + 2 * num_single + num_cubed
        first_change = first_product + len(self._first)
        places["change"] = first_change + np.arange(num_cepstra)
        self.num_weights, self.num_signals = len(_WEIGHTS), first_change + 2 * num_cepstra

        def place(weight: str, signals: Any) -> Any:
            return _WEIGHTS.index(weight) * self.num_signals + np.asarray(signals)

        spread = [(weight, places[name], num_cepstra if name == "change" else num_single) for weight, name in _SPREAD]
        for index, lag in enumerate(GLIDE_LAGS):
            glides = np.array([places[name][index] for name in ("glide", "rise", "fall")])
            spread.append((f"glide {lag}", glides, num_single))
        # The mean and the deviation of these are heard; of the first, changes, which are none on average, the latter.
        self._means = np.concatenate([place(weight, signals) for weight, signals, _ in spread])
        self._mean_squares = np.concatenate(
            [place(weight, signals + to_square) for weight, signals, to_square in spread]
        )
        skewed = np.concatenate([place("voiced", places["cepstra"]), place("pitched", places["pitch"])])
        self._cubes = skewed + 2 * num_single
        self._skewed = np.array([self._means.tolist().index(entry) for entry in skewed.tolist()])
        self._of_related = place("voiced", 1 + self._related)
        self._squares_of_related = self._of_related + num_single
        self._products = place("voiced", first_product + np.arange(len(self._first)))
        self.size = 2 * self._means.size - num_cepstra + self._cubes.size + len(self._first)

    def sums(self, rows: Any, past: Any, changes: Any, num_past: Any, is_valid: Any) -> Any:
        """Return the table of sums, shape ``(batch, num_weights, num_signals)``, in ``precision``.

        Args:
            rows: Shape ``(batch, time, num_cepstra + 2)``.
            past: Pitch and harmonicity of the rows ``GLIDE_LAGS`` before each, shape
                ``(batch, time, len(GLIDE_LAGS), 2)``.
            changes: What the convolution makes of the cepstra, shape ``(batch, time, num_cepstra)``.
            num_past: How many rows came before each, shape ``(batch, time)``.
            is_valid: Shape ``(batch, time)``, 1 for rows and 0 for padding.
        """
        cepstra, pitch, harmonicity = rows[..., :-2], rows[..., -2:-1], rows[..., -1:]
        voiced, voiced_past = voicing(harmonicity), voicing(past[..., 1])
        has_past = ops.cast(ops.expand_dims(num_past, -1) >= np.array(GLIDE_LAGS, np.float32), "float32")
        has_all = has_past[..., -1:]
        glides = pitch - past[..., 0]
        is_glide = ops.cast(ops.abs(glides) < _MOST_GLIDE_OCTAVES.astype(np.float32), "float32")
        weights = ops.concatenate(
            [
                voiced + _LEAST_WEIGHT,
                ops.ones_like(voiced),
                (ops.sqrt(voiced * voiced_past[..., _CHANGE : _CHANGE + 1] + 1e-9) + _LEAST_WEIGHT) * has_all,
                has_all,
                voiced + 1e-4,
                (is_glide * voiced * voiced_past + 1e-5) * has_past,
            ],
            -1,
        )
        glides = glides * _GLIDE_SCALE.astype(np.float32)
        swing = harmonicity - past[..., _CHANGE, 1:]
        single = ops.concatenate(
            [cepstra, pitch, harmonicity, voiced, swing, glides, ops.relu(glides), ops.relu(-glides)], -1
        )
        # Before they are squared: what is left of squares that are all the same is their rounding.
        single, changes = ops.cast(single, self.precision), ops.cast(changes, self.precision)
        squares = single * single
        cubes = (squares * single)[..., : self._num_cubed]
        related = ops.take(single, self._related, -1)
        products = ops.take(related, self._first, -1) * ops.take(related, self._second, -1)
        of_changes = [changes, changes * changes]
        signals = ops.concatenate([ops.ones_like(single[..., :1]), single, squares, cubes, products, *of_changes], -1)
        weights = ops.cast(ops.transpose(weights * ops.expand_dims(is_valid, -1), (0, 2, 1)), self.precision)
        return ops.matmul(weights, signals)

    def of_sums(self, sums: Any) -> Any:
        """Return the statistics, shape ``(batch, size)``, float32, of the table of sums, of any precision."""
        table = ops.reshape(sums / (sums[..., :1] + 1e-6), (-1, self.num_weights * self.num_signals))
        mean = ops.take(table, self._means, -1)
        mean_square = ops.take(table, self._mean_squares, -1)
        deviation = ops.sqrt(ops.maximum(mean_square - mean * mean, 1e-8)) + _LEAST_DEVIATION
        skewed, spread = ops.take(mean, self._skewed, -1), ops.take(deviation, self._skewed, -1)
        third = ops.take(table, self._cubes, -1) - 3.0 * skewed * ops.take(mean_square, self._skewed, -1)
        skew = (third + 2.0 * skewed * skewed * skewed) / (spread * spread * spread)
        parts = [
            mean[:, self.num_cepstra :],
            ops.log(deviation),
            ops.clip(skew, -_MOST_SKEW, _MOST_SKEW),
            self._correlations(table),
        ]
        return ops.cast(ops.concatenate(parts, -1), "float32")

    def _correlations(self, table: Any) -> Any:
        mean = ops.take(table, self._of_related, -1)
        mean_square = ops.take(table, self._squares_of_related, -1)
        scaled = 1.0 / ops.sqrt(ops.maximum(mean_square - mean * mean, 1e-4))
        first, second = self._first, self._second
        covariance = ops.take(table, self._products, -1) - ops.take(mean, first, -1) * ops.take(mean, second, -1)
        return covariance * ops.take(scaled, first, -1) * ops.take(scaled, second, -1)


_SPREAD = (
    ("past", "change"),
    ("voiced", "cepstra"),
    ("both voiced", "change"),
    ("pitched", "pitch"),
    ("all", "harmonicity"),
    ("voiced", "harmonicity"),
    ("all", "voiced"),
    ("past", "swing"),
)


def voicing(harmonicity: Any) -> Any:
    """Return how much rows of ``harmonicity`` weigh as voiced, 0 to 1."""
    return ops.clip((harmonicity - _UNVOICED) / (_VOICED - _UNVOICED), 0.0, 1.0)
