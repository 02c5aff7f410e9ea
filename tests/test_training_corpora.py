"""Corpora: names to clips, terms to licences, speakers to sides."""

from pathlib import Path

import pytest
import soundfile
from signals import speech
from training_toys import make_toy_emodb

from training.corpora import CORPORA, find_corpora, load_clips
from training.corpora.base import LABELS, Clip
from training.corpora.emodb import EmoDb
from training.corpora.nemo import Nemo
from training.corpora.ravdess import Ravdess
from training.describe import describe_data, licence_of
from training.errors import CorpusError
from training.splits import SPEAKERS, Speakers, split_clips


def put(path: Path, content: str = "audio is not looked at") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "label", "speaker", "gender"),
    [
        ("nemo/samples/EB0_anger_07.flac", "anger", "EB0", "woman"),
        ("nemo/samples/TP0_sadness_90.wav", "sadness", "TP0", "man"),
        ("ravdess/Actor_02/03-01-02-01-01-02-02.wav", "neutral", "02", "woman"),
        ("ravdess/Actor_23/03-01-05-02-02-01-23.flac", "anger", "23", "man"),
        ("ravdess/Actor_01/03-01-03-01-02-01-01.flac", "happiness", "01", "man"),
        ("emodb/wav/03a01Wa.wav", "anger", "03", "man"),
        ("emodb/wav/16b10Tb.flac", "sadness", "16", "woman"),
    ],
)
def test_a_name_says_who_speaks_how(tmp_path: Path, name: str, label: str, speaker: str, gender: str) -> None:
    path = put(tmp_path / name)
    (corpus,) = find_corpora([name.split("/", maxsplit=1)[0]])

    assert corpus.clips(tmp_path) == [Clip(path, label, speaker, corpus.name, gender)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    ["nemo/samples/EB0_fear_07.wav", "ravdess/Actor_01/03-01-06-01-01-01-01.wav", "emodb/wav/03a01Ea.wav"],
)
def test_emotions_that_are_not_told_apart_are_left_out(tmp_path: Path, name: str) -> None:
    put(tmp_path / name)
    (corpus,) = find_corpora([name.split("/", maxsplit=1)[0]])

    assert corpus.clips(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "nemo/samples/EB0_bored_07.wav",
        "nemo/samples/XY9_anger_07.wav",
        "nemo/samples/noise.wav",
        "ravdess/Actor_01/03-01-09-01-01-01-01.wav",
        "ravdess/Actor_01/03-01-01-01-01-01-25.wav",
        "ravdess/Actor_01/03-01-01-01-01-01-00.wav",
        "ravdess/Actor_01/03-02-01-01-01-01-01.wav",
        "emodb/wav/99a01Wa.wav",
        "emodb/wav/03a01Xa.wav",
    ],
)
def test_an_unfitting_name_is_refused_and_named(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name)
    (corpus,) = find_corpora([name.split("/", maxsplit=1)[0]])

    with pytest.raises(CorpusError, match="the name does not fit") as caught:
        corpus.clips(tmp_path)

    assert str(path) in str(caught.value)


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_a_missing_corpus_is_refused_and_its_folder_named(tmp_path: Path, corpus: Nemo | Ravdess | EmoDb) -> None:
    with pytest.raises(CorpusError, match=f"{corpus.name}.*no WAV or FLAC files"):
        corpus.clips(tmp_path)


def test_an_unknown_corpus_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CorpusError, match="must be of nemo, ravdess, emodb, got iemocap"):
        find_corpora(["emodb", "iemocap"])


def test_no_corpus_at_all_is_refused() -> None:
    with pytest.raises(CorpusError, match="got none"):
        find_corpora([])


def test_of_byte_identical_files_the_first_is_kept(tmp_path: Path) -> None:
    """RAVDESS holds one recording under two names."""
    first = put(tmp_path / "ravdess/Actor_07/03-01-03-01-02-01-07.wav", "same")
    put(tmp_path / "ravdess/Actor_07/03-01-03-01-02-02-07.wav", "same")

    assert [clip.path for clip in load_clips([Ravdess()], tmp_path)] == [first]


