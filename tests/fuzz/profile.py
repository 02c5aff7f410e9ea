"""Profiles: a voice that the network can be told of, or refused."""

import contextlib
import json
import random
from typing import Any

import numpy as np

from fuzz.outcome import as_file, result_or_one_line
from streamer.emotion.classifier import BUNDLED_MODEL, OnnxClassifier
from streamer.emotion.memory import Voice
from streamer.emotion.profile import Profile

_CLASSIFIER = OnnxClassifier(BUNDLED_MODEL)
_SIZE = _CLASSIFIER.impression_size
_ROWS = np.random.default_rng(0).standard_normal((30, _CLASSIFIER.features.num_columns)).astype(np.float32)
_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e-300,
    1e6,
    -1e6,
    10**400,
    float("nan"),
    float("inf"),
    "1",
    "",
    [],
    {},
    [[]],
)


def check(data: bytes) -> None:
    """Begin with the profile ``data``, hear somebody, and write what was learnt."""
    # So that the fuzzer need not guess which model it was made with.
    data = data.replace(b"MODEL", _CLASSIFIER.sha256.encode())
    with as_file(data, "me.json") as path, result_or_one_line():
        profile = Profile(path, _CLASSIFIER.sha256, _SIZE)
        voice = profile.read()
        assert np.isfinite([voice.weight, *voice.mean, *voice.mean_square]).all()
        classifier = _CLASSIFIER.twin()
        try:
            classifier.know(voice)
        except ValueError as error:  # as the command does
            raise profile.damaged(error) from error
        classifier.push(_ROWS)
        posterior = classifier.posterior()
        assert np.isfinite(posterior).all()
        assert abs(posterior.sum() - 1.0) < 1e-6
        assert classifier.heard_before >= 0
        classifier.learn()
        assert classifier.memory
        learnt = classifier.memory.voice
        profile.check_writable()
        profile.write(learnt)
        again = Profile(path, _CLASSIFIER.sha256, _SIZE).read()
        np.testing.assert_allclose(again.mean, learnt.mean, atol=1e-6)


def seeds() -> list[bytes]:
    """Return the profile of nobody, and of somebody."""
    made = Voice.unknown(_SIZE).heard(np.round(np.linspace(-1.0, 1.0, _SIZE), 2), 0.75)
    return [
        _written({"profile": 1, "model_sha256": "MODEL", "voice": voice.to_json()})
        for voice in (Voice.unknown(_SIZE), made)
    ]


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Return ``data`` with some of its values changed, where it is JSON."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return data[: dice.randrange(len(data) + 1)]
    for _ in range(dice.randint(1, 3)):
        values = _changed(values, dice)
    return _written(values)


def _changed(value: Any, dice: random.Random) -> Any:
    """Return ``value`` with something in it, or itself, changed."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(sorted(value))
        if dice.random() < 0.05:
            return {name: entry for name, entry in value.items() if name != key}
        return {**value, key: _changed(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        place = dice.randrange(len(value))
        if dice.random() < 0.05:
            return value[:place]
        if dice.random() < 0.1:
            return [_changed(value[place], dice)] * len(value)
        return [*value[:place], _changed(value[place], dice), *value[place + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and dice.random() < 0.7:
        with contextlib.suppress(OverflowError):
            return value * dice.choice((-1, 1e-9, 0.5, 10.0, 1e5)) + dice.choice((0, 1e-6, 1, 49, 1e5))
    return dice.choice(_ODD)


def _written(values: Any) -> bytes:
    return json.dumps(values).encode()
