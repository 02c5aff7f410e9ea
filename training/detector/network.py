"""The detector's network: causal convolutions over rows, in the form that learns and in the form that streams."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from streamer.speech.network import LOOKAHEAD_ROWS
from streamer.speech.rows import FRAMES_PER_ROW, NUM_COLUMNS
from training.detector.settings import DetectorSettings


class DetectorNetwork:
    """The layers, and the two models that share them.

    ``whole`` takes rows, shape ``(batch, time, NUM_COLUMNS)``, and gives logits of the same length: what it says at a
    row is about the row ``LOOKAHEAD_ROWS`` before. ``streaming`` takes rows and, one a convolution, the rows before
    that it still needs; it gives probabilities and the states for the next call.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        """Make the layers."""
        self._contexts = [
            (kernel - 1) * dilation for kernel, dilation in zip(settings.kernel_rows, settings.dilations, strict=True)
        ]
        self._convolutions = [
            layers.Conv1D(channels, kernel, dilation_rate=dilation, activation="relu")
            for channels, kernel, dilation in zip(
                settings.channels, settings.kernel_rows, settings.dilations, strict=True
            )
        ]
        self._output = layers.Conv1D(FRAMES_PER_ROW, 1)
        self._columns = [NUM_COLUMNS, *settings.channels[:-1]]
        self.whole = self._whole()
        self.streaming = self._streaming()

    @property
    def state_shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of the state of each convolution."""
        return list(zip(self._contexts, self._columns, strict=True))

    def _whole(self) -> keras.Model:
        rows = keras.Input((None, NUM_COLUMNS))
        hidden = rows
        for context, convolution in zip(self._contexts, self._convolutions, strict=True):
            hidden = convolution(layers.ZeroPadding1D((context, 0))(hidden))
        return keras.Model(rows, self._output(hidden))

    def _streaming(self) -> keras.Model:
        rows = keras.Input((None, NUM_COLUMNS), batch_size=1)
        states = [keras.Input(shape, batch_size=1) for shape in self.state_shapes]
        hidden, next_states = rows, []
        for state, convolution in zip(states, self._convolutions, strict=True):
            joined = layers.Concatenate(axis=1)([state, hidden])
            next_states.append(joined[:, -state.shape[1] :])
            hidden = convolution(joined)
        probabilities = keras.ops.sigmoid(self._output(hidden))
        return keras.Model([rows, *states], [probabilities, *next_states])


def delayed(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``targets``, shape ``(batch, time, FRAMES_PER_ROW)``, where the network is to say them: a row later."""
    return np.pad(targets[:, :-LOOKAHEAD_ROWS], ((0, 0), (LOOKAHEAD_ROWS, 0), (0, 0)))
