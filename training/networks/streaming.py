"""The product's network: a causal convolution over rows, statistics over time, and what is remembered of the voice.

An utterance becomes a vector, its impression, by sums over time. One head judges the impression as that of a stranger,
another one by how it differs from what the same voice usually sounds like. Nothing in it needs the future, so that
it is also run chunk by chunk, see :mod:`export.stepwise`. ``keras.ops`` only.
"""

from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from training.experiment import NetworkSettings
from training.networks.statistics import GLIDE_LAGS, MOST_PAST_ROWS, RowStatistics

NUM_PITCH_COLUMNS = 2
CHANGE_ROWS = 4
NUM_SIGNS = 5
NUM_KNOWN_VOICES = 64
"""So many voices that were learnt from are kept, to tell how unlike them another one sounds."""
ROWS_FOR_ALL = 100
"""Of so many rows on, an utterance is worth remembering as one."""
_LEAST_VARIANCE = 1e-3
_MOST_DEVIATIONS = 8.0
"""What is further from the mean is nobody's voice."""
_LEAST_CERTAINTY = 0.9
"""Sum of the squared probabilities of the labels from which on they count as known: guesses are never so sure."""
_ENOUGH_TO_DIFFER = 1.2
_LEAST_SPREAD = 1e-3


@keras.saving.register_keras_serializable(package="training")
class Head(keras.layers.Layer):  # type: ignore[misc]
    """Dense layers up to logits."""

    def __init__(self, num_labels: int, settings: NetworkSettings) -> None:
        """Make the layers."""
        super().__init__()
        self.hidden = [keras.layers.Dense(units, activation="relu") for units in settings.hidden_units]
        self.dropout = keras.layers.Dropout(settings.dropout)
        self.output_layer = keras.layers.Dense(num_labels)

    def build(self, shape: Any) -> None:
        """Make the weights."""
        size = shape[-1]
        for layer in self.hidden:
            layer.build((None, size))
            size = layer.units
        self.output_layer.build((None, size))
        self.built = True

    def call(self, values: Any, training: bool = False) -> Any:
        """Return logits, shape ``(batch, num_labels)``."""
        for layer in self.hidden:
            values = self.dropout(layer(values), training=training)
        return self.output_layer(values)


