"""Corpora: names to clips, complete or not, and one recording under two names."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from signals import speech
from training_toys import EMOUERJ_COUNTS, make_toy_emodb, make_toy_emouerj

import training.corpora
from training.corpora import CORPORA, discover_corpora, find_clips, find_corpora, load_clips
from training.corpora.base import LABELS, Clip, Complaint, Corpus, Found, refusal
from training.corpora.copies import without_copies
from training.corpora.emodb import CORPUS as EMODB
from training.corpora.emouerj import CORPUS as EMOUERJ
from training.corpora.named import NamedCorpus
from training.corpora.nemo import CORPUS as NEMO
from training.corpora.ravdess import CORPUS as RAVDESS
from training.errors import CorpusError
from training.folds import NUM_FOLDS, deal


def put(path: Path, content: str = "audio is not looked at") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def corpus_of(name: str, corpora_dir: Path) -> Corpus:
    (corpus,) = find_corpora([name.split("/", maxsplit=1)[0]], corpora_dir)
    return corpus


@pytest.fixture(scope="module")
def toy_emouerj(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give CORPORA_DIR with all of emoUERJ, each file very short."""
    return make_toy_emouerj(tmp_path_factory.mktemp("toy"), seconds=0.01)


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
        ("emouerj/emoUERJ/w04a11.wav", "anger", "w04", "woman"),
        ("emouerj/m01h01.wav", "happiness", "m01", "man"),
        ("emouerj/a/b/m02s10.WAV", "sadness", "m02", "man"),
        ("emouerj/w01n12.flac", "neutral", "w01", "woman"),
    ],
)
def test_a_name_says_who_speaks_how(tmp_path: Path, name: str, label: str, speaker: str, gender: str) -> None:
    path = put(tmp_path / name)
    corpus = corpus_of(name, tmp_path)

    assert corpus.scan(tmp_path).clips == (Clip(path, label, speaker, corpus.name, gender),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "nemo/samples/EB0_fear_07.wav",
        "nemo/samples/EB0_surprise_07.wav",
        "ravdess/Actor_01/03-01-06-01-01-01-01.wav",
        "emodb/wav/03a01Ea.wav",
    ],
)
def test_emotions_that_are_not_told_apart_are_left_out(tmp_path: Path, name: str) -> None:
    put(tmp_path / name)

    assert corpus_of(name, tmp_path).scan(tmp_path) == Found(())


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
        "emouerj/w05a01.wav",
        "emouerj/x01a01.wav",
        "emouerj/w01f01.wav",
        "emouerj/w01a1.wav",
        "emouerj/w01a01 (copy).wav",
    ],
)
def test_an_unfitting_name_is_refused_and_named(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name)

    with pytest.raises(CorpusError, match="the name does not fit") as caught:
        load_clips([corpus_of(name, tmp_path)], tmp_path)

    assert str(path) in str(caught.value)


def test_all_unfitting_names_are_in_one_error(tmp_path: Path) -> None:
    put(tmp_path / "nemo/samples/EB0_anger_07.wav")
    paths = [put(tmp_path / f"nemo/samples/{name}.wav") for name in ("noise", "EB0_bored_01", "EB9_anger_01")]

    with pytest.raises(CorpusError) as caught:
        load_clips([NEMO], tmp_path)

    message = str(caught.value)
    assert "3 files: the name does not fit" in message
    assert all(str(path) in message for path in paths)
    assert message.count("does not fit") == 1
    assert "\n" not in message


@given(num_files=st.integers(1, 40))
def test_an_error_shows_ten_files_and_counts_all(num_files: int) -> None:
    complaints = [Complaint(Path(f"<{index}>"), "why") for index in range(num_files)]

    message = str(refusal(complaints))

    assert message.count("<") == min(num_files, 10)
    assert (f"and {num_files - 10} more" in message) == (num_files > 10)
    assert (f"{num_files} files" in message) == (num_files > 1)


def test_an_error_of_many_reasons_stays_one_short_line() -> None:
    complaints = [Complaint(Path(f"<{index}>"), f"reason {index}") for index in range(12)]

    message = str(refusal(complaints))

    assert message.count("reason") == 10
    assert message.endswith("; and 2 more")


def test_files_that_macos_adds_are_no_recordings(tmp_path: Path) -> None:
    path = put(tmp_path / "emodb/wav/03a01Wa.wav")
    put(tmp_path / "emodb/wav/._03a01Wa.wav")
    put(tmp_path / "emodb/wav/__MACOSX/03a01Na.wav")
    (tmp_path / "emodb/wav/folder.wav").mkdir()

    assert [clip.path for clip in load_clips([EMODB], tmp_path)] == [path]


