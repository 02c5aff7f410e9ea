"""What those who never heard a speaker take the utterances for: of training speakers, too.

What is remembered of a voice is freed of the emotions in it, as far as they are known. In use they are guessed by a
network that never heard the speaker. Of its own training speakers it guesses too well: it would learn to trust what
will not be as right. So small networks that learnt from the others guess for it, each of a part of the speakers.
"""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from training.calibration import posteriors
from training.corpora.base import LABELS, Clip
from training.experiment import Experiment
from training.figures import label_indices
from training.networks.streaming import Head

_MOST_STEPS, _BATCH_SIZE, _RATE, _DECAY = 800, 256, 2e-3, 1e-2


def guesses(
    clips: Sequence[Clip], described: NDArray[np.float32], parts: NDArray[np.int64], experiment: Experiment
) -> NDArray[np.float32]:
    """Return posteriors for clips, by networks that were trained without those of the same part.

    Args:
        clips: Who says what.
        described: What is heard of each clip in each recording, shape ``(num_recordings, num_clips, size)``; NaN where
            nobody is.
        parts: As of :func:`training.crossfitting.parts_of`.
        experiment: How large networks are, how they learn, and how far they are trusted.

    Returns:
        Shape ``(num_recordings, num_clips, num_labels)``; even where nobody is heard.
    """
    if experiment.sessions is None:
        raise ValueError("the experiment has no sessions, in which anything would be remembered")
    found = np.full((*described.shape[:2], len(LABELS)), 1.0 / len(LABELS), np.float32)
    for part in np.unique(parts).tolist():
        learns = parts != part
        if not learns.any() or learns.all():
            continue
        asked = ~np.isnan(described[:, ~learns]).any(axis=-1)
        head = _trained(clips, described, learns, experiment, seed=part)
        logits = np.asarray(head(described[:, ~learns][asked], training=False))
        block = found[:, ~learns]
        block[asked] = posteriors(logits, experiment.sessions.memory_temperature)
        found[:, ~learns] = block
    return found


def _trained(
    clips: Sequence[Clip], described: NDArray[np.float32], learns: NDArray[np.bool_], experiment: Experiment, seed: int
) -> Head:
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    labels, corpora = label_indices(clips), np.array([clip.corpus for clip in clips])
    is_heard = learns & ~np.isnan(described).any(axis=(0, 2))
    groups = [
        indices
        for corpus in dict.fromkeys(corpora.tolist())
        for label in range(len(LABELS))
        if (indices := np.flatnonzero(is_heard & (corpora == corpus) & (labels == label))).size
    ]
    head = Head(len(LABELS), experiment.network)
    rows = keras.Input((described.shape[-1],))
    dropped = keras.layers.Dropout(experiment.network.stranger_dropout)(rows)
    model = keras.Model(rows, head(dropped))
    num_steps = min(_MOST_STEPS, experiment.learning.num_epochs * experiment.learning.min_batches)
    rate = keras.optimizers.schedules.CosineDecay(_RATE, num_steps, alpha=0.02)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=experiment.learning.label_smoothing)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=_DECAY, clipnorm=5.0), loss, jit_compile=False)
    each = np.eye(len(LABELS), dtype=np.float32)
    for _ in range(num_steps):
        drawn = [groups[group] for group in random.integers(0, len(groups), _BATCH_SIZE)]
        chosen = np.array([indices[random.integers(indices.size)] for indices in drawn])
        recordings = random.integers(0, len(described), _BATCH_SIZE)
        model.train_on_batch(described[recordings, chosen], each[labels[chosen]])
    return head
