"""What is said about data: the table, its object, and the terms of what is made from it."""

import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import silence, speech
from training_toys import EMOUERJ_COUNTS, make_toy_emodb, make_toy_emouerj, make_zip

from streamer.settings import FeatureSettings, SpeechSettings
from training.corpora import CORPORA, find_corpora, load_clips
from training.corpora.base import LABELS, Corpus
from training.describe import describe
from training.errors import CorpusError, RunError
from training.experiment import QUIET
from training.hearing import heard_rows
from training.protocols import final_task
from training.rooms import place, read_samples
from training.terms import describe_data, licence_of

KNOWN = {corpus.name: corpus for corpus in CORPORA}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


def known(*names: str) -> Sequence[Corpus]:
    return [KNOWN[name] for name in names]


def test_counts_are_told_by_corpus_label_and_gender(tmp_path: Path) -> None:
    """The toy has one clip a label of two women and four men."""
    described = describe(find_corpora(None, make_toy_emodb(tmp_path)), tmp_path)

    assert described["counts"] == {"emodb": {label: {"man": 3, "woman": 3} for label in LABELS}}
    assert described["corpora"]["emodb"]["genders"] == {"man": 3, "woman": 3}
    assert described["speakers"]["emodb"]["08"] == {"gender": "woman", **dict.fromkeys(LABELS, 1)}
    assert described["left_out"] == []


def test_the_counts_of_emouerj_are_those_that_it_is_known_for(tmp_path: Path) -> None:
    described = describe(known("emouerj"), make_toy_emouerj(tmp_path, seconds=0.03))

    sums = {label: sum(by_gender.values()) for label, by_gender in described["counts"]["emouerj"].items()}
    assert sums == {"anger": 94, "happiness": 91, "neutral": 92, "sadness": 100}
    assert described["corpora"]["emouerj"]["rates_hz"] == {"44100": 377}
    for speaker, counts in EMOUERJ_COUNTS.items():
        told = described["speakers"]["emouerj"][speaker]
        assert [told[label] for label in LABELS] == [counts[letter] for letter in "ahns"]


