"""The network: causal convolutions over rows, then statistics over time; ``keras.ops`` only.

Nothing in it needs the future: a convolution sees the past, and the statistics are sums that can be kept
running. So it could also be run row by row.
"""

from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from training.recipe import NetworkSize

_VARIANCE_FLOOR = 1e-5  # keeps the gradient of the square root finite where a channel is constant


@keras.saving.register_keras_serializable(package="training")
class StatisticsPooling(keras.layers.Layer):  # type: ignore[misc]
    """Mean and standard deviation of each channel over time, from sums."""

    def call(self, frames: Any, weights: Any = None) -> Any:
        """Return shape ``(batch, 2 * channels)`` of ``frames``, shape ``(batch, time, channels)``.

        Args:
            frames: What to pool.
            weights: Shape ``(batch, time)``, 1 where a frame counts and 0 where it is padding; None where all count.
        """
        if weights is None:
            mean, mean_square = ops.mean(frames, axis=1), ops.mean(ops.square(frames), axis=1)
        else:
            weights = ops.expand_dims(weights, -1)
            count = ops.sum(weights, axis=1)
            mean = ops.sum(frames * weights, axis=1) / count
            mean_square = ops.sum(ops.square(frames) * weights, axis=1) / count
        variance = ops.maximum(mean_square - ops.square(mean), 0.0)
        return ops.concatenate([mean, ops.sqrt(variance + _VARIANCE_FLOOR)], axis=-1)


@keras.saving.register_keras_serializable(package="training")
class EmotionNetwork(keras.Model):  # type: ignore[misc]
    """Normalised rows, shape ``(batch, time, num_cepstra)``, to logits, shape ``(batch, num_labels)``."""

    def __init__(self, num_cepstra: int, num_labels: int, size: NetworkSize) -> None:
        """Make the layers and their weights."""
        super().__init__(name="emotion")
        self.num_cepstra, self.num_labels, self.size = num_cepstra, num_labels, size
        self.blocks = [
            CausalBlock(channels, kernel, stride, size.dropout / 2)
            for channels, kernel, stride in zip(size.channels, size.kernel_rows, size.strides, strict=True)
        ]
        self.pooling = StatisticsPooling()
        self.dropout = keras.layers.Dropout(size.dropout)
        self.hidden = keras.layers.Dense(size.hidden_units, activation="relu")
        self.output_layer = keras.layers.Dense(num_labels)
        self.build((None, None, num_cepstra))

    def build(self, _rows_shape: Any) -> None:
        """Make the weights; their shapes follow from the size alone."""
        num_channels = self.num_cepstra
        for block in self.blocks:
            block.build((None, None, num_channels))
            num_channels = block.num_channels
        self.hidden.build((None, 2 * num_channels))
        self.output_layer.build((None, self.size.hidden_units))
        self.built = True

    def call(self, rows: Any, is_valid: Any = None, training: bool = False) -> Any:
        """Return the logits of ``rows``.

        Args:
            rows: Shape ``(batch, time, num_cepstra)``.
            is_valid: Shape ``(batch, time)``, 1 for rows and 0 for padding behind them; None where all count.
            training: Whether dropout is on and the batch's own statistics normalise.
        """
        frames, weights = rows, is_valid
        for block in self.blocks:
            frames, weights = block(frames, weights, training=training)
        pooled = self.dropout(self.pooling(frames, weights), training=training)
        return self.output_layer(self.dropout(self.hidden(pooled), training=training))

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` needs."""
        return {"num_cepstra": self.num_cepstra, "num_labels": self.num_labels, "size": asdict(self.size)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "EmotionNetwork":
        """Return a network as ``config`` says, which comes out of JSON."""
        del custom_objects
        size: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in config["size"].items()
        }
        return cls(config["num_cepstra"], config["num_labels"], NetworkSize(**size))


class CausalBlock(keras.layers.Layer):  # type: ignore[misc]
    """A causal convolution with normalisation, a rectifier and dropout."""

    def __init__(self, num_channels: int, kernel_rows: int, stride: int, dropout: float) -> None:
        """Make the layers."""
        super().__init__()
        self.num_channels, self._stride = num_channels, stride
        self.padding = keras.layers.ZeroPadding1D((kernel_rows - 1, 0))
        self.convolution = keras.layers.Conv1D(num_channels, kernel_rows, strides=stride, use_bias=False)
        self.normalisation = keras.layers.BatchNormalization(momentum=0.95)
        self.dropout = keras.layers.SpatialDropout1D(dropout)

    def build(self, frames_shape: Any, _weights_shape: Any = None) -> None:
        """Make the weights."""
        self.convolution.build(frames_shape)
        self.normalisation.build((None, None, self.num_channels))
        self.built = True

    def call(self, frames: Any, weights: Any = None, training: bool = False) -> tuple[Any, Any]:
        """Return frames, shape ``(batch, ceil(time / stride), num_channels)``, and which of them count."""
        weights = None if weights is None else weights[:, :: self._stride]
        frames = self.convolution(self.padding(frames))
        frames = ops.relu(self.normalisation(frames, training=training, mask=weights))
        return self.dropout(frames, training=training), weights


def masked(network: EmotionNetwork) -> Any:
    """Return a model around ``network`` that takes rows and what of them is valid: for batches with padding."""
    rows = keras.Input((None, network.num_cepstra), name="rows")
    is_valid = keras.Input((None,), name="is_valid")
    return keras.Model([rows, is_valid], network(rows, is_valid))
