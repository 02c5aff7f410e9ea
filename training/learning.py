"""Gradient descent on the training clips; other clips say which epoch was the best."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from streamer.features.normalise import GlobalNormaliser
from training.batches import Shuffler, padded
from training.cache import reading, write_whole
from training.dataset import Example
from training.experiment import LearningSettings
from training.figures import decisions, mean_uar
from training.networks import Network, masked
from training.pool import is_worker

Weights = list[NDArray[np.float32]]


@dataclass
class History:
    """What happened, epoch by epoch; ``uar`` and ``best_epoch`` have an entry for each set of clips that chooses."""

    loss: list[float] = field(default_factory=list)
    uar: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: dict[str, int] = field(default_factory=dict)
    """Counted from 1."""


class Learner:
    """A network on its way: epoch by epoch, resumed from a checkpoint where there is one.

    An epoch follows from the checkpoint before it alone, so that a run that was interrupted gives what an
    undisturbed one gives.
    """

    def __init__(
        self,
        network: Network,
        shuffler: Shuffler,
        judges: Mapping[str, Sequence[Example]],
        settings: LearningSettings,
        checkpoint: Path,
    ) -> None:
        """Begin, or go on from ``checkpoint``; each of ``judges`` chooses the epoch that does best on its clips."""
        self._shuffler, self._judges = shuffler, judges
        self._settings, self._checkpoint = settings, checkpoint
        self._model = _compiled(network, shuffler.num_batches, settings)
        self.history = History(uar={name: [] for name in judges})
        self.best: dict[str, Weights] = {}
        self._average: Weights = self._model.get_weights()
        if checkpoint.exists():
            self._restore()

    def learn(self, title: str) -> bool:
        """Train up to the last epoch; return False where Ctrl-C came before.

        The figure that chooses is the mean over the corpora of the UAR, of the averaged weights.
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
        for batch in self._shuffler.epoch(epoch):
            self._model.reset_metrics()
            losses.append(float(self._model.train_on_batch([batch.rows, batch.is_valid], batch.targets, batch.weights)))
        current = self._model.get_weights()
        keep = self._settings.averaging if epoch > 1 else 0.0
        average = [keep * old + (1.0 - keep) * new for old, new in zip(self._average, current, strict=True)]
        self._model.set_weights(average)
        uars = {name: self._uar(examples) for name, examples in self._judges.items()}
        self._model.set_weights(current)
        # From here on nothing is interrupted halfway: what was learnt and its history belong together.
        self._average = average
        for name, uar in uars.items():
            if uar > max(self.history.uar[name], default=-1.0):
                self.best[name], self.history.best_epoch[name] = average, epoch
            self.history.uar[name].append(uar)
        self.history.loss.append(float(np.mean(losses)))

    def _uar(self, examples: Sequence[Example]) -> float:
        decided = decisions(logits_of(self._model, self._shuffler.normaliser, examples))
        return mean_uar([example.clip for example in examples], decided)

    def _state(self) -> list[Any]:
        """Return the variables that the next epoch follows from; the states of dropout's random numbers included."""
        return [*self._model.variables, *self._model.optimizer.variables]

    def _save(self, file: Any) -> None:
        arrays: dict[str, Any] = {
            f"state {index}": np.asarray(variable) for index, variable in enumerate(self._state())
        }
        arrays |= {f"average {index}": array for index, array in enumerate(self._average)}
        for name, weights in self.best.items():
            arrays |= {f"best {name} {index}": array for index, array in enumerate(weights)}
        np.savez(file, history=np.array(json.dumps(asdict(self.history))), **arrays)

    def _restore(self) -> None:
        with reading(self._checkpoint) as file, np.load(file) as arrays:
            self.history = History(**json.loads(str(arrays["history"])))
            for index, variable in enumerate(self._state()):
                variable.assign(arrays[f"state {index}"])
            indices = range(len(self._average))
            self._average = [arrays[f"average {index}"] for index in indices]
            self.best = {
                name: [arrays[f"best {name} {index}"] for index in indices] for name in self.history.best_epoch
            }


def logits_of(
    model: Any, normaliser: GlobalNormaliser, examples: Sequence[Example], batch_size: int = 64
) -> NDArray[np.float64]:
    """Return the logits of whole clips, shape ``(num_examples, num_labels)``; NaN where nobody was heard.

    Args:
        model: What :func:`training.networks.masked` gives.
        normaliser: Normalises the rows.
        examples: Clips.
        batch_size: How many go through at once.
    """
    by_length = np.argsort([len(example.rows) for example in examples])  # like lengths together: little padding
    order = [int(index) for index in by_length if len(examples[index].rows)]
    logits = np.full((len(examples), model.output_shape[-1]), np.nan)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        rows, is_valid = padded([normaliser.normalise(examples[index].rows) for index in chosen])
        logits[chosen] = model.predict_on_batch([rows, is_valid])
    return logits


def _compiled(network: Network, num_batches: int, settings: LearningSettings) -> Any:
    model = masked(network)
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.1 * settings.learning_rate,
            settings.num_epochs * num_batches,
            alpha=0.1,
            warmup_target=settings.learning_rate,
            warmup_steps=2 * num_batches,
        )
    if settings.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=5.0)
    else:
        optimizer = keras.optimizers.Adam(rate)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    # Not compiled by XLA: it would compile anew for each length.
    model.compile(optimizer, loss, jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model
