"""Gradient descent on the training speakers; the validation speakers say which epoch was the best."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from streamer.features.normalise import GlobalNormaliser
from training.batches import Shuffler, padded
from training.dataset import Example
from training.figures import decisions, mean_uar
from training.networks import EmotionNetwork, masked
from training.recipe import LearningSettings


@dataclass
class History:
    """What happened, epoch by epoch."""

    loss: list[float] = field(default_factory=list)
    validation_uar: list[float] = field(default_factory=list)
    best_epoch: int = 0
    """Counted from 1; 0 before the first."""


def learn(
    network: EmotionNetwork,
    shuffler: Shuffler,
    validation: Sequence[Example],
    normaliser: GlobalNormaliser,
    settings: LearningSettings,
) -> History:
    """Train ``network`` and leave the best epoch's weights in it, also when interrupted by Ctrl-C.

    The best epoch is the one with the highest mean over the corpora of the validation speakers' UAR.
    """
    model, history = _compiled(network, shuffler.num_batches, settings), History()
    best = average = model.get_weights()
    bar = tqdm(range(1, settings.num_epochs + 1), "epochs", unit="epoch")
    try:
        for epoch in bar:
            history.loss.append(_epoch(model, shuffler, settings.num_epochs, epoch))
            current = model.get_weights()
            keep = settings.averaging if epoch > 1 else 0.0
            average = [keep * old + (1.0 - keep) * new for old, new in zip(average, current, strict=True)]
            model.set_weights(average)
            uar = mean_uar(validation, decisions(logits_of(network, normaliser, validation)))
            if uar > max(history.validation_uar, default=-1.0):
                best, history.best_epoch = average, epoch
            model.set_weights(current)
            history.validation_uar.append(uar)
            bar.set_postfix(loss=f"{history.loss[-1]:.3f}", uar=f"{uar:.3f}", best=f"{max(history.validation_uar):.3f}")
    except KeyboardInterrupt:
        print(f"interrupted: keeping epoch {history.best_epoch}", file=sys.stderr)
    bar.close()
    model.set_weights(best)
    return history


def logits_of(
    network: EmotionNetwork, normaliser: GlobalNormaliser, examples: Sequence[Example], batch_size: int = 64
) -> NDArray[np.float64]:
    """Return the logits of whole clips, shape ``(num_examples, num_labels)``; NaN where nobody was heard."""
    by_length = np.argsort([len(example.rows) for example in examples])  # like lengths together: little padding
    order = [int(index) for index in by_length if len(examples[index].rows)]
    logits = np.full((len(examples), network.num_labels), np.nan)
    model = masked(network)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        rows, is_valid = padded([normaliser.normalise(examples[index].rows) for index in chosen])
        logits[chosen] = model.predict_on_batch([rows, is_valid])
    return logits


def _compiled(network: EmotionNetwork, num_batches: int, settings: LearningSettings) -> Any:
    model = masked(network)
    rate = keras.optimizers.schedules.CosineDecay(
        0.1 * settings.learning_rate,
        settings.num_epochs * num_batches,
        alpha=0.1,
        warmup_target=settings.learning_rate,
        warmup_steps=2 * num_batches,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=5.0)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    # Not compiled by XLA: it would compile anew for each length.
    model.compile(optimizer, loss, jit_compile=False)
    return model


def _epoch(model: Any, shuffler: Shuffler, num_epochs: int, epoch: int) -> float:
    losses = []
    bar = tqdm(shuffler.epoch(), f"epoch {epoch}/{num_epochs}", shuffler.num_batches, unit="batch", leave=False)
    for batch in bar:
        model.reset_metrics()
        losses.append(float(model.train_on_batch([batch.rows, batch.is_valid], batch.targets, batch.weights)))
    return float(np.mean(losses))
