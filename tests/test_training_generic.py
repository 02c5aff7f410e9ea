"""A corpus without a loader: folders or a list, and what may stand beside them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora import find_corpora, load_clips
from training.corpora.base import LABELS, Clip, Corpus
from training.corpora.generic import generic_corpus
from training.corpora.words import GENDER_WORDS, LABEL_WORDS
from training.errors import CorpusError


def put(path: Path, content: str = "") -> Path:
    """Write ``content``, or else what no other file holds: audio is not looked at."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or str(path), encoding="utf-8")
    return path


def mine(corpora_dir: Path) -> Corpus:
    (corpus,) = find_corpora(["mine"], corpora_dir)
    return corpus


def load(corpora_dir: Path) -> tuple[Clip, ...]:
    return load_clips([mine(corpora_dir)], corpora_dir)


def complaint(corpora_dir: Path) -> str:
    """Return the error that loading ends with."""
    with pytest.raises(CorpusError) as caught:
        load(corpora_dir)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def put_csv(corpora_dir: Path, *lines: str) -> Path:
    return put(corpora_dir / "mine/clips.csv", "".join(f"{line}\n" for line in lines))


def test_folders_say_label_and_speaker(tmp_path: Path) -> None:
    first = put(tmp_path / "mine/angry/ann/1.wav")
    second = put(tmp_path / "mine/Sad/bob/day 2/x.flac")

    assert set(load(tmp_path)) == {
        Clip(first, "anger", "ann", "mine", "unknown"),
        Clip(second, "sadness", "bob", "mine", "unknown"),
    }


def test_calm_is_neutral_and_fear_is_not_used(tmp_path: Path) -> None:
    put(tmp_path / "mine/calm/ann/1.wav")
    put(tmp_path / "mine/fear/ann/2.wav")

    assert [clip.label for clip in load(tmp_path)] == ["neutral"]


def test_words_lead_to_labels_only() -> None:
    assert set(LABEL_WORDS.values()) == {*LABELS, None}
    assert set(GENDER_WORDS.values()) == {"woman", "man", "unknown"}
    assert all(word == word.casefold() for word in (*LABEL_WORDS, *GENDER_WORDS))


def test_unknown_labels_are_all_named_with_the_way_out(tmp_path: Path) -> None:
    for word in ("hot", "angry", "cold"):
        put(tmp_path / f"mine/{word}/ann/1.wav")

    message = complaint(tmp_path)

    assert "unknown labels: cold, hot" in message
    assert "[labels]" in message
    assert str(tmp_path / "mine/corpus.toml") in message
    assert '"cold" = "anger"' in message


def test_a_map_beside_the_corpus_says_what_its_labels_are(tmp_path: Path) -> None:
    put(tmp_path / "mine/corpus.toml", '[labels]\nHot = "anger"\ncold = ""\nlukewarm = false\njoy = "neutral"\n')
    for word in ("hot", "cold", "lukewarm", "joy", "sad"):
        put(tmp_path / f"mine/{word}/ann/1.wav")

    assert [(clip.path.parts[-3], clip.label) for clip in load(tmp_path)] == [
        ("hot", "anger"),
        ("joy", "neutral"),
        ("sad", "sadness"),
    ]


@pytest.mark.parametrize("name", ["mine/angry/1.wav", "mine/1.wav"])
def test_files_of_an_unknown_speaker_are_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name)
    put(tmp_path / "mine/angry/ann/2.wav")

    message = complaint(tmp_path)

    assert str(path) in message
    assert "who speaks decides what may be tested on whom; move it into a folder for its speaker" in message


def test_a_list_says_label_speaker_and_gender(tmp_path: Path) -> None:
    inside, outside = put(tmp_path / "mine/audio/1.wav"), put(tmp_path / "elsewhere/2.wav")
    unlisted = put(tmp_path / "mine/3.wav")
    put_csv(tmp_path, "path,label,speaker,gender", "audio/1.wav, Happy ,ann,female", f"{outside},sad,bob,", "")

    clips = load(tmp_path)

    assert clips == (
        Clip(inside, "happiness", "ann", "mine", "woman"),
        Clip(outside, "sadness", "bob", "mine", "unknown"),
    )
    assert unlisted not in {clip.path for clip in clips}


