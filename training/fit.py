"""From corpora to a run folder: rows, network, calibration, figures."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streamer.emotion.model_file import ModelInfo
from streamer.features.normalise import GlobalNormaliser
from streamer.settings import MfccSettings
from training.batches import Shuffler, normaliser_of
from training.calibration import COVERAGE, Calibration, calibrate
from training.corpora import load_clips
from training.corpora.base import LABELS, Clip, Corpus
from training.dataset import Example, data_hash, load_examples
from training.describe import describe_data, licence_of
from training.errors import RunError
from training.evaluate import evaluate
from training.learning import History, learn, logits_of
from training.measure import figures_on
from training.networks import EmotionNetwork
from training.recipe import Recipe
from training.rooms import QUIET
from training.runs import require_new, write_run
from training.splits import Split, split_clips


@dataclass(frozen=True)
class Trained:
    """A network with what it needs beside it."""

    features: MfccSettings
    network: EmotionNetwork
    normaliser: GlobalNormaliser
    mean: tuple[float, ...]
    std: tuple[float, ...]
    history: History


def fit(corpora: Sequence[Corpus], corpora_dir: Path, out: Path, recipe: Recipe, command: str) -> None:
    """Train on the training speakers, choose and calibrate on the validation speakers, test once, write ``out``.

    Args:
        corpora: What to train on.
        corpora_dir: Holds a folder for each corpus.
        out: The run folder, not there yet.
        recipe: How to train.
        command: What was typed, for the record.

    Raises:
        CorpusError: A corpus is missing or does not fit.
        RunError: ``out`` holds a run, or training was interrupted before there was anything to keep.
    """
    require_new(out)
    clips = load_clips(corpora, corpora_dir)
    split = split_clips(clips)
    validation = load_examples(split.validation, recipe.features, recipe.speech, QUIET)
    trained = _train(split.train, validation, recipe)
    judge = partial(logits_of, trained.network, trained.normaliser)
    logits = judge(validation)
    calibration = calibrate(validation, logits)
    figures = {
        "command": command,
        "coverage_on_validation": COVERAGE,
        "validation": evaluate(validation, logits, calibration),
        **figures_on(split.test, recipe.features, recipe.speech, judge, calibration),
    }
    info = _model_info(corpora, split, trained, calibration, figures)
    more = {
        "data_sha256": data_hash(clips),
        "versions": _versions(),
        "recipe": asdict(recipe),
        "history": asdict(trained.history),
    }
    write_run(out, trained.network, info, more, validation)


def _train(clips: Sequence[Clip], validation: Sequence[Example], recipe: Recipe) -> Trained:
    keras.utils.set_random_seed(recipe.seed)
    rooms = [load_examples(clips, recipe.features, recipe.speech, room) for room in recipe.rooms]
    ways = [[example for example in heard_as if len(example.rows)] for heard_as in zip(*rooms, strict=True)]
    ways = [heard_as for heard_as in ways if heard_as]
    print(f"training: {len(ways)} clips; left out since nobody is heard in them: {len(clips) - len(ways)}")
    if not ways:
        raise RunError("training: nobody is heard in any clip")
    mean, std = normaliser_of([example for heard_as in ways for example in heard_as])
    normaliser = GlobalNormaliser(mean, std)
    network = EmotionNetwork(recipe.features.num_cepstra, len(LABELS), recipe.network)
    shuffler = Shuffler(ways, normaliser, recipe.augmentation, recipe.learning, recipe.seed)
    history = learn(network, shuffler, validation, normaliser, recipe.learning)
    if not history.best_epoch:
        raise RunError("interrupted before the first epoch ended: there is nothing to keep")
    return Trained(recipe.features, network, normaliser, tuple(mean), tuple(std), history)


def _model_info(
    corpora: Sequence[Corpus],
    split: Split,
    trained: Trained,
    calibration: Calibration,
    figures: dict[str, Any],
) -> ModelInfo:
    return ModelInfo(
        name="-".join(["emotion", *(corpus.name for corpus in corpora)]),
        labels=LABELS,
        features=trained.features,
        mean=trained.mean,
        std=trained.std,
        temperature=calibration.temperature,
        uncertain_below=calibration.uncertain_below,
        data=describe_data(corpora, split),
        licence=licence_of(corpora),
        figures=figures,
    )


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
