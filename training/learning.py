"""Gradient descent on the training clips; other clips say which epoch was the best."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.batches import Batch
from training.cache import reading, write_whole
from training.experiment import LearningSettings
from training.pool import is_worker

Weights = list[NDArray[np.float32]]


@dataclass
class History:
    """What happened, epoch by epoch; ``uar`` and ``best_epoch`` have an entry for each set of clips that chooses."""

    loss: list[float] = field(default_factory=list)
    uar: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: dict[str, int] = field(default_factory=dict)
    """Counted from 1."""


class Sampler(Protocol):
    """Gives what is learnt from."""

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of epoch number ``epoch``, the same whatever came before it."""


class Learner:
    """A network on its way: epoch by epoch, resumed from a checkpoint where there is one.

    An epoch follows from the checkpoint before it alone, so that a run that was interrupted gives what an
    undisturbed one gives.
    """

    def __init__(
        self,
        model: Any,
        sampler: Sampler,
        judges: Mapping[str, Callable[[], float]],
        settings: LearningSettings,
        checkpoint: Path,
    ) -> None:
        """Begin, or go on from ``checkpoint``.

        Args:
            model: Learns; of :func:`training.networks.on_rows` or :func:`training.networks.in_sessions`.
            sampler: Gives what it learns from.
            judges: Each says how well the network does, as it is then, and chooses the epoch that does best.
            settings: How it learns.
            checkpoint: Where to keep what was learnt so far.
        """
        self._sampler, self._judges = sampler, judges
        self._settings, self._checkpoint = settings, checkpoint
        self._model = _compiled(model, sampler.num_batches, settings)
        self.history = History(uar={name: [] for name in judges})
        self.best: dict[str, Weights] = {}
        self.average: Weights = self._model.get_weights()
        """Of the weights after each epoch so far."""
        if checkpoint.exists():
            self._restore()

    def learn(self, title: str) -> bool:
        """Train up to the last epoch; return False where Ctrl-C came before.

        What the judges say is of the averaged weights.
        """
        num_epochs, done = self._settings.num_epochs, len(self.history.loss)
        epochs = range(done + 1, num_epochs + 1)
        bar = tqdm(epochs, title, num_epochs, initial=done, unit="epoch", mininterval=1, disable=is_worker())
        try:
            for epoch in bar:
                self._learn_epoch(epoch)
                write_whole(self._checkpoint, self._save)
                bar.set_postfix({name: f"{max(values):.3f}" for name, values in self.history.uar.items()})
        except KeyboardInterrupt:
            print(f"{title}: interrupted after epoch {len(self.history.loss)}", file=sys.stderr)
            return False
        finally:
            bar.close()
        return True

    def _learn_epoch(self, epoch: int) -> None:
        losses = []
        for batch in self._sampler.epoch(epoch):
            self._model.reset_metrics()
            loss = self._model.train_on_batch(batch.inputs, batch.targets, batch.weights)
            losses.append(float(np.ravel(loss)[0]))  # the total comes before that of each output
        current = self._model.get_weights()
        keep = self._settings.averaging if epoch > 1 else 0.0
        average = [keep * old + (1.0 - keep) * new for old, new in zip(self.average, current, strict=True)]
        self._model.set_weights(average)
        uars = {name: judge() for name, judge in self._judges.items()}
        self._model.set_weights(current)
        # From here on nothing is interrupted halfway: what was learnt and its history belong together.
        self.average = average
        for name, uar in uars.items():
            if uar > max(self.history.uar[name], default=-1.0):
                self.best[name], self.history.best_epoch[name] = average, epoch
            self.history.uar[name].append(uar)
        self.history.loss.append(float(np.mean(losses)))

    def _state(self) -> list[Any]:
        """Return the variables that the next epoch follows from; the states of dropout's random numbers included."""
        return [*self._model.variables, *self._model.optimizer.variables]

    def _save(self, file: Any) -> None:
        arrays: dict[str, Any] = {
            f"state {index}": np.asarray(variable) for index, variable in enumerate(self._state())
        }
        arrays |= {f"average {index}": array for index, array in enumerate(self.average)}
        for name, weights in self.best.items():
            arrays |= {f"best {name} {index}": array for index, array in enumerate(weights)}
        np.savez(file, history=np.array(json.dumps(asdict(self.history))), **arrays)

    def _restore(self) -> None:
        with reading(self._checkpoint) as file, np.load(file) as arrays:
            self.history = History(**json.loads(str(arrays["history"])))
            for index, variable in enumerate(self._state()):
                variable.assign(arrays[f"state {index}"])
            indices = range(len(self.average))
            self.average = [arrays[f"average {index}"] for index in indices]
            self.best = {
                name: [arrays[f"best {name} {index}"] for index in indices] for name in self.history.best_epoch
            }


def _compiled(model: Any, num_batches: int, settings: LearningSettings) -> Any:
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.1 * settings.learning_rate,
            settings.num_epochs * num_batches,
            alpha=0.02,
            warmup_target=settings.learning_rate,
            warmup_steps=2 * num_batches,
        )
    if settings.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=5.0)
    else:
        optimizer = keras.optimizers.Adam(rate)
    losses: list[Any] = [
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
        for _ in model.outputs
    ]
    if len(losses) > 1:
        losses[-1] = keras.losses.BinaryCrossentropy(from_logits=True)
    # Not compiled by XLA: it would compile anew for each length.
    model.compile(optimizer, losses, jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model
