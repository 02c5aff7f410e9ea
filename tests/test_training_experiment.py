"""Settings files: what they hold is checked, and what does not fit is named."""

from pathlib import Path

import pytest

from training.errors import ExperimentError
from training.experiment import EXPERIMENTS, load_experiment

STREAMING = (EXPERIMENTS / "streaming.toml").read_text(encoding="utf-8")
SEED = (EXPERIMENTS / "seed.toml").read_text(encoding="utf-8")


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["streaming", "seed"])
def test_an_experiment_that_comes_with_the_project_is_loaded_by_its_name(name: str) -> None:
    assert load_experiment(name).name == name


def test_a_file_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    text = STREAMING.replace("\ndropout = 0.3", "\ndropout = 0.5").replace("[128, 64]", "[]")

    network = load_experiment(written(tmp_path, text)).network

    assert network.dropout == 0.5
    assert network.hidden_units == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("dropout = 0.3", "drop_out = 0.3", "mine.toml.network: unknown drop_out"),
        ("num_epochs = 25", "", "mine.toml.learning: lacks num_epochs"),
        ("num_epochs = 25", "num_epochs = 0", "num_epochs must be from 1 to 10000, got 0"),
        ("num_epochs = 25", "num_epochs = 4.5", "mine.toml.learning.num_epochs: expected int, got 4.5"),
        ("num_epochs = 25", "num_epochs = true", "mine.toml.learning.num_epochs: expected int, got True"),
        ('kind = "streaming"', 'kind = "lstm"', "network.kind must be one of streaming, seed, got 'lstm'"),
        ("voiceprint_size = 16", "voiceprint_size = 101", "network.voiceprint_size must be from 1 to 100, got 101"),
        ("num_parts = 4", "num_parts = 1", "sessions.num_parts must be from 2 to 100, got 1"),
        ("voiceprint_size = 16", "voiceprint_size = 0", "network.voiceprint_size must be from 1 to 100, got 0"),
        ("hidden_units = [128, 64]", "hidden_units = [0]", "network.hidden_units must be from 1 to 10000, got 0"),
        ("dropout = 0.3", "dropout = 1.0", "network.dropout must be from 0 to below 1, got 1.0"),
        ("absolute_dropout = 0.8", "absolute_dropout = nan", "absolute_dropout must be from 0 to below 1, got nan"),
        ("num_cepstra = 16", "num_cepstra = 41", "mine.toml.features: num_cepstra must be a whole number from 1 to 40"),
        ("pitch = true", "pitch = false", "features.pitch of the streaming network must be true, got False"),
        ("[sessions]", "[session]", "mine.toml: unknown session"),
        ("seed = 0", "seed = -1", "seed must be from 0 to 4294967295, got -1"),
        ("seed = 0", "seed = 4294967296", "seed must be from 0 to 4294967295"),
        ("num_recordings = 10", "num_recordings = -1", "num_recordings must be from 0 to 100, got -1"),
        ("min_batches = 100", "min_batches = 0", "min_batches must be from 1 to 10000, got 0"),
        ("learning_rate = 2e-3", "learning_rate = inf", "learning_rate must be from 1e-09 to 1.0, got inf"),
        ("weight_decay = 1e-2", "weight_decay = -1.0", "weight_decay must be from 0.0 to 1.0, got -1.0"),
        ("balance = 0.0", "balance = nan", "balance must be from 0.0 to 2.0, got nan"),
        ("clips_per_session = 16", "clips_per_session = 0", "clips_per_session must be from 1 to 1000, got 0"),
        ("one_emotion = 0.0", "one_emotion = 1.1", "sessions.one_emotion must be from 0.0 to 1.0, got 1.1"),
        ("cropped = 0.1", "cropped = nan", "sessions.cropped must be from 0.0 to 1.0, got nan"),
        ("offset = 0.1", "offset = -inf", "sessions.offset must be from 0.0 to 10.0, got -inf"),
        ("noise = 0.04", "noise = -0.1", "sessions.noise must be from 0.0 to 1.0, got -0.1"),
        (
            "memory_temperature = 4.0",
            "memory_temperature = 0.0",
            "memory_temperature must be from 0.1 to 100.0, got 0.0",
        ),
        ("fewest_rows = 60", "fewest_rows = 0", "sessions.fewest_rows must be from 1 to 1000000, got 0"),
        ("num_noises = 1000", "num_noises = -1", "sessions.num_noises must be from 0 to 100000, got -1"),
        ('name = "streaming"', 'name = "a\\nb"', "name must be 1 to 60 printable characters"),
        ('name = "streaming"', 'name = ""', "name must be 1 to 60 printable characters"),
        ("[network]", "[network", "not TOML"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in STREAMING

    with pytest.raises(ExperimentError) as caught:
        load_experiment(written(tmp_path, STREAMING.replace(old, new, 1)))

    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('kind = "seed"', 'kind = "seed"\ndropout = 0.5', "takes no settings"),
        ("num_cepstra = 40", "num_cepstra = 39", "num_columns of the seed network must be 40, got 39"),
    ],
)
def test_the_seed_network_is_one_network(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(ExperimentError, match=complaint):
        load_experiment(written(tmp_path, SEED.replace(old, new)))


@pytest.mark.parametrize("name", ["nosuch", "nosuch.toml", "/nowhere/at.toml"])
def test_a_missing_experiment_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ExperimentError, match="one of seed, streaming"):
        load_experiment(name)