@keras.saving.register_keras_serializable(package="training")
class StreamingNetwork(keras.Model):  # type: ignore[misc]
    """Rows, shape ``(batch, time, num_columns)``, and what is known of the voice, to logits."""

    def __init__(self, num_columns: int, num_labels: int, settings: NetworkSettings) -> None:
        """Make the layers and their weights."""
        super().__init__(name="emotion")
        self.num_columns, self.num_labels, self.settings = num_columns, num_labels, settings
        self.num_cepstra = num_columns - NUM_PITCH_COLUMNS
        self.statistics = RowStatistics(self.num_cepstra)
        self.size = self.statistics.size
        difference = keras.initializers.Constant(self._difference())
        # Not learnt: from this kernel on, learning made nothing better on speakers held out.
        self.change = keras.layers.DepthwiseConv1D(
            CHANGE_ROWS, use_bias=False, depthwise_initializer=difference, trainable=False
        )
        self.stranger_dropout = keras.layers.Dropout(settings.stranger_dropout)
        self.voice_dropout = keras.layers.Dropout(settings.voice_dropout)
        self.absolute_dropout = keras.layers.Dropout(settings.absolute_dropout)
        self.stranger, self.voice = Head(num_labels, settings), Head(num_labels, settings)
        self.speech = keras.layers.Dense(1)
        self.build((None, None, num_columns))

    def build(self, _rows_shape: Any) -> None:
        """Make the weights; their shapes follow from the settings alone."""
        size, constant = self.size, keras.initializers.Constant
        self.change.build((None, None, self.num_cepstra))
        self.stranger.build((None, size))
        self.voice.build((None, 2 * size + 2))
        self.speech.build((None, 2 * size))
        # Of a voice not yet heard: how many utterances the prior is worth, for mean and variance, and the variance.
        self.mean_worth = self.add_weight(shape=(size,), initializer=constant(1.0), name="mean_worth")
        self.variance_worth = self.add_weight(shape=(size,), initializer=constant(3.0), name="variance_worth")
        self.variance = self.add_weight(shape=(size,), initializer=constant(0.0), name="variance")
        self.shift = self.add_weight(shape=(self.num_labels, size), initializer="zeros", name="shift")
        # Made before anything is learnt, see training.adapting. Not by the batch: it holds a few voices only.
        self.centre = self.add_weight(shape=(size,), initializer="zeros", trainable=False, name="centre")
        self.deviation = self.add_weight(shape=(size,), initializer="ones", trainable=False, name="deviation")
        # Made when all else is learnt.
        print_shape = (size, self.settings.voiceprint_size)
        self.voiceprint = self.add_weight(shape=print_shape, initializer="zeros", trainable=False, name="voiceprint")
        voices_shape = (NUM_KNOWN_VOICES, self.settings.voiceprint_size)
        self.voices = self.add_weight(shape=voices_shape, initializer="zeros", trainable=False, name="voices")
        self.trust = self.add_weight(shape=(NUM_SIGNS,), initializer="zeros", trainable=False, name="trust")
        self.doubt = self.add_weight(shape=(NUM_SIGNS + 1,), initializer="zeros", trainable=False, name="doubt")
        self.built = True

    def _difference(self) -> np.ndarray:
        """Return the kernel of the difference between the last of ``CHANGE_ROWS`` rows and the first."""
        kernel = np.zeros((CHANGE_ROWS, self.num_cepstra, 1), np.float32)
        kernel[-1], kernel[0] = 1.0, -1.0
        return kernel

    def call(self, rows: Any, is_valid: Any, training: bool = False) -> Any:
        """Return the logits of strangers, shape ``(batch, num_labels)``.

        Args:
            rows: Shape ``(batch, time, num_columns)``.
            is_valid: Shape ``(batch, time)``, 1 for rows and 0 for padding behind them.
            training: Whether dropout is on.
        """
        return self.logits_as_stranger(self.describe(rows, is_valid), training=training)

    def describe(self, rows: Any, is_valid: Any) -> Any:
        """Return what is heard of the utterances, shape ``(batch, size)``."""
        return self.scaled(self.statistics_of(rows, is_valid))

    def statistics_of(self, rows: Any, is_valid: Any) -> Any:
        """Return the statistics of rows as they are, shape ``(batch, size)``."""
        num_rows = ops.shape(rows)[1]
        padded = ops.pad(rows, ((0, 0), (MOST_PAST_ROWS, 0), (0, 0)))
        lags = [padded[:, MOST_PAST_ROWS - lag : MOST_PAST_ROWS - lag + num_rows, -2:] for lag in GLIDE_LAGS]
        first = MOST_PAST_ROWS - CHANGE_ROWS + 1
        changes = self.change(padded[:, first:, : self.num_cepstra])
        num_past = ops.cumsum(ops.ones_like(rows[..., 0]), axis=1) - 1.0
        sums = self.statistics.sums(rows, ops.stack(lags, axis=2), changes, num_past, is_valid)
        return self.statistics.of_sums(sums)

    def scaled(self, statistics: Any) -> Any:
        """Return what is heard, from the statistics as they are."""
        return ops.clip((statistics - self.centre) / self.deviation, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)

    def logits_as_stranger(self, described: Any, training: bool = False) -> Any:
        """Return the logits of what is heard, by itself."""
        return self.stranger(self.stranger_dropout(described, training=training), training=training)

    def logits_by_voice(self, described: Any, weight: Any, mean: Any, mean_square: Any, training: bool = False) -> Any:
        """Return the logits of what is heard, beside what is remembered.

        Args:
            described: Shape ``(batch, size)``.
            weight: Of the utterances that are remembered, shape ``(batch, 1)``.
            mean: Of their impressions, without the voiceprint, shape ``(batch, told_size)``.
            mean_square: Of their squares, likewise.
            training: Whether dropout is on.
        """
        is_known = self.part_known(mean)
        mean, mean_square = mean[:, : self.size], mean_square[:, : self.size]
        worth, variance_worth = ops.softplus(self.mean_worth), ops.softplus(self.variance_worth)
        expected = weight * mean / (weight + worth)
        # Of what is remembered around what is expected, and of the prior.
        spread = weight * (mean_square - 2.0 * expected * mean + expected**2)
        variance = (spread + variance_worth * ops.softplus(self.variance)) / (weight + variance_worth)
        relative = (described - expected) / ops.sqrt(ops.maximum(variance, _LEAST_VARIANCE))
        parts = [
            self.absolute_dropout(described, training=training),
            self.voice_dropout(relative, training=training),
            ops.log(1.0 + weight) * ops.ones_like(described[:, :1]),
            is_known * ops.ones_like(described[:, :1]),
        ]
        return self.voice(ops.concatenate(parts, -1), training=training)

    def judge(self, described: Any, weight: Any, mean: Any, mean_square: Any) -> Any:
        """Return the logits of both heads as one, and of noise as even as no answer is: log-probabilities."""
        signs = self.signs(weight, mean, mean_square)
        trust = self.ramp(weight) * ops.sigmoid(ops.sum(signs * self.trust, -1, keepdims=True))
        by_voice = ops.log_softmax(self.logits_by_voice(described, weight, mean, mean_square))
        logits = trust * by_voice + (1.0 - trust) * ops.log_softmax(self.logits_as_stranger(described))
        doubt = ops.sum(signs * self.doubt[:-1], -1, keepdims=True) + self.doubt[-1] * self.novelty(described)
        logits *= ops.exp(-doubt)
        speech_logits = self.speech_logits(described)
        # Not one less the other: next to nothing, which decides about small probabilities, would be rounding.
        speech, noise = ops.sigmoid(speech_logits), ops.sigmoid(-speech_logits)
        return ops.log(speech * ops.softmax(logits) + noise / self.num_labels)

    def ramp(self, weight: Any) -> Any:
        """Return the most that what is remembered may be trusted, of the shape of ``weight``.

        Nothing of somebody never heard before: the head that judges by itself knows best in rooms never heard.
        """
        return 1.0 - ops.exp(-ops.cast(weight, "float32"))

    def signs(self, weight: Any, mean: Any, mean_square: Any) -> Any:
        """Return what trust in what is remembered depends on, and doubt in the judgement, ``(batch, NUM_SIGNS)``.

        How much is remembered, whether its labels are known; and, of two utterances on, how much the guesses at them
        differ: of a voice that has shown one emotion only, nobody knows how it sounds without.
        """
        is_known = self.part_known(mean)
        differ = (1.0 - is_known) * ops.cast(weight > _ENOUGH_TO_DIFFER, "float32")
        guesses = slice(self.size, self.told_size)
        spread = ops.sum(mean_square[:, guesses] - ops.square(mean[:, guesses]), -1, keepdims=True)
        unbiased = spread * weight / ops.maximum(weight - 1.0, 0.5)
        spread = differ * ops.log(ops.maximum(unbiased, _LEAST_SPREAD))
        return ops.concatenate([ops.ones_like(weight), ops.log(1.0 + weight), is_known, differ, spread], -1)

    def novelty(self, described: Any) -> Any:
        """Return how unlike all voices that were learnt from it sounds, shape ``(batch, 1)``; doubt depends on it, too.

        The logarithm of the mean squared distance to the nearest of their voiceprints.
        """
        prints = ops.expand_dims(ops.matmul(described, self.voiceprint), 1)
        distances = ops.mean(ops.square(prints - self.voices), -1)
        return ops.log(ops.min(distances, -1, keepdims=True) + 1e-3)

    def part_known(self, mean: Any) -> Any:
        """Return how much of what is remembered has labels that are known, not guessed, shape ``(batch, 1)``."""
        certainty = ops.sum(ops.square(mean[:, self.size :]), -1, keepdims=True)
        return ops.relu(certainty - _LEAST_CERTAINTY) / (1.0 - _LEAST_CERTAINTY)

    def speech_logits(self, described: Any) -> Any:
        """Return the logits of whether somebody speaks at all, shape ``(batch, 1)``.

        Also from how far from the centre each number is, either way: a siren is as far from speech as a rumble.
        """
        return self.speech(ops.concatenate([described, ops.abs(described)], -1))

    def speech_probability(self, described: Any) -> Any:
        """Return how probable it is that somebody speaks at all, shape ``(batch, 1)``."""
        return ops.sigmoid(self.speech_logits(described))

    def worth(self, described: Any, num_rows: Any) -> Any:
        """Return how much of an utterance to remember, of ``num_rows``, shape ``(batch, 1)`` as is what comes out."""
        return self.speech_probability(described) * ops.minimum(ops.cast(num_rows, "float32") / ROWS_FOR_ALL, 1.0)

    def impressions(self, described: Any) -> Any:
        """Return what to remember of each utterance for each label, shape ``(batch, num_labels, impression_size)``."""
        one_each = ops.ones((1, self.num_labels, 1))
        described = ops.expand_dims(described, 1)
        labels = ops.expand_dims(ops.eye(self.num_labels), 0) * ops.ones_like(described[..., :1])
        voiceprints = ops.matmul(described, self.voiceprint) * one_each
        return ops.concatenate([described - self.shift, labels, voiceprints], -1)

    @property
    def told_size(self) -> int:
        """How many of the numbers that are remembered the judgement rests on."""
        return self.size + self.num_labels

    @property
    def impression_size(self) -> int:
        """How many numbers are remembered of an utterance.

        What is heard, less what its label does to it; the probabilities of the labels it is taken for; the voiceprint.
        """
        return self.told_size + self.settings.voiceprint_size

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


