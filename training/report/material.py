"""What an experiment was made of: recordings, settings, versions, commands."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamer
from training.corpora import find_clips, find_corpora
from training.corpora.base import LABELS, Clip
from training.errors import CorpusError
from training.pictures.audio import FLOOR_DB, Recordings, cepstra, spectrograms, waveforms
from training.pictures.counts import class_distribution
from training.pictures.texts import Texts
from training.report.gallery import Gallery
from training.report.names import file_names, group_title, run_names
from training.report.page import Html, Section, beside, joined, table, tag
from training.report.record import Record
from training.rooms import read_samples


def data(records: Sequence[Record], corpora_dir: Path | None, gallery: Gallery, texts: Texts) -> Section:
    """Return what the recordings are, and how many there are of what."""
    parts = [_corpora(records, texts), *_hashes(records, texts)]
    if corpora_dir:
        clips = _clips(records, corpora_dir)
        titles = {clip.corpus: group_title(records, clip.corpus, texts) for clip in clips}
        figure = class_distribution(count_clips(clips, titles), texts)
        told = (texts["picture.distribution"], texts["caption.distribution"])
        parts.append(gallery.show("distribution", figure, *told))
    return Section("data", texts["data.title"], joined(parts))


def recordings(records: Sequence[Record], corpora_dir: Path | None, gallery: Gallery, texts: Texts) -> Section:
    """Return pictures of one recording of each emotion, all of one speaker."""
    if not corpora_dir:
        absent = tag("p", texts["recordings.absent"], class_="note")
        return Section("recordings", texts["recordings.title"], absent)
    clips = example_clips(_clips(records, corpora_dir))
    first = next(iter(clips.values()))
    who = texts["recordings.note"].format(
        speaker=first.speaker,
        corpus=group_title(records, first.corpus, texts),
        files=", ".join(clip.path.name for clip in clips.values()),
    )
    heard = {texts[f"label.{label}"]: read_samples(clip.path) for label, clip in clips.items()}
    shown = [
        gallery.show("waveforms", waveforms(heard, texts), *_told("waveforms", texts)),
        gallery.show("spectrograms", spectrograms(heard, texts), *_told("spectrograms", texts, floor=FLOOR_DB)),
        *_cepstra(records, heard, gallery, texts),
    ]
    return Section("recordings", texts["recordings.title"], joined([tag("p", who), beside(shown)]))


def count_clips(clips: Sequence[Clip], titles: Mapping[str, str]) -> dict[str, dict[str, dict[str, int]]]:
    """Return how many of ``clips`` there are, by title of the corpus, label and gender."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for clip in clips:
        by_gender = counts.setdefault(titles[clip.corpus], {}).setdefault(clip.label, {})
        gender = clip.gender or "unknown"
        by_gender[gender] = by_gender.get(gender, 0) + 1
    return counts


def example_clips(clips: Sequence[Clip]) -> dict[str, Clip]:
    """Return a clip of each label, all of the first speaker who has one of each.

    Raises:
        CorpusError: No speaker has.
    """
    by_speaker: dict[tuple[str, str], dict[str, Clip]] = {}
    for clip in clips:
        by_speaker.setdefault((clip.corpus, clip.speaker), {}).setdefault(clip.label, clip)
    for examples in by_speaker.values():
        if set(examples) == set(LABELS):
            return {label: examples[label] for label in LABELS}
    raise CorpusError(f"no speaker has a clip of each of {', '.join(LABELS)}: nothing to make pictures of")


def making(records: Sequence[Record], command: str, texts: Texts) -> Section:
    """Return what made the figures: settings, versions, commands."""
    settings = [dict(_flat(record.evaluation["experiment"])) for record in records]
    versions = [dict(_flat(record.evaluation["versions"])) for record in records]
    typed = [each for record in records for each in (record.run.command, str(record.evaluation["command"]))]
    commands = [each for each in dict.fromkeys([*typed, command]) if each]
    parts = (
        _values(texts["making.settings"], settings, records, texts),
        _values(texts["making.versions"], versions, records, texts),
        tag("h3", texts["making.commands"]),
        tag("pre", "\n".join(commands)),
        tag("p", texts["making.by"].format(version=streamer.__version__)),
    )
    return Section("making", texts["making.title"], joined(parts))


def _told(picture: str, texts: Texts, **values: float) -> tuple[str, str]:
    return texts[f"picture.{picture}"], texts[f"caption.{picture}"].format(**values)


def _cepstra(records: Sequence[Record], heard: Recordings, gallery: Gallery, texts: Texts) -> Iterator[Html]:
    """Give the cepstra as each experiment has them; once where they are the same."""
    differ = len({record.features for record in records}) > 1
    shown = list(zip(records, run_names(records), file_names(run_names(records)), strict=True))
    for record, name, prefix in shown if differ else shown[:1]:
        made = record.features
        window, hop, num_filters = made.window_ms, made.hop_ms, made.num_filters
        title, caption = _told("cepstra", texts, window=window, hop=hop, filters=num_filters)
        title, file = (f"{title}: {name}", f"{prefix}cepstra") if differ else (title, "cepstra")
        yield gallery.show(file, cepstra(heard, made, texts), title, caption)


def _clips(records: Sequence[Record], corpora_dir: Path) -> Sequence[Clip]:
    names = dict.fromkeys(name for record in records for name in record.corpus_titles)
    return find_clips(find_corpora(list(names), corpora_dir), corpora_dir).clips


def _corpora(records: Sequence[Record], texts: Texts) -> Html:
    described = {corpus["name"]: corpus for record in records for corpus in record.evaluation["corpora"]}
    columns = ("corpus", "language", "clips", "speakers", "licence")
    keys = ("corpus", "language", "clips", "speakers", "licence")
    rows = [[_written(corpus.get(key, "")) for key in keys] for corpus in described.values()]
    owed = [str(corpus["attribution"]) for corpus in described.values() if corpus.get("attribution")]
    remarks = [
        f"{corpus['corpus']}: {remark}" for corpus in described.values() for remark in corpus.get("remarks") or ()
    ]
    return joined(
        [
            table(texts["data.corpora"], [texts[f"column.{column}"] for column in columns], rows),
            *(tag("p", remark, class_="note", lang="en") for remark in remarks),
            tag("ul", *(tag("li", credit, lang="en") for credit in owed)),
        ]
    )


def _hashes(records: Sequence[Record], texts: Texts) -> list[Html]:
    hashes = dict.fromkeys(str(record.evaluation["data_sha256"]) for record in records)
    same = [tag("p", texts["data.differ"], class_="note")] if len(hashes) > 1 else []
    return [*same, *(tag("p", texts["data.hash"], " ", tag("code", digest)) for digest in hashes)]


def _values(caption: str, values: Sequence[Mapping[str, str]], records: Sequence[Record], texts: Texts) -> Html:
    """Return a table of settings, a column a record, in which those that differ are marked."""
    rows = []
    for key in dict.fromkeys(key for each in values for key in each):
        written = [each.get(key, texts["tables.absent"]) for each in values]
        rows.append([key, *(tag("mark", text) if len(set(written)) > 1 else text for text in written)])
    return tag("div", table(caption, [texts["column.name"], *run_names(records)], rows), class_="texts")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _written(value)


def _written(value: Any) -> str:
    if isinstance(value, Mapping):  # speakers or clips by side
        return ", ".join(f"{key} {_written(each)}" for key, each in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