def test_an_emodb_whose_files_all_have_one_length_says_so(tmp_path: Path) -> None:
    for name in ("03a01Wa", "08a01Na"):
        put(tmp_path / f"emodb/wav/{name}.wav")
        soundfile.write(tmp_path / f"emodb/wav/{name}.wav", speech(32_000), 16_000)

    (remark,) = EmoDb().remarks(EmoDb().clips(tmp_path))

    assert "cut or padded with zeros to exactly 2.00 s" in remark


def test_an_emodb_of_natural_lengths_has_no_remark(tmp_path: Path) -> None:
    make_toy_emodb(tmp_path)

    assert EmoDb().remarks(EmoDb().clips(tmp_path)) == []


@pytest.mark.parametrize("name", SPEAKERS)
def test_every_corpus_has_both_genders_on_every_side(tmp_path: Path, name: str) -> None:
    """A split by gender would measure gender."""
    (corpus,) = find_corpora([name])
    names = {
        "nemo": [f"nemo/samples/{s}_anger_01.wav" for s in _everybody("nemo")],
        "ravdess": [f"ravdess/Actor_{s}/03-01-05-01-01-01-{s}.wav" for s in _everybody("ravdess")],
        "emodb": [f"emodb/wav/{s}a01Wa.wav" for s in _everybody("emodb")],
    }[name]
    for path in names:
        put(tmp_path / path, path)

    split = split_clips(corpus.clips(tmp_path))

    for side in (split.train, split.validation, split.test):
        assert {clip.gender for clip in side} == {"woman", "man"}


def _everybody(name: str) -> list[str]:
    speakers = SPEAKERS[name]
    return [*speakers.train, *speakers.validation, *speakers.test]


@pytest.mark.parametrize("name", SPEAKERS)
def test_nobody_is_on_two_sides(name: str) -> None:
    assert len(_everybody(name)) == len(set(_everybody(name)))


def test_somebody_on_two_sides_is_refused_and_named() -> None:
    with pytest.raises(CorpusError, match="got twice: 03"):
        Speakers(train=("03", "08"), validation=("12",), test=("03",))


def test_somebody_on_no_side_is_refused_and_named() -> None:
    clip = Clip(Path("17a01Wa.wav"), "anger", "17", "emodb", "man")

    with pytest.raises(CorpusError, match="speaker 17 of emodb"):
        split_clips([clip])


def test_a_side_without_clips_is_refused() -> None:
    clip = Clip(Path("03a01Wa.wav"), "anger", "03", "emodb", "man")

    with pytest.raises(CorpusError, match="no clip is left for: validation, test"):
        split_clips([clip])


@pytest.mark.parametrize(
    ("names", "spdx"),
    [
        (["emodb"], "CC0-1.0"),
        (["nemo"], "CC-BY-NC-SA-4.0"),
        (["nemo", "ravdess", "emodb"], "CC-BY-NC-SA-4.0"),
    ],
)
def test_the_licence_of_weights_follows_from_the_corpora(names: list[str], spdx: str) -> None:
    corpora = find_corpora(names)

    licence = licence_of(corpora)

    assert licence["spdx"] == spdx
    assert all(corpus.attribution in licence["attribution"] for corpus in corpora)


def test_licences_that_can_not_be_met_together_are_refused() -> None:
    other = Nemo()
    other.licence = "GPL-3.0-only"

    with pytest.raises(CorpusError, match=r"CC-BY-NC-SA-4\.0, GPL-3\.0-only"):
        licence_of([other, Ravdess()])


def test_the_real_corpora_fit_names_and_split(corpora: Path) -> None:
    """Counts are those of the recordings beside the checkout."""
    clips = load_clips(CORPORA, corpora)

    split = split_clips(clips)

    assert {corpus.name: sum(clip.corpus == corpus.name for clip in clips) for corpus in CORPORA} == {
        "nemo": 3076,
        "ravdess": 863,
        "emodb": 339,
    }
    assert {clip.label for clip in split.test} == set(LABELS)
    assert describe_data([EmoDb()], split)[0]["remarks"]
