"""The product's network: causal convolutions over rows, then statistics over time; ``keras.ops`` only.

Nothing in it needs the future: a convolution sees the past, and what is pooled can be kept running. So it is also
run chunk by chunk, see :mod:`export.stepwise`.
"""

from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from training.experiment import NetworkSettings

VARIANCE_FLOOR = 1e-5
"""Keeps the gradient of the square root finite where a channel is constant."""


@keras.saving.register_keras_serializable(package="training")
class TimePooling(keras.layers.Layer):  # type: ignore[misc]
    """One number, or two, for each channel over time."""

    def __init__(self, kind: str) -> None:
        """Pool as ``kind`` says, one of :data:`training.experiment.POOLINGS`."""
        super().__init__()
        self.kind = kind

    @property
    def numbers_per_channel(self) -> int:
        """How many numbers come out for a channel."""
        return 2 if self.kind == "mean_and_deviation" else 1

    def call(self, frames: Any, weights: Any = None) -> Any:
        """Return shape ``(batch, numbers_per_channel * channels)`` of ``frames``, ``(batch, time, channels)``.

        Args:
            frames: What to pool, not below 0.
            weights: Shape ``(batch, time)``, 1 where a frame counts and 0 where it is padding; None where all count.
        """
        weights = ops.ones_like(frames[..., :1]) if weights is None else ops.expand_dims(weights, -1)
        if self.kind == "maximum":
            return ops.max(frames * weights, axis=1)
        count = ops.sum(weights, axis=1)
        mean = ops.sum(frames * weights, axis=1) / count
        if self.kind == "mean":
            return mean
        variance = ops.maximum(ops.sum(ops.square(frames) * weights, axis=1) / count - ops.square(mean), 0.0)
        return ops.concatenate([mean, ops.sqrt(variance + VARIANCE_FLOOR)], axis=-1)


@keras.saving.register_keras_serializable(package="training")
class StreamingNetwork(keras.Model):  # type: ignore[misc]
    """Rows, shape ``(batch, time, num_columns)``, to logits, shape ``(batch, num_labels)``."""

    def __init__(self, num_columns: int, num_labels: int, settings: NetworkSettings) -> None:
        """Make the layers and their weights."""
        super().__init__(name="emotion")
        self.num_columns, self.num_labels, self.settings = num_columns, num_labels, settings
        self.blocks = [
            CausalBlock(channels, kernel, stride, settings.dropout / 2)
            for channels, kernel, stride in zip(settings.channels, settings.kernel_rows, settings.strides, strict=True)
        ]
        self.pooling = TimePooling(settings.pooling)
        self.dropout = keras.layers.Dropout(settings.dropout)
        self.hidden = [keras.layers.Dense(units, activation="relu") for units in settings.hidden_units]
        self.output_layer = keras.layers.Dense(num_labels)
        self.build((None, None, num_columns))

    def build(self, _rows_shape: Any) -> None:
        """Make the weights; their shapes follow from the settings alone."""
        num_channels = self.num_columns
        for block in self.blocks:
            block.build((None, None, num_channels))
            num_channels = block.num_channels
        num_units = num_channels * self.pooling.numbers_per_channel
        for layer in self.hidden:
            layer.build((None, num_units))
            num_units = layer.units
        self.output_layer.build((None, num_units))
        self.built = True

    def call(self, rows: Any, is_valid: Any = None, training: bool = False) -> Any:
        """Return the logits of ``rows``.

        Args:
            rows: Shape ``(batch, time, num_columns)``.
            is_valid: Shape ``(batch, time)``, 1 for rows and 0 for padding behind them; None where all count.
            training: Whether dropout is on and the batch's own statistics normalise.
        """
        frames, weights = rows, is_valid
        for block in self.blocks:
            frames, weights = block(frames, weights, training=training)
        return self.logits_of_statistics(self.pooling(frames, weights), training=training)

    def logits_of_statistics(self, statistics: Any, training: bool = False) -> Any:
        """Return the logits of what :class:`TimePooling` gave."""
        hidden = self.dropout(statistics, training=training)
        for layer in self.hidden:
            hidden = self.dropout(layer(hidden), training=training)
        return self.output_layer(hidden)

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` needs."""
        return {"num_columns": self.num_columns, "num_labels": self.num_labels, "settings": asdict(self.settings)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "StreamingNetwork":
        """Return a network as ``config`` says, which comes out of JSON."""
        del custom_objects
        settings: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in config["settings"].items()
        }
        return cls(config["num_columns"], config["num_labels"], NetworkSettings(**settings))


class CausalBlock(keras.layers.Layer):  # type: ignore[misc]
    """A causal convolution with normalisation, a rectifier and dropout."""

    def __init__(self, num_channels: int, kernel_rows: int, stride: int, dropout: float) -> None:
        """Make the layers."""
        super().__init__()
        self.num_channels, self.kernel_rows, self.stride = num_channels, kernel_rows, stride
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
        weights = None if weights is None else weights[:, :: self.stride]
        frames = self.convolution(self.padding(frames))
        frames = ops.relu(self.normalisation(frames, training=training, mask=weights))
        return self.dropout(frames, training=training), weights

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the convolution with its normalisation in it, as it is outside of training.

        Returns:
            The kernel, shape ``(kernel_rows, num_columns, num_channels)``, and the offset, shape ``(num_channels,)``.
        """
        normalisation = self.normalisation
        scale, offset, mean, variance = (np.asarray(weights, np.float64) for weights in normalisation.get_weights())
        factor = scale / np.sqrt(variance + normalisation.epsilon)
        return np.asarray(self.convolution.kernel, np.float64) * factor, offset - mean * factor