def test_the_released_emouerj_is_complete(toy_emouerj: Path) -> None:
    found = EMOUERJ.scan(toy_emouerj)

    assert not found.complaints
    assert len(found.clips) == 377
    assert Counter(clip.label for clip in found.clips) == {"anger": 94, "happiness": 91, "neutral": 92, "sadness": 100}
    assert {clip.speaker for clip in found.clips} == set(EMOUERJ_COUNTS)


def test_an_emouerj_that_lacks_files_or_has_more_is_refused_and_told_where(tmp_path: Path, toy_emouerj: Path) -> None:
    for clip in EMOUERJ.scan(toy_emouerj).clips:
        if clip.path.name not in ("w04a16.wav", "m01s13.wav"):
            put(tmp_path / "emouerj" / clip.path.name, clip.path.name)
    put(tmp_path / "emouerj" / "w01n13.wav")

    with pytest.raises(CorpusError) as caught:
        load_clips([EMOUERJ], tmp_path)

    message = str(caught.value)
    assert f"{tmp_path / 'emouerj'}: not the whole corpus as released: 376 files with a label instead of 377" in message
    for part in ("w04 anger 15 instead of 16", "m01 sadness 12 instead of 13", "w01 neutral 13 instead of 12"):
        assert part in message
    assert message.count(" instead of ") == 4


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_a_missing_corpus_is_refused_and_its_folder_named(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match=f"{corpus.name}.*no WAV or FLAC files"):
        corpus.scan(tmp_path)


@pytest.mark.parametrize("name", ["iemocap", "", ".", "..", "emodb/wav"])
def test_an_unknown_corpus_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    (tmp_path / "emodb" / "wav").mkdir(parents=True)

    with pytest.raises(CorpusError, match=r"must be of emodb, emouerj, nemo, ravdess or another folder in .*, got"):
        find_corpora(["emodb", name], tmp_path)


def test_no_corpus_at_all_is_refused(tmp_path: Path) -> None:
    for names in ([], None):
        with pytest.raises(CorpusError, match="got none"):
            find_corpora(names, tmp_path)


@pytest.mark.parametrize("names", [None, ["emodb"], ["mine"]])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, names: list[str] | None) -> None:
    with pytest.raises(CorpusError, match=r"/nowhere: no such folder$"):
        find_corpora(names, tmp_path / "nowhere")


def test_unless_named_the_known_corpora_that_are_there_are_used(tmp_path: Path) -> None:
    for name in ("ravdess", "emodb", "mine"):
        (tmp_path / name).mkdir()

    assert find_corpora(None, tmp_path) == (EMODB, RAVDESS)


def test_the_order_of_names_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()

    corpora = find_corpora(["ravdess", "mine", "emodb", "mine"], tmp_path)

    assert [corpus.name for corpus in corpora] == ["emodb", "mine", "ravdess"]