class InSessions(keras.Model):  # type: ignore[misc]
    """A network, given what it heard of utterances, some of which it remembers of others."""

    def __init__(self, network: StreamingNetwork) -> None:
        """Take ``network``, whose weights are those of this model."""
        super().__init__()
        self.network = network

    def call(self, inputs: Any, training: bool = False) -> list[Any]:
        """Return the logits by voice and as of strangers, both ``(batch, num_labels)``, and of speech, ``(batch, 1)``.

        Args:
            inputs: What is heard, shape ``(batch, size)``; how much of an utterance each remembers of the others,
                ``(batch, batch)``; what those who remember take the utterances for, ``(batch, num_labels)``.
            training: Whether dropout is on.
        """
        network, (described, memory, posteriors) = self.network, inputs
        impressions = ops.concatenate([described - ops.matmul(posteriors, network.shift), posteriors], -1)
        weight = ops.sum(memory, 1, keepdims=True)
        known = ops.maximum(weight, 1e-6)
        mean, mean_square = ops.matmul(memory, impressions) / known, ops.matmul(memory, impressions**2) / known
        by_voice = network.logits_by_voice(described, weight, mean, mean_square, training=training)
        as_stranger = network.logits_as_stranger(described, training=training)
        return [by_voice, as_stranger, network.speech_logits(described)]
