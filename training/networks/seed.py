"""The network that the project grew out of: convolutions along the coefficients of one mean row."""

from typing import Any

import keras
from keras import ops

_NUM_COEFFICIENTS = 40


@keras.saving.register_keras_serializable(package="training")
class SeedNetwork(keras.Model):  # type: ignore[misc]
    """Rows, shape ``(batch, time, 40)``, to logits, shape ``(batch, num_labels)``; it sees their mean over time.

    222,276 weights for four labels. The softmax of its last layer is applied by whoever needs probabilities.
    """

    num_columns = _NUM_COEFFICIENTS

    def __init__(self, num_labels: int) -> None:
        """Make the layers and their weights."""
        super().__init__(name="seed")
        self.num_labels = num_labels
        layers = keras.layers
        self.layers_in_order = [
            layers.Conv1D(64, 5, activation="relu"),
            layers.Conv1D(128, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(5),
            layers.Conv1D(256, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(5),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(num_labels),
        ]
        self.build((None, None, _NUM_COEFFICIENTS))

    def build(self, _rows_shape: Any) -> None:
        """Make the weights."""
        shape: Any = (None, _NUM_COEFFICIENTS, 1)
        for layer in self.layers_in_order:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, rows: Any, is_valid: Any = None, training: bool = False) -> Any:
        """Return the logits of ``rows``; arguments as of :meth:`StreamingNetwork.call`."""
        weights = ops.ones_like(rows[..., :1]) if is_valid is None else ops.expand_dims(is_valid, -1)
        return self.logits_of_mean(ops.sum(rows * weights, axis=1) / ops.sum(weights, axis=1), training=training)

    def logits_of_mean(self, mean: Any, training: bool = False) -> Any:
        """Return the logits of the mean row, shape ``(batch, 40)``."""
        values = ops.expand_dims(mean, -1)
        for layer in self.layers_in_order:
            values = layer(values, training=training) if isinstance(layer, keras.layers.Dropout) else layer(values)
        return values

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` needs."""
        return {"num_labels": self.num_labels}
