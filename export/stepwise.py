"""The networks in the form that streams: a chunk of rows and what is carried along in, logits and what to carry on out.

The layers and weights are those of :mod:`training.networks`; only how they go over time is written here. What they
give after any rows is what the whole network gives for all rows since the start, however the rows are cut into chunks.
Everything carried is zeros at the start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from streamer.emotion.model_file import OUTPUT_NAME, VOICE_INPUTS, VOICE_OUTPUTS
from training.networks import Network
from training.networks.seed import SeedNetwork
from training.networks.statistics import GLIDE_LAGS, MOST_PAST_ROWS
from training.networks.streaming import CHANGE_ROWS, StreamingNetwork


@dataclass(frozen=True)
class Stepwise:
    """A network in the form that streams."""

    state: Mapping[str, tf.TensorSpec]
    """What is carried along."""
    step: Callable[[Any, Sequence[Any], Sequence[Any]], tuple[Mapping[str, Any], Sequence[Any]]]
    """From rows, shape ``(num_rows, num_columns)``, the context and the state, in their order, to the outputs by name
    and the next state."""
    context: Mapping[str, tf.TensorSpec] = field(default_factory=dict)
    """What it is told that stays the same for all chunks."""


def stepwise(network: Network) -> Stepwise:
    """Return ``network`` in the form that streams."""
    return _seed(network) if isinstance(network, SeedNetwork) else _streaming(network)


def _seed(network: SeedNetwork) -> Stepwise:
    state = {
        "count": tf.TensorSpec((), tf.int64),
        "sums": tf.TensorSpec((1, network.num_columns), tf.float64),
    }

    def step(rows: Any, _context: Sequence[Any], carried: Sequence[Any]) -> tuple[Mapping[str, Any], Sequence[Any]]:
        count, sums = carried
        count = count + tf.shape(rows, tf.int64)[0]
        sums = tf.reduce_sum(tf.concat([sums, tf.cast(rows, tf.float64)], 0), 0, keepdims=True)
        logits = network.logits_of_mean(tf.cast(sums / tf.cast(count, tf.float64), tf.float32))
        return {OUTPUT_NAME: logits}, (count, sums)

    return Stepwise(state, step)


def _streaming(network: StreamingNetwork) -> Stepwise:
    statistics, size = network.statistics, network.told_size
    state = {
        "count": tf.TensorSpec((), tf.int64),
        "sums": tf.TensorSpec((statistics.num_weights, statistics.num_signals), tf.float64),
        "past": tf.TensorSpec((MOST_PAST_ROWS, network.num_columns), tf.float32),
    }
    numbers = tf.TensorSpec((1, network.impression_size), tf.float32)
    context = dict(zip(VOICE_INPUTS, (tf.TensorSpec((1, 1), tf.float32), numbers, numbers), strict=True))

    def step(rows: Any, voice: Sequence[Any], carried: Sequence[Any]) -> tuple[Mapping[str, Any], Sequence[Any]]:
        count, sums, past = carried
        joined = tf.concat([past, rows], 0)
        num_rows = tf.shape(rows)[0]
        lags = [joined[MOST_PAST_ROWS - lag : MOST_PAST_ROWS - lag + num_rows, -2:] for lag in GLIDE_LAGS]
        first = MOST_PAST_ROWS - CHANGE_ROWS + 1
        changes = network.change(joined[tf.newaxis, first:, : network.num_cepstra])
        num_past = tf.cast(count + tf.range(tf.cast(num_rows, tf.int64)), tf.float32)[tf.newaxis]
        of_rows = statistics.sums(
            rows[tf.newaxis], tf.stack(lags, 1)[tf.newaxis], changes, num_past, tf.ones_like(num_past)
        )
        sums = sums + of_rows[0]
        count = count + tf.shape(rows, tf.int64)[0]
        described = network.scaled(statistics.of_sums(sums[tf.newaxis]))
        # Judged twice at once: beside the voice, and beside nothing.
        weight, mean, mean_square = (tf.concat([part, tf.zeros_like(part)], 0) for part in voice)
        logits = network.judge(tf.concat([described, described], 0), weight, mean[:, :size], mean_square[:, :size])
        outputs = (logits[1:], network.impressions(described)[0], network.worth(described, count))
        return {OUTPUT_NAME: logits[:1], **dict(zip(VOICE_OUTPUTS, outputs, strict=True))}, (
            count,
            sums,
            joined[num_rows:],
        )

    return Stepwise(state, step, context)