def test_adding_a_corpus_is_adding_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        tmp_path / "toyland.py",
        "from dataclasses import replace\n"
        "from training.corpora.emodb import CORPUS as EMODB\n"
        "CORPUS = replace(EMODB, name='toyland', folder='toyland')\n",
    )
    monkeypatch.setattr(training.corpora, "__path__", [*training.corpora.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "training.corpora.toyland", raising=False)

    names = [corpus.name for corpus in discover_corpora()]

    assert names == ["emodb", "emouerj", "nemo", "ravdess", "toyland"]


def test_looking_at_corpora_loads_no_heavy_library() -> None:
    code = "import sys, training.corpora, training.health, training.describe, training.terms; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    assert "training.corpora.emouerj" in loaded
    assert not loaded & {"keras", "tensorflow", "matplotlib", "sklearn", "opensmile", "requests", "scipy"}


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_label_maps_give_only_labels_that_the_network_tells_apart(corpus: NamedCorpus) -> None:
    assert set(corpus.labels.values()) - {None} == set(LABELS)


def test_of_byte_identical_files_the_first_is_kept(tmp_path: Path) -> None:
    """RAVDESS holds one recording under two names."""
    first = put(tmp_path / "ravdess/Actor_07/03-01-03-01-02-01-07.wav", "same")
    second = put(tmp_path / "ravdess/Actor_07/03-01-03-01-02-02-07.wav", "same")

    found = find_clips([RAVDESS], tmp_path)

    assert [clip.path for clip in load_clips([RAVDESS], tmp_path)] == [first]
    assert [clip.path for clip in found.copies] == [second]


@pytest.mark.parametrize(
    ("first", "second", "claim"),
    [
        ("emodb/wav/03a01Wa.wav", "emodb/wav/03a01Na.wav", "neutral by speaker 03 of emodb"),
        ("emodb/wav/03a01Wa.wav", "emodb/wav/08a01Wa.wav", "anger by speaker 08 of emodb"),
        ("emodb/wav/03a01Wa.wav", "nemo/samples/KS0_anger_01.wav", "anger by speaker KS0 of nemo"),
    ],
    ids=["two labels", "two speakers", "two corpora"],
)
def test_one_recording_can_not_be_two_things(tmp_path: Path, first: str, second: str, claim: str) -> None:
    paths = [put(tmp_path / name, "same") for name in (first, second)]
    other = put(tmp_path / "emodb/wav/09a01Wa.wav", "other")

    found = find_clips(find_corpora(None, tmp_path), tmp_path)

    assert [clip.path for clip in found.clips] == [other]
    reasons = {complaint.path: complaint.reason for complaint in found.complaints}
    assert set(reasons) == set(paths)
    assert claim in reasons[paths[0]]
    assert str(paths[1]) in reasons[paths[0]]


@given(claims=st.lists(st.tuples(st.integers(0, 4), st.sampled_from("AB"), st.sampled_from(LABELS)), max_size=12))
def test_of_each_recording_one_clip_is_kept_unless_it_is_two_things(
    tmp_path_factory: pytest.TempPathFactory, claims: list[tuple[int, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("claims")
    clips = [
        Clip(put(folder / f"{index}.wav", str(content)), label, speaker, "toy", "unknown")
        for index, (content, speaker, label) in enumerate(claims)
    ]

    found = without_copies(Found(tuple(clips)))

    said = {content: {claim[1:] for claim in claims if claim[0] == content} for content, _, _ in claims}
    agreed = {content for content, claims_of_it in said.items() if len(claims_of_it) == 1}
    assert Counter(int(clip.path.read_text()) for clip in found.clips) == Counter(agreed)
    assert len(found.complaints) == sum(content not in agreed for content, _, _ in claims)
    assert len(found.clips) + len(found.copies) + len(found.complaints) == len(claims)


def test_a_file_that_can_not_be_opened_is_complained_about(tmp_path: Path) -> None:
    path = tmp_path / "emodb/wav/03a01Wa.wav"
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "nowhere")

    assert find_clips([EMODB], tmp_path).complaints == (Complaint(path, "can not be read (No such file or directory)"),)


@pytest.mark.parametrize("corpus", [EMODB, replace(EMODB, name="another")], ids=lambda corpus: corpus.name)
def test_a_corpus_whose_files_all_have_one_length_says_so(tmp_path: Path, corpus: NamedCorpus) -> None:
    for name in ("03a01Wa", "08a01Na"):
        put(tmp_path / f"emodb/wav/{name}.wav")
        soundfile.write(tmp_path / f"emodb/wav/{name}.wav", speech(32_000), 16_000)

    (remark,) = corpus.remarks(corpus.scan(tmp_path).clips)

    assert "cut or padded with zeros to exactly 2.00 s" in remark


def test_a_corpus_of_natural_lengths_has_no_remark(tmp_path: Path) -> None:
    make_toy_emodb(tmp_path)

    assert EMODB.remarks(EMODB.scan(tmp_path).clips) == []


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_women_and_men_are_dealt_to_the_folds_alike(corpus: NamedCorpus) -> None:
    """A split by gender would measure gender."""
    clips = [Clip(Path(), "anger", speaker, corpus.name, gender) for speaker, gender in corpus.genders.items()]

    folds = deal(clips)

    sizes = Counter((folds[corpus.name, clip.speaker], clip.gender) for clip in clips)
    for gender in ("woman", "man"):
        numbers = [sizes[fold, gender] for fold in range(NUM_FOLDS)]
        assert max(numbers) - min(numbers) <= 1


def test_the_real_corpora_fit(corpora: Path) -> None:
    """Counts are those of the recordings beside the checkout."""
    known = find_corpora(["nemo", "ravdess", "emodb"], corpora)

    clips = load_clips(known, corpora)

    assert Counter(clip.corpus for clip in clips) == {"nemo": 3076, "ravdess": 863, "emodb": 339}
    for corpus in known:
        own = [clip for clip in clips if clip.corpus == corpus.name]
        assert {clip.label for clip in own} == set(LABELS)
        assert bool(corpus.remarks(own)) == (corpus.name == "emodb")
