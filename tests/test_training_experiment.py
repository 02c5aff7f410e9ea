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
    text = STREAMING.replace("dropout = 0.15", "dropout = 0.5").replace("hidden_units = [64]", "hidden_units = []")

    network = load_experiment(written(tmp_path, text)).network

    assert network.dropout == 0.5
    assert network.hidden_units == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("dropout = 0.15", "drop_out = 0.15", "mine.toml.network: unknown drop_out"),
        ("num_epochs = 40", "", "mine.toml.learning: lacks num_epochs"),
        ("num_epochs = 40", "num_epochs = 0", "num_epochs must be from 1 to 10000, got 0"),
        ("num_epochs = 40", "num_epochs = 4.5", "mine.toml.learning.num_epochs: expected int, got 4.5"),
        ("num_epochs = 40", "num_epochs = true", "mine.toml.learning.num_epochs: expected int, got True"),
        ('kind = "streaming"', 'kind = "lstm"', "network.kind must be one of streaming, seed, got 'lstm'"),
        ("strides = [2, 1, 2, 1]", "strides = [2, 1]", "one entry a convolution"),
        ("strides = [2, 1, 2, 1]", "strides = [2, 1, 0, 1]", "network: sizes must be from 1 to 10000, got 0"),
        ("dropout = 0.15", "dropout = 1.0", "network.dropout must be from 0 to below 1, got 1.0"),
        ("pooling = ", 'pooling = "median" # ', "network.pooling must be one of mean, mean_and_deviation, maximum"),
        ("num_cepstra = 16", "num_cepstra = 41", "mine.toml.features: num_cepstra must be a whole number from 1 to 40"),
        ("snr_db = [10.0, 30.0]\nseed = 1", "snr_db = [10.0]\nseed = 1", "rooms[1].snr_db: expected 2 values"),
        ("speed_percent = 92\nseed = 2", "speed_percent = 9\nseed = 2", "speed_percent must be from 50 to 200, got 9"),
        ("[augmentation]", "[augmentations]", "mine.toml: unknown augmentations"),
        ("seed = 0", "seed = -1", "seed must be from 0 to 4294967295, got -1"),
        ("seed = 0", "seed = 4294967296", "seed must be from 0 to 4294967295"),
        ("seed = 1", "seed = -1", "rooms: seed must be from 0 to 4294967295, got -1"),
        ("[10.0, 30.0]", "[30.0, 10.0]", "rooms: snr_db must rise, got (30.0, 10.0)"),
        ("[10.0, 30.0]", "[nan, nan]", "rooms: snr_db must be from -40.0 to 100.0, got nan"),
        ("min_batches = 30", "min_batches = 0", "min_batches must be from 1 to 10000, got 0"),
        ("learning_rate = 2e-3", "learning_rate = inf", "learning_rate must be from 1e-09 to 1.0, got inf"),
        ("weight_decay = 1e-2", "weight_decay = -1.0", "weight_decay must be from 0.0 to 1.0, got -1.0"),
        ("balance = 1.0", "balance = nan", "balance must be from 0.0 to 2.0, got nan"),
        ("gain_db = 6.0", "gain_db = -1.0", "gain_db must be from 0.0 to 60.0, got -1.0"),
        ("tilt = 0.15", "tilt = -inf", "tilt must be from 0.0 to 10.0, got -inf"),
        ("head_rows = 25", "head_rows = -1", "head_rows must be from 0 to 1000, got -1"),
        ("shortest_part = 0.5", "shortest_part = 5.0", "shortest_part must be from 0.01 to 1.0, got 5.0"),
        ("most_rows = 350", "most_rows = 10", "fewest_rows must be from 1 to 10, got 80"),
        ("channels = [96, ", "channels = [100000000, ", "network: sizes must be from 1 to 10000, got 100000000"),
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
        ("num_cepstra = 40", "num_cepstra = 39", "num_cepstra of the seed network must be 40, got 39"),
    ],
)
def test_the_seed_network_is_one_network(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(ExperimentError, match=complaint):
        load_experiment(written(tmp_path, SEED.replace(old, new)))


@pytest.mark.parametrize("name", ["nosuch", "nosuch.toml", "/nowhere/at.toml"])
def test_a_missing_experiment_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ExperimentError, match="one of seed, streaming"):
        load_experiment(name)
