"""Figures on the test speakers, of a network in training or of a finished model file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.emotion.classifier import OnnxClassifier
from streamer.settings import MfccSettings, SpeechSettings
from training.calibration import Calibration
from training.corpora import CORPORA, load_clips
from training.corpora.base import LABELS, Clip
from training.dataset import Example, load_examples
from training.errors import CorpusError, RunError
from training.evaluate import evaluate
from training.recipe import NOISY_TEST_ROOM
from training.rooms import QUIET
from training.splits import split_clips

Judge = Callable[[Sequence[Example]], NDArray[np.float64]]
"""Gives the logits of examples, shape ``(num_examples, num_labels)``; NaN where nobody was heard."""


def figures_on(
    clips: Sequence[Clip], features: MfccSettings, speech: SpeechSettings, judge: Judge, calibration: Calibration
) -> dict[str, Any]:
    """Return the figures on ``clips`` of the test speakers, in a quiet room and in noise: nothing is chosen by them."""
    figures = {}
    for name, room in (("test", QUIET), ("test_in_noise", NOISY_TEST_ROOM)):
        examples = load_examples(clips, features, speech, room)
        figures[name] = evaluate(examples, judge(examples), calibration)
    return figures


def measure_file(path: Path, corpora_dir: Path) -> dict[str, Any]:
    """Return the figures of the model file at ``path`` on the test speakers of the corpora that it names.

    Raises:
        ModelError: It is no model file.
        RunError: It was not trained here: it has other labels or names unknown corpora.
        CorpusError: A corpus is missing, or its test speakers are not those that the file names.
    """
    classifier = OnnxClassifier(path)
    info = classifier.info
    named = {corpus["corpus"]: corpus for corpus in info.data if isinstance(corpus, dict) and "corpus" in corpus}
    corpora = [corpus for corpus in CORPORA if corpus.title in named]
    if info.labels != LABELS or not named or len(corpora) != len(named):
        raise RunError(
            f"{path}: not trained here: labels {', '.join(info.labels)}, corpora {', '.join(named) or 'none'}"
        )
    clips = split_clips(load_clips(corpora, corpora_dir)).test
    for corpus in corpora:
        found = {clip.speaker for clip in clips if clip.corpus == corpus.name}
        if found != set(named[corpus.title]["speakers"]["test"]):
            raise CorpusError(f"{path}: {corpus.title} was tested on other speakers than {', '.join(sorted(found))}")

    def judge(examples: Sequence[Example]) -> NDArray[np.float64]:
        nobody = np.full(len(LABELS), np.nan)
        return np.array([classifier.logits(example.rows) if len(example.rows) else nobody for example in examples])

    calibration = Calibration(info.temperature, info.uncertain_below)
    return figures_on(clips, info.features, SpeechSettings(), judge, calibration)