def test_a_list_needs_no_gender_and_may_have_other_columns(tmp_path: Path) -> None:
    put(tmp_path / "mine/1.wav")
    put_csv(tmp_path, "take,speaker,label,path", "7,ann,joy,1.wav")

    (clip,) = load(tmp_path)

    assert (clip.label, clip.speaker, clip.gender) == ("happiness", "ann", "unknown")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2.wav,angry,bob,man", "line 3: no such file"),
        ("1.wav,angry,,man", "line 3: no speaker"),
        ("1.wav,,,man", "line 3: no label, speaker"),
        (",angry,bob,man", "line 3: no path"),
        ("1.wav,angry,bob,boy", "line 3: gender must be woman, man or empty, got boy"),
        ("1.wav,angry,bob", "line 3: expected 4 fields"),
        ("1.wav,angry,bob,man,5", "line 3: expected 4 fields"),
        ("0.wav,angry,ann,man", "line 3: the file of line 2 again"),
        ("../mine/0.wav,sad,ann,man", "line 3: the file of line 2 again"),
        ("copy.wav,sad,ann,man", "the same recording, byte for byte"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(tmp_path: Path, line: str, fault: str) -> None:
    put(tmp_path / "mine/0.wav", "zero")
    put(tmp_path / "mine/1.wav", "one")
    put(tmp_path / "mine/copy.wav", "zero")
    put_csv(tmp_path, "path,label,speaker,gender", "0.wav,angry,ann,woman", line)

    message = complaint(tmp_path)

    assert fault in message
    assert str(tmp_path / "mine") in message


@pytest.mark.parametrize(
    ("header", "missing"),
    [("path,label", "speaker"), ("path;label;speaker", "path, label, speaker"), ("file,label,speaker", "path")],
)
def test_a_list_without_a_needed_column_is_refused(tmp_path: Path, header: str, missing: str) -> None:
    put_csv(tmp_path, header, "1.wav,angry,ann")

    assert f"missing: {missing}" in complaint(tmp_path)


@pytest.mark.parametrize("lines", [[], ["path,label,speaker"], ["path,label,speaker", "1.wav,angry,ann"]])
def test_a_list_of_nothing_is_refused(tmp_path: Path, lines: list[str]) -> None:
    put(tmp_path / "mine/clips.csv").write_text("\n".join(lines), encoding="utf-8")

    assert str(tmp_path / "mine/clips.csv") in complaint(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'path,label,speaker\n"1.wav"x,angry,ann\n'])
def test_a_list_that_is_no_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "mine/clips.csv").write_bytes(content)

    assert "clips.csv: can not be read as a list in UTF-8" in complaint(tmp_path)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(sorted(LABEL_WORDS)), st.sampled_from(["ann", "Übü, Bob"]), st.sampled_from("fm")),
        min_size=1,
        max_size=8,
    )
)
def test_every_line_that_is_used_becomes_its_clip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    corpora_dir = tmp_path_factory.mktemp("rows")
    paths = [put(corpora_dir / f"mine/{index}.wav") for index in range(len(rows))]
    lines = [
        f'{path.name},{word},"{speaker}",{gender}' for path, (word, speaker, gender) in zip(paths, rows, strict=True)
    ]
    put_csv(corpora_dir, "path,label,speaker,gender", *lines)

    clips = load(corpora_dir)

    assert list(clips) == [
        Clip(path, LABEL_WORDS[word], speaker, "mine", GENDER_WORDS[gender])  # type: ignore[arg-type]
        for path, (word, speaker, gender) in zip(paths, rows, strict=True)
        if LABEL_WORDS[word] is not None
    ]


def test_a_description_says_what_the_corpus_is(tmp_path: Path) -> None:
    put(
        tmp_path / "mine/corpus.toml",
        'title = "Mine"\nlanguage = "Basque"\nlicence = "CC-BY-4.0"\nattribution = "me"\ndescription = "read"\n',
    )

    corpus = mine(tmp_path)

    told = (corpus.name, corpus.title, corpus.language, corpus.licence, corpus.attribution, corpus.description)
    assert told == ("mine", "Mine", "Basque", "CC-BY-4.0", "me", "read")


def test_without_a_description_nothing_is_claimed(tmp_path: Path) -> None:
    corpus = generic_corpus("mine", tmp_path)

    assert (corpus.title, corpus.licence, corpus.language) == ("mine", "LicenseRef-unknown", "unknown language")
    assert "credits nobody" in corpus.attribution


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("title = ", "can not be read as TOML"),
        ('name_of_it = "x"', "unknown name_of_it; known are title, language, licence"),
        ("title = 3", "must be text: title"),
        ('language = ""', "must be text: language"),
        ('licence = "CC BY 4.0"', "SPDX identifier such as CC-BY-4.0, got CC BY 4.0"),
        ('labels = "x"', "labels must be a table"),
        ('[labels]\nhot = "rage"', "got \"hot\" = 'rage'"),
        ("[labels]\nhot = true", 'got "hot" = True'),
        ("[labels]\nhot = 0.0", 'got "hot" = 0.0'),
        ("[labels]\nhot = []", 'got "hot" = []'),
    ],
)
def test_a_malformed_description_is_refused(tmp_path: Path, content: str, fault: str) -> None:
    path = put(tmp_path / "mine/corpus.toml", content)

    with pytest.raises(CorpusError) as caught:
        mine(tmp_path)

    assert fault in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_name_whose_accents_stand_apart_is_the_same_name(tmp_path: Path) -> None:
    for label, name in (("anger", "Jos\u00e9"), ("neutral", "Jose\u0301")):
        put(tmp_path / "mine" / label / name / "a.wav")

    assert {clip.speaker for clip in load(tmp_path)} == {"Jos\u00e9"}


def test_speakers_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    for label, name in (("anger", "Anna"), ("neutral", "ANNA")):
        put(tmp_path / "mine" / label / name / "a.wav")

    assert "speakers ANNA and Anna: one person must have one name" in complaint(tmp_path)


def test_a_description_of_several_lines_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "mine" / "anger" / "a" / "a.wav")
    put(tmp_path / "mine" / "corpus.toml", 'description = "good\\n\\n## Figures"')

    assert "must be one line of printable characters: description" in complaint(tmp_path)


def test_folders_of_ones_own_are_told_where_none_was_chosen(tmp_path: Path) -> None:
    put(tmp_path / "mine" / "anger" / "a" / "a.wav")
    put(tmp_path / ".hidden" / "a.wav")

    with pytest.raises(CorpusError, match="got none; of your own there are mine: choose with --corpora mine"):
        find_corpora(None, tmp_path)
