"""What of rows over time the network hears: weighted moments, all from one table of sums.

The sums of products of weights and signals are all that has to be kept of an utterance: they can be kept running, and
cut anywhere.
"""

from typing import Any

import numpy as np
from keras import ops

GLIDE_LAGS = (1, 3, 8)
"""Rows between two pitches whose difference is a glide."""
MOST_PAST_ROWS = max(GLIDE_LAGS)
_GLIDE_OCTAVES = 0.25
"""From one row to the next; more is an error of an octave, or another syllable."""
_GLIDE_SCALE = 10.0
_NUM_RELATED = 8
"""Cepstra whose correlations are heard."""
_UNVOICED, _VOICED = 0.2, 0.45
"""Harmonicity below which a row has no weight as voiced, and from which it has all."""
_LEAST_WEIGHT = 0.02
_LEAST_DEVIATION = 0.03


class RowStatistics:
    """Weighted means, deviations, skews and correlations of rows, their changes and the glides of pitch.

    A row is ``num_cepstra`` normalised cepstra, the normalised pitch and the harmonicity as it is.
    """

    def __init__(self, num_cepstra: int) -> None:
        """Lay out the table."""
        self.num_cepstra = num_cepstra
        names = ["one", "cepstra", "cepstra2", "cepstra3", "change", "change2", "pitch", "pitch2", "pitch3"]
        names += ["harmonicity", "harmonicity2", "voiced", "voiced2", "harmonicity_change", "harmonicity_change2"]
        names += [
            f"{kind}{lag}{power}" for lag in GLIDE_LAGS for kind in ("glide", "rise", "fall") for power in ("", "_2")
        ]
        wide = ("cepstra", "cepstra2", "cepstra3", "change", "change2")
        sizes = [num_cepstra if name in wide else 1 for name in names]
        pairs = np.triu_indices(_NUM_RELATED + 1, 1)
        self._pairs = [(int(a), int(b)) for a, b in zip(*pairs, strict=True)]
        names, sizes = [*names, "products"], [*sizes, len(self._pairs)]
        ends = np.cumsum(sizes)
        self._places = {name: (int(end - size), int(end)) for name, size, end in zip(names, sizes, ends, strict=True)}
        self.num_signals = int(ends[-1])
        self.weight_names = ("voiced", "all", "unvoiced", "voiced_past", "past", "pitched", *map(str, GLIDE_LAGS))

    @property
    def size(self) -> int:
        """How many statistics there are."""
        return 9 * self.num_cepstra + 3 + 8 + 6 * len(GLIDE_LAGS) + len(self._pairs)

    @property
    def num_weights(self) -> int:
        """How many kinds of weight a row has."""
        return len(self.weight_names)

    def sums(self, rows: Any, past: Any, changes: Any, num_past: Any, is_valid: Any) -> Any:
        """Return the table of sums, shape ``(batch, num_weights, num_signals)``, float64.

        Args:
            rows: Shape ``(batch, time, num_cepstra + 2)``.
            past: For each row those ``GLIDE_LAGS`` before it: pitch and harmonicity, shape
                ``(batch, time, len(GLIDE_LAGS), 2)``.
            changes: What the convolution makes of the cepstra, shape ``(batch, time, num_cepstra)``.
            num_past: How many rows came before each, shape ``(batch, time)``.
            is_valid: Shape ``(batch, time)``, 1 for rows and 0 for padding.
        """
        weights, signals = self._weights(rows, past, num_past), self._signals(rows, past, changes)
        weights = ops.cast(weights * ops.expand_dims(is_valid, -1), "float64")
        return ops.matmul(ops.transpose(weights, (0, 2, 1)), ops.cast(signals, "float64"))

    def _weights(self, rows: Any, past: Any, num_past: Any) -> Any:
        voiced, voiced_past = voicing(rows[..., -1:]), voicing(past[..., 1])
        has_past = ops.cast(ops.expand_dims(num_past, -1) >= np.array(GLIDE_LAGS, np.int32), "float32")
        lag = GLIDE_LAGS.index(3)
        both = ops.sqrt(voiced * voiced_past[..., lag : lag + 1] + 1e-9)
        glides = ops.abs(rows[..., -2:-1] - past[..., 0])
        most = _GLIDE_OCTAVES * np.minimum(GLIDE_LAGS, 2).astype(np.float32)
        is_glide = ops.cast(glides < most, "float32") * voiced * voiced_past + 1e-5
        parts = [
            voiced + _LEAST_WEIGHT,
            ops.ones_like(voiced),
            1.0 - voiced + _LEAST_WEIGHT,
            (both + _LEAST_WEIGHT) * has_past[..., lag : lag + 1],
            has_past[..., lag : lag + 1],
            voiced + 1e-4,
            is_glide * has_past,
        ]
        return ops.concatenate(parts, -1)

    def _signals(self, rows: Any, past: Any, changes: Any) -> Any:
        cepstra, pitch, harmonicity = rows[..., :-2], rows[..., -2:-1], rows[..., -1:]
        voiced, lag = voicing(harmonicity), GLIDE_LAGS.index(3)
        change = harmonicity - past[..., lag, 1:]
        parts = [ops.ones_like(pitch), cepstra, cepstra**2, cepstra**3, changes, changes**2]
        parts += [pitch, pitch**2, pitch**3, harmonicity, harmonicity**2, voiced, voiced**2, change, change**2]
        for index, rows_before in enumerate(GLIDE_LAGS):
            glide = (pitch - past[..., index, :1]) * (_GLIDE_SCALE / rows_before**0.5)
            rise, fall = ops.relu(glide), ops.relu(-glide)
            parts += [glide, glide**2, rise, rise**2, fall, fall**2]
        related = ops.concatenate([cepstra[..., :_NUM_RELATED], pitch], -1)
        first, second = np.array(self._pairs).T
        parts.append(ops.take(related, first, -1) * ops.take(related, second, -1))
        return ops.concatenate(parts, -1)

    def of_sums(self, sums: Any) -> Any:
        """Return the statistics, shape ``(batch, size)``, float32, of the table of sums."""
        parts = []
        for weight, signal, cubes in (("voiced", "cepstra", True), ("all", "cepstra", False)):
            parts += self._spread(sums, weight, signal, with_skew=cubes)
        parts.append(self._mean(sums, "unvoiced", "cepstra"))
        parts += self._spread(sums, "voiced_past", "change")
        parts += self._spread(sums, "past", "change")[1:]
        parts += self._spread(sums, "pitched", "pitch", with_skew=True)
        for weight, signal in (("all", "harmonicity"), ("voiced", "harmonicity"), ("all", "voiced")):
            parts += self._spread(sums, weight, signal)
        parts += self._spread(sums, "past", "harmonicity_change")
        for lag in GLIDE_LAGS:
            for kind in ("glide", "rise", "fall"):
                parts += self._spread(sums, str(lag), f"{kind}{lag}", square="_2")
        parts.append(self._correlations(sums))
        return ops.cast(ops.concatenate(parts, -1), "float32")

    def _mean(self, sums: Any, weight: str, signal: str) -> Any:
        row = self.weight_names.index(weight)
        first, end = self._places[signal]
        return sums[:, row, first:end] / (sums[:, row, :1] + 1e-6)

    def _spread(self, sums: Any, weight: str, signal: str, *, square: str = "2", with_skew: bool = False) -> list[Any]:
        mean, mean_square = self._mean(sums, weight, signal), self._mean(sums, weight, signal + square)
        deviation = ops.sqrt(ops.maximum(mean_square - mean**2, 1e-8))
        found = [mean, ops.log(deviation + _LEAST_DEVIATION)]
        if with_skew:
            third = self._mean(sums, weight, signal + "3") - 3.0 * mean * mean_square + 2.0 * mean**3
            found.append(ops.clip(third / (deviation + _LEAST_DEVIATION) ** 3, -5.0, 5.0))
        return found

    def _correlations(self, sums: Any) -> Any:
        def of_both(name: str) -> Any:
            return ops.concatenate(
                [
                    self._mean(sums, "voiced", f"cepstra{name}")[:, :_NUM_RELATED],
                    self._mean(sums, "voiced", f"pitch{name}"),
                ],
                -1,
            )

        mean = of_both("")
        deviation = ops.sqrt(ops.maximum(of_both("2") - mean**2, 1e-4))
        first, second = np.array(self._pairs).T
        products = self._mean(sums, "voiced", "products") - ops.take(mean, first, -1) * ops.take(mean, second, -1)
        return products / (ops.take(deviation, first, -1) * ops.take(deviation, second, -1))


def voicing(harmonicity: Any) -> Any:
    """Return how much rows of ``harmonicity`` weigh as voiced, 0 to 1."""
    return ops.clip((harmonicity - _UNVOICED) / (_VOICED - _UNVOICED), 0.0, 1.0)
