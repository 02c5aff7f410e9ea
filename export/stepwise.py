"""The networks in the form that streams: a chunk of rows and what is carried along in, logits and what to carry on out.

The layers and weights are those of :mod:`training.networks`; only how they go over time is written here. What they
give after any rows is what the whole network gives for all rows since the start, however the rows are cut into chunks.
Everything carried is zeros at the start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from training.networks import Network
from training.networks.seed import SeedNetwork
from training.networks.streaming import VARIANCE_FLOOR, CausalBlock, StreamingNetwork, TimePooling


@dataclass(frozen=True)
class Stepwise:
    """A network in the form that streams."""

    state: Mapping[str, tf.TensorSpec]
    """What is carried along."""
    step: Callable[[Any, Sequence[Any]], tuple[Any, Sequence[Any]]]
    """From rows, shape ``(num_rows, num_columns)``, and the state, in the order of ``state``, to logits, shape
    ``(1, num_labels)``, and the next state."""


def stepwise(network: Network) -> Stepwise:
    """Return ``network`` in the form that streams."""
    return _seed(network) if isinstance(network, SeedNetwork) else _streaming(network)


def _seed(network: SeedNetwork) -> Stepwise:
    state = {
        "count": tf.TensorSpec((), tf.int64),
        "sums": tf.TensorSpec((1, network.num_columns), tf.float64),
    }

    def step(rows: Any, carried: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        count, sums = carried
        count = count + tf.shape(rows, tf.int64)[0]
        sums = _sum_with(sums, tf.cast(rows, tf.float64))
        return network.logits_of_mean(tf.cast(sums / tf.cast(count, tf.float64), tf.float32)), (count, sums)

    return Stepwise(state, step)


def _streaming(network: StreamingNetwork) -> Stepwise:
    num_columns = [network.num_columns, *network.settings.channels]
    caches = {
        f"cache_{index}": tf.TensorSpec((block.kernel_rows - 1, columns), tf.float32)
        for index, (block, columns) in enumerate(zip(network.blocks, num_columns, strict=False))
    }
    pooled = _pooled_state(network.pooling, num_columns[-1])
    convolutions = [_Convolution(block) for block in network.blocks]

    def step(rows: Any, carried: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        count, heard, *before = carried
        frames, num_frames, after = rows, count, []
        for convolution, cache in zip(convolutions, before, strict=True):
            frames, num_frames, last_rows = convolution.push(frames, num_frames, cache)
            after.append(last_rows)
        num_frames = num_frames + tf.shape(frames, tf.int64)[0]
        statistics, heard = _pool(network.pooling, frames, num_frames, heard)
        next_count = count + tf.shape(rows, tf.int64)[0]
        return network.logits_of_statistics(statistics), (next_count, heard, *after)

    return Stepwise({"count": tf.TensorSpec((), tf.int64), "heard": pooled, **caches}, step)


class _Convolution:
    """A causal block on chunks: convolution, normalisation and rectifier as one product with the windows over rows.

    A window starts where the number of rows before it is a multiple of the stride, also across chunks. A chunk may
    hold the start of no window: convolutions of onnxruntime refuse that, products take it.
    """

    def __init__(self, block: CausalBlock) -> None:
        """Take the weights of ``block``; in use its normalisation is a factor and an offset a channel."""
        self._stride, self._kernel_rows = block.stride, block.kernel_rows
        kernel, offset = block.folded()
        self._kernel = np.reshape(kernel, (-1, kernel.shape[-1])).astype(np.float32)
        self._offset = offset.astype(np.float32)

    def push(self, rows: Any, num_before: Any, cache: Any) -> tuple[Any, Any, Any]:
        """Return the frames that ``rows`` complete, how many were complete before, and the last rows for the next."""
        joined = tf.concat([cache, rows], 0)
        num_rows = tf.shape(rows, tf.int64)[0]
        # All numbers are at least 0: truncated division, which ONNX has, rounds down.
        num_frames = tf.truncatediv(num_before + (self._stride - 1), self._stride) if self._stride > 1 else num_before
        first = num_frames * self._stride - num_before if self._stride > 1 else tf.constant(0, tf.int64)
        starts = tf.range(first, num_rows, self._stride, dtype=tf.int64)
        windows = tf.gather(joined, starts[:, tf.newaxis] + np.arange(self._kernel_rows, dtype=np.int64), axis=0)
        product = tf.matmul(tf.reshape(windows, (-1, len(self._kernel))), self._kernel)
        return tf.nn.relu(product + self._offset), num_frames, joined[num_rows:]


def _pooled_state(pooling: TimePooling, num_channels: int) -> tf.TensorSpec:
    if pooling.kind == "maximum":
        return tf.TensorSpec((1, num_channels), tf.float32)
    # Sums over hours still tell a frame from none.
    return tf.TensorSpec((1, num_channels * pooling.numbers_per_channel), tf.float64)


def _pool(pooling: TimePooling, frames: Any, num_frames: Any, heard: Any) -> tuple[Any, Any]:
    """Return the statistics after ``frames``, the last of ``num_frames``, and what is kept of all of them."""
    if pooling.kind == "maximum":
        highest = tf.reduce_max(tf.concat([heard, frames], 0), 0, keepdims=True)
        return highest, highest
    exact = tf.cast(frames, tf.float64)
    if pooling.kind == "mean":
        heard = _sum_with(heard, exact)
        return tf.cast(heard / tf.cast(num_frames, tf.float64), tf.float32), heard
    heard = _sum_with(heard, tf.concat([exact, tf.square(exact)], 1))
    mean, mean_square = tf.split(heard / tf.cast(num_frames, tf.float64), 2, axis=1)
    variance = tf.maximum(mean_square - tf.square(mean), 0.0)
    return tf.cast(tf.concat([mean, tf.sqrt(variance + VARIANCE_FLOOR)], 1), tf.float32), heard


def _sum_with(sums: Any, frames: Any) -> Any:
    return tf.reduce_sum(tf.concat([sums, frames], 0), 0, keepdims=True)
