"""From corpora to a run folder with a detector that is ready for export."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from streamer.speech.network import metadata
from training.cache import write_text_whole, write_whole
from training.corpora.base import Clip, Corpus
from training.dataset import data_hash
from training.detector.lessons import Lesson, load_lessons, talking
from training.detector.network import DetectorNetwork, delayed
from training.detector.settings import DetectorSettings
from training.folds import folds_of, speaker_of
from training.runs import DESCRIPTION_FILE, PARITY_FILE, require_no_model, save_network
from training.terms import describe_data, licence_of
from training.versions import versions

TEST_FOLD = 0
"""Its speakers are never heard in training: the benchmark is about them."""

_NUM_PARITY_SCENES = 8


def fit_detector(
    settings: DetectorSettings, corpora: Sequence[Corpus], clips: Sequence[Clip], out: Path, command: str
) -> None:
    """Train on scenes with the voices of all speakers but those of ``TEST_FOLD``; write ``out``.

    Raises:
        CorpusError: The clips do not allow it, or their licences can not be combined.
        RunError: ``out`` holds a network, or can not be written.
    """
    require_no_model(out)
    licence = licence_of(corpora)
    folds = folds_of(clips)
    heard = tuple(clip for clip in clips if folds[speaker_of(clip)] != TEST_FOLD)
    lessons = load_lessons(heard, settings)
    network, losses = learn(lessons, settings)
    name = "-".join(["speech", *(corpus.name for corpus in corpora)])
    sides = {"train": heard, "test": tuple(clip for clip in clips if folds[speaker_of(clip)] == TEST_FOLD)}
    info = metadata(name, describe_data(corpora, sides), licence, {})
    description = {
        "detector": info,
        "command": command,
        "settings": settings.to_table(),
        "voices": [corpus.title for corpus in corpora if corpus.name in talking(heard)],
        "data_sha256": data_hash(clips),
        "versions": versions(),
        "loss": losses,
    }
    save_network(network.streaming, out)
    parity = [lesson.rows for lesson in lessons[:_NUM_PARITY_SCENES]]
    write_whole(out / PARITY_FILE, lambda file: np.savez(file, *parity))
    write_text_whole(out / DESCRIPTION_FILE, json.dumps(description, indent=1, ensure_ascii=False) + "\n")


def learn(lessons: Sequence[Lesson], settings: DetectorSettings) -> tuple[DetectorNetwork, list[float]]:
    """Return a network that learnt from ``lessons``, and its loss after each epoch."""
    keras.utils.set_random_seed(settings.seed)
    network = DetectorNetwork(settings)
    rows, targets = (np.stack([getattr(lesson, name) for lesson in lessons]) for name in ("rows", "targets"))
    num_steps = settings.num_epochs * math.ceil(len(rows) / settings.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, num_steps)
    network.whole.compile(keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(from_logits=True))
    history = network.whole.fit(
        rows, delayed(targets), batch_size=settings.batch_size, epochs=settings.num_epochs, verbose=2
    )
    return network, [round(float(loss), 5) for loss in history.history["loss"]]