def test_lengths_and_levels_are_those_of_the_files(tmp_path: Path) -> None:
    wav_dir = tmp_path / "emodb/wav"
    wav_dir.mkdir(parents=True)
    for name, num_samples, value in (("03a01Wa", 8_000, 0.1), ("08a01Na", 16_000, 0.5), ("09a01Ta", 32_000, 1.0)):
        wave = np.tile([value, -value], num_samples // 2)
        if value == 1.0:
            wave[320:] *= 0.25  # 1 % at full scale
        soundfile.write(wav_dir / f"{name}.wav", wave, 16_000)

    about = describe(known("emodb"), tmp_path)["corpora"]["emodb"]

    assert about["duration_s"] == {"min": 0.5, "median": 1.0, "max": 2.0, "total": 3.5}
    assert about["peak_dbfs"] == {"min": -20.0, "median": -6.0, "max": 0.0}
    assert about["rms_dbfs"]["min"] == -20.0
    assert about["rms_dbfs"]["max"] == -6.0
    assert about["clipped"] == {"clips": 1, "largest_part": 0.01}
    assert (about["rates_hz"], about["channels"]) == ({"16000": 3}, {"1": 3})
    assert (about["remarks"], about["copies"]) == ([], [])


def test_copies_are_named(tmp_path: Path) -> None:
    wav_dir = make_toy_emodb(tmp_path) / "emodb/wav"
    (wav_dir / "03b01Wa.wav").write_bytes((wav_dir / "03a01Wa.wav").read_bytes())

    described = describe(known("emodb"), tmp_path)

    assert described["corpora"]["emodb"]["copies"] == ["03b01Wa.wav"]
    assert described["corpora"]["emodb"]["clips"] == 24


def test_the_table_says_it_to_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    describe(find_corpora(None, make_toy_emodb(tmp_path)), tmp_path)

    lines = capsys.readouterr().out.splitlines()
    cells = [line.split() for line in lines]
    assert lines[0] == "EmoDB (emodb): German, 24 clips of 6 speakers, CC0-1.0"
    assert ["speaker", "gender", *LABELS, "all"] in cells
    assert ["03", "man", "1", "1", "1", "1", "4"] in cells
    assert ["all", "3", "woman", "3", "3", "3", "3", "12"] in cells
    assert ["all", "6", "6", "6", "6", "24"] in cells
    assert ["rate", "16000", "Hz", "(24", "clips)"] in cells
    assert any(line.startswith("  length   0.80 to ") for line in lines)
    assert max(map(len, lines)) < 120


def test_the_object_is_written_as_json(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"

    described = describe(find_corpora(None, make_toy_emodb(tmp_path)), tmp_path, out=out)

    assert json.loads((out / "description.json").read_text(encoding="utf-8")) == described
    assert [path.name for path in out.iterdir()] == ["description.json"]


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")

    with pytest.raises(RunError, match=r"out/description\.json: can not be written"):
        describe(find_corpora(None, make_toy_emodb(tmp_path)), tmp_path, out=tmp_path / "out")


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    path = make_toy_emodb(tmp_path) / "emodb/wav/03a01Wa.wav"
    soundfile.write(path, silence(16_000), 16_000)

    with pytest.raises(CorpusError, match="--skip-bad"):
        describe(known("emodb"), tmp_path)
    described = describe(known("emodb"), tmp_path, skip_bad=True)

    (left_out,) = described["left_out"]
    assert left_out["path"] == str(path)
    assert "silent" in left_out["reason"]
    assert described["counts"]["emodb"]["anger"] == {"man": 2, "woman": 3}


def test_a_corpus_of_unknown_genders_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for speaker in ("ann", "a very long name"):
        path = tmp_path / "mine/happy" / speaker / "1.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, speech(8_000, seed=len(speaker)), 16_000)

    described = describe(find_corpora(["mine"], tmp_path), tmp_path)

    assert described["counts"]["mine"] == {"anger": {}, "happiness": {"unknown": 2}, "neutral": {}, "sadness": {}}
    assert "every file was cut or padded" in capsys.readouterr().out


def test_a_model_file_says_who_was_on_which_side(tmp_path: Path) -> None:
    corpora = find_corpora(None, make_toy_emodb(tmp_path))
    task = final_task(load_clips(corpora, tmp_path))

    (described,) = describe_data(corpora, task.sides)

    assert described["corpus"] == "EmoDB"
    assert described["remarks"] == []
    assert described["clips"] == {"train": len(task.train), "validation": len(task.validation)}
    assert sorted(described["speakers"]["train"] + described["speakers"]["validation"]) == [
        "03",
        "08",
        "12",
        "14",
        "15",
        "16",
    ]
    assert described["attribution"] == KNOWN["emodb"].attribution


@pytest.mark.parametrize(
    ("names", "spdx"),
    [
        (["emodb"], "CC0-1.0"),
        (["nemo"], "CC-BY-NC-SA-4.0"),
        (["nemo", "ravdess", "emodb"], "CC-BY-NC-SA-4.0"),
        (["emouerj"], "LicenseRef-emoUERJ"),
        (["emouerj", "emodb"], "LicenseRef-emoUERJ"),
        (["emouerj", "nemo"], "CC-BY-NC-SA-4.0 AND LicenseRef-emoUERJ"),
    ],
)
def test_the_licence_of_weights_follows_from_the_corpora(names: list[str], spdx: str) -> None:
    corpora = known(*names)

    licence = licence_of(corpora)

    assert licence["spdx"] == spdx
    assert all(corpus.attribution in licence["attribution"] for corpus in corpora)


@pytest.mark.parametrize(
    ("licences", "spdx"),
    [
        (["CC-BY-4.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC0-1.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-4.0", "LicenseRef-unknown"], "CC-BY-4.0 AND LicenseRef-unknown"),
    ],
)
def test_credit_is_given_anyway(licences: list[str], spdx: str) -> None:
    corpora = [replace(KNOWN["emodb"], licence=licence) for licence in licences]

    assert licence_of(corpora)["spdx"] == spdx


def test_terms_that_are_not_settled_are_said_to_be_so() -> None:
    assert "The terms of emoUERJ are not settled" in licence_of(known("emouerj", "nemo"))["note"]
    assert "note" not in licence_of(known("nemo", "emodb"))


def test_licences_that_can_not_be_met_together_are_refused() -> None:
    other = replace(KNOWN["nemo"], licence="GPL-3.0-only")

    with pytest.raises(CorpusError, match=r"CC-BY-NC-SA-4\.0, GPL-3\.0-only"):
        licence_of([other, KNOWN["ravdess"]])


def test_the_toy_emouerj_is_heard_as_speech(tmp_path: Path) -> None:
    """In every file of one take of each speaker and emotion."""
    folder = make_toy_emouerj(tmp_path) / "emouerj/emoUERJ"
    paths = sorted(folder.glob("???[ahns]01.wav"))

    heard = [heard_rows(place(read_samples(path), QUIET, 0), FeatureSettings(), SpeechSettings()) for path in paths]

    assert len(paths) == 32
    assert min(map(len, heard)) > 50


def test_the_toy_archive_has_the_shape_of_the_real_one(tmp_path: Path) -> None:
    make_toy_emouerj(tmp_path, seconds=0.01)

    archive = make_zip(tmp_path / "emouerj", tmp_path / "emoUERJ.zip")

    with zipfile.ZipFile(archive) as packed:
        files = [name for name in packed.namelist() if not name.endswith("/")]
    assert len(files) == 377
    assert Counter(name.split("/")[0] for name in files) == {"emoUERJ": 377}


def test_the_real_corpora_are_described(corpora: Path) -> None:
    """Figures are those of the recordings beside the checkout; of the smallest corpus, since all take a while."""
    described = describe(known("emodb"), corpora)

    about = described["corpora"]["emodb"]
    assert (about["clips"], about["duration_s"]["total"]) == (339, 678.0)
    assert about["genders"] == {"man": 5, "woman": 5}
    assert about["remarks"]
