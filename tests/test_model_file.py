"""The metadata of a model file: all there, all true, or refused by the name of the key."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import model_info

from streamer.emotion.memory import Voiceprints
from streamer.emotion.model_file import ModelInfo, parse_metadata
from streamer.errors import ModelError
from streamer.settings import FeatureSettings

KEYS = tuple(model_info().to_metadata())
JSON_KEYS = tuple(key for key in KEYS if key not in {"format", "name"})
ODD_VALUES = (None, True, "text", [[]], {"a": 1}, -1, 1e999, float("nan"), 10**400)
FREE_KEYS = {"data": list, "figures": dict}
VARIANCES = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5).map(tuple)
NAMES = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters=","), min_size=1, max_size=12)


@st.composite
def infos(draw: st.DrawFn) -> ModelInfo:
    """Draw metadata that a model may carry."""
    num_filters = draw(st.integers(1, 64))
    features = FeatureSettings(
        num_filters=num_filters,
        num_cepstra=draw(st.integers(1, num_filters)),
        lifter=draw(st.integers(0, 40)),
        append_energy=draw(st.booleans()),
        window_function=draw(st.sampled_from(["rectangular", "hamming"])),
    )
    columns = features.num_columns
    return model_info(
        name=draw(NAMES),
        labels=tuple(draw(st.lists(NAMES.filter("uncertain".__ne__), min_size=2, max_size=9, unique=True))),
        features=features,
        mean=tuple(draw(st.lists(st.floats(-100, 100), min_size=columns, max_size=columns))),
        std=tuple(draw(st.lists(st.floats(0.01, 100), min_size=columns, max_size=columns))),
        temperature=draw(st.floats(0.01, 100)),
        uncertain_below=draw(st.floats(0, 1)),
        voiceprints=draw(st.none() | st.builds(Voiceprints, st.integers(0, 300), VARIANCES, st.floats(0.01, 100))),
    )


@given(info=infos())
def test_what_is_written_is_read(info: ModelInfo) -> None:
    assert parse_metadata(info.to_metadata()) == info


def test_all_values_are_text() -> None:
    assert {type(value) for value in model_info().to_metadata().values()} == {str}


def test_other_keys_are_left_to_others() -> None:
    assert parse_metadata({**model_info().to_metadata(), "producer": "somebody"}) == model_info()


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(key: str) -> None:
    metadata = model_info().to_metadata()
    del metadata[key]

    with pytest.raises(ModelError, match=f"key '{key}' is missing"):
        parse_metadata(metadata)


@pytest.mark.parametrize("key", KEYS)
def test_an_empty_key_is_named(key: str) -> None:
    with pytest.raises(ModelError, match=f"key '{key}'"):
        parse_metadata({**model_info().to_metadata(), key: ""})


@pytest.mark.parametrize("key", JSON_KEYS)
@pytest.mark.parametrize("text", ["{", "anger, neutral", "[" * 100_000], ids=["cut off", "no JSON", "very deep"])
def test_a_key_that_is_not_json_is_named(key: str, text: str) -> None:
    with pytest.raises(ModelError, match=f"key '{key}' is not valid JSON"):
        parse_metadata({**model_info().to_metadata(), key: text})


@pytest.mark.parametrize("key", JSON_KEYS)
def test_a_key_of_another_kind_is_named(key: str) -> None:
    """No value, however odd, may pass or fail in another way."""
    for value in ODD_VALUES:
        if isinstance(value, FREE_KEYS.get(key, ())):
            continue

        with pytest.raises(ModelError, match=f"key '{key}'"):
            parse_metadata({**model_info().to_metadata(), key: json.dumps(value)})


@pytest.mark.parametrize("version", ["0", "1", "2.0", "two", "02"])
def test_another_format_is_refused(version: str) -> None:
    with pytest.raises(ModelError, match=f"key 'format' is '{version}', but this version reads 3: export"):
        parse_metadata({**model_info().to_metadata(), "format": version})


def test_a_model_of_somebody_else_is_recognised() -> None:
    with pytest.raises(ModelError, match="not a model of emotion-streamer"):
        parse_metadata({})


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], "at least two"),
        (["anger"], "at least two"),
        (["anger", ""], "at least two names"),
        (["anger", "  "], "at least two names"),
        (["anger", 3], "at least two names"),
        (["anger", ["joy"]], "at least two names"),
        (["anger", "anger"], "twice"),
        (["anger", "uncertain"], "reserved"),
        (["anger", "joy,fear"], "without a comma"),
        (["anger", "joy\n"], "printable"),
        (["anger", "\x1b[31mjoy"], "printable"),
        (["anger", "\ud800"], "printable"),
    ],
)
def test_labels_that_cannot_be_told_apart_or_written_are_refused(labels: list[Any], reason: str) -> None:
    with pytest.raises(ModelError, match=rf"key 'labels'.*{reason}"):
        parse_metadata({**model_info().to_metadata(), "labels": json.dumps(labels)})


@pytest.mark.parametrize("labels", [("calm", "excited"), ("Wut", "Freude", "Angst", "Ekel", "\u00dcberraschung")])
def test_any_set_of_labels_is_read(labels: tuple[str, ...]) -> None:
    assert parse_metadata(model_info(labels=labels).to_metadata()).labels == labels


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hop_ms": None}, "hop_ms must be a whole number"),
        ({"hop_ms": 10.0}, "hop_ms must be a whole number"),
        ({"hop_ms": True}, "hop_ms must be a whole number"),
        ({"hop_ms": 10**30}, "hop_ms must be a whole number"),
        ({"window_ms": "25"}, "window_ms must be a whole number"),
        ({"num_cepstra": 27}, "num_cepstra must be a whole number from 1 to 26"),
        ({"fft_size": 256}, "fft_size must be a power of two of at least 400"),
        ({"append_energy": 1}, "append_energy must be true or false"),
        ({"preemphasis": "0.97"}, "preemphasis must be"),
        ({"preemphasis": float("nan")}, "preemphasis must be"),
        ({"window_function": ["hamming"]}, "window_function must be one of"),
        ({"sample_rate_hz": 22050}, "window_ms|whole number of samples|sample_rate_hz must be 16000"),
        ({"sample_rate_hz": 48000, "fft_size": 2048}, "sample_rate_hz must be 16000, got 48000"),
    ],
    ids=repr,
)
def test_features_that_cannot_be_computed_are_refused(change: dict[str, Any], reason: str) -> None:
    features = {**asdict(FeatureSettings()), **change}

    with pytest.raises(ModelError, match=f"key 'features': .*({reason})"):
        parse_metadata({**model_info().to_metadata(), "features": json.dumps(features)})


def test_a_feature_that_is_missing_or_unknown_is_named() -> None:
    """A model made by another version must not be fed rows that it does not expect."""
    features = {**asdict(FeatureSettings()), "deltas": 2}
    del features["lifter"]

    with pytest.raises(ModelError, match=r"key 'features' lacks \['lifter'\] and has unknown \['deltas'\]"):
        parse_metadata({**model_info().to_metadata(), "features": json.dumps(features)})


@pytest.mark.parametrize(
    ("normalisation", "reason"),
    [
        ({"mean": [0.0] * 13}, "must hold mean and std"),
        ({"mean": [0.0] * 13, "std": [1.0] * 13, "var": []}, "must hold mean and std"),
        ({"mean": 0.0, "std": [1.0] * 13}, "mean must be a list"),
        ({"mean": [0.0] * 12, "std": [1.0] * 13}, "mean has 12 numbers, but 'features' makes 13"),
        ({"mean": [0.0] * 13, "std": [1.0] * 14}, "std has 14 numbers, but 'features' makes 13"),
        ({"mean": [0.0] * 13, "std": []}, "std has 0 numbers"),
        ({"mean": [float("nan")] * 13, "std": [1.0] * 13}, "mean must be a list of numbers"),
        ({"mean": [10**400] * 13, "std": [1.0] * 13}, "mean must be a list of numbers"),
        ({"mean": [True] * 13, "std": [1.0] * 13}, "mean must be a list of numbers"),
        ({"mean": ["0"] * 13, "std": [1.0] * 13}, "mean must be a list of numbers"),
        ({"mean": [0.0] * 13, "std": [1.0] * 12 + [0.0]}, "std must be a list of numbers from 1e-06"),
        ({"mean": [0.0] * 13, "std": [-1.0] * 13}, "std must be a list of numbers from 1e-06"),
        ({"mean": [0.0] * 13, "std": [1e-300] * 13}, "std must be a list of numbers from 1e-06"),
        ({"mean": [0.0] * 13, "std": [float("inf")] * 13}, "std must be a list of numbers"),
    ],
)
def test_statistics_that_do_not_fit_the_rows_are_refused(normalisation: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelError, match=f"key 'normalisation'.*{reason}"):
        parse_metadata({**model_info().to_metadata(), "normalisation": json.dumps(normalisation)})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("temperature", "0"),
        ("temperature", "-1"),
        ("temperature", "100.5"),
        ("temperature", '"1"'),
        ("temperature", "[1]"),
        ("uncertain_below", "-0.1"),
        ("uncertain_below", "1.1"),
        ("uncertain_below", "NaN"),
        ("uncertain_below", "true"),
    ],
)
def test_a_number_out_of_range_is_named(key: str, text: str) -> None:
    with pytest.raises(ModelError, match=f"key '{key}' must be a number from"):
        parse_metadata({**model_info().to_metadata(), key: text})


@pytest.mark.parametrize(("key", "text"), [("temperature", "1"), ("uncertain_below", "0"), ("uncertain_below", "1")])
def test_whole_numbers_and_bounds_are_numbers(key: str, text: str) -> None:
    assert getattr(parse_metadata({**model_info().to_metadata(), key: text}), key) == float(text)


@pytest.mark.parametrize("licence", [{}, {"spdx": "MIT"}, {"attribution": "somebody"}])
def test_weights_without_licence_or_author_are_refused(licence: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="key 'licence' must hold spdx and attribution"):
        parse_metadata({**model_info().to_metadata(), "licence": json.dumps(licence)})
