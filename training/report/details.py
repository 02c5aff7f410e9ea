"""What is behind the figures: each protocol in detail, and how the networks learned."""

from collections.abc import Iterator, Mapping, Sequence

from training.corpora.base import LABELS
from training.pictures.confusions import (
    class_scores,
    classification_report,
    confusion_matrix,
    mean_scores,
    score_names,
    written_scores,
)
from training.pictures.curves import learning_curves
from training.pictures.reliability import expected_calibration_error, reliability_diagram
from training.pictures.seconds import by_seconds_heard
from training.pictures.speakers import uar_by_speaker
from training.pictures.texts import Texts
from training.pictures.values import Curve, Estimate
from training.report.gallery import Gallery
from training.report.names import (
    COLD,
    file_names,
    group_title,
    protocol_names,
    protocol_title,
    run_names,
)
from training.report.page import NOTHING, Html, Section, beside, joined, table, tag
from training.report.pairs import Measure
from training.report.record import POOLED, Figures, Group, Prediction, Protocol, Record

_NUM_MISTAKES = 10


def protocols(records: Sequence[Record], gallery: Gallery, texts: Texts) -> Iterator[Section]:
    """Give a part of the report for each protocol."""
    for name in protocol_names(records):
        blocks = [
            joined([head, _protocol(record, name, prefix, gallery, texts)])
            for record, head, prefix in _with_heads(records)
        ]
        written = next(record.protocols[name].note for record in records if name in record.protocols)
        note = tag("p", texts.get(f"protocol_note.{name}", written))
        title = protocol_title(records, name, texts)
        yield Section(name, title[:1].upper() + title[1:], joined([note, beside(blocks)]))


def learning(records: Sequence[Record], gallery: Gallery, texts: Texts) -> Section:
    """Return how the networks of each protocol learned."""
    blocks = [
        joined([head, _learning(record, prefix, gallery, texts)]) for record, head, prefix in _with_heads(records)
    ]
    return Section("learning", texts["learning.title"], joined([tag("p", texts["learning.note"]), beside(blocks)]))


def _with_heads(records: Sequence[Record]) -> list[tuple[Record, Html, str]]:
    """Return each record with a heading, where there are several, and with what its files begin with."""
    names = run_names(records)
    heads = [tag("h3", name) if len(records) > 1 else NOTHING for name in names]
    return list(zip(records, heads, file_names(names), strict=True))


def _protocol(record: Record, name: str, prefix: str, gallery: Gallery, texts: Texts) -> Html:
    protocol = record.protocols.get(name)
    figures = protocol.states.get(COLD) if protocol else None
    if not protocol or not figures:
        return tag("p", texts["details.absent"], class_="note")
    pooled, file = figures.groups[POOLED], f"{prefix}{name}"
    gallery.save(f"{file}_classification", classification_report(pooled.confusion, texts))
    parts = [
        _groups(record, figures, texts),
        _utterances(protocol, texts),
        _classes(pooled, texts),
        gallery.show(f"{file}_confusion", confusion_matrix(pooled.confusion, texts), *_told("confusion", texts)),
        _speakers(record, pooled, file, gallery, texts),
        _reliability(pooled, file, gallery, texts),
        _seconds(record, protocol, file, gallery, texts),
        _mistakes(record, name, texts),
    ]
    return beside(parts)


def _told(picture: str, texts: Texts) -> tuple[str, str]:
    return texts[f"picture.{picture}"], texts[f"caption.{picture}"]


def _groups(record: Record, figures: Figures, texts: Texts) -> Html:
    """Return who was tested, and how much of it the daemon would give a label to."""
    columns = ("group", "clips", "speakers", "unheard", "coverage", "covered")
    rows = []
    for name, group in figures.groups.items():
        covered = group.accuracy_of_covered
        counts = [str(number) for number in (group.num_clips, group.num_speakers, group.num_unheard)]
        sure = [texts.percent(group.coverage), texts.interval(covered) if covered else texts["tables.absent"]]
        rows.append([group_title([record], name, texts), *counts, *sure])
    shown = table(texts["details.groups"], [texts[f"column.{column}"] for column in columns], rows)
    few = [group_title([record], name, texts) for name, group in figures.groups.items() if group.note]
    note = texts["details.few_speakers"].format(groups=", ".join(few))
    nll = texts["details.nll"].format(nll=texts.number(figures.nll, 3))
    return joined([shown, tag("p", nll), *([tag("p", note, class_="note")] if few else [])])


def _utterances(protocol: Protocol, texts: Texts) -> Html:
    if not protocol.utterances:
        return NOTHING
    rows = [(texts.get(f"utterance.{event}", event), str(count)) for event, count in protocol.utterances.items()]
    return table(texts["details.utterances"], (texts["column.event"], texts["column.count"]), rows)


def _classes(group: Group, texts: Texts) -> Html:
    named = [*zip([texts[f"label.{label}"] for label in LABELS], class_scores(group.confusion), strict=True)]
    named.append((texts["scores.mean"], mean_scores(group.confusion)))
    rows = [(name, *written_scores(scores, texts)) for name, scores in named]
    return table(texts["details.classes"], (texts["column.emotion"], *score_names(texts)), rows)


def _speakers(record: Record, group: Group, file: str, gallery: Gallery, texts: Texts) -> Html:
    by_corpus: dict[str, dict[str, float]] = {}
    for name, uar in group.uar_by_speaker.items():
        corpus, _, speaker = name.partition("/")
        by_corpus.setdefault(group_title([record], corpus, texts), {})[speaker] = uar
    if not by_corpus:
        return NOTHING
    return gallery.show(f"{file}_speakers", uar_by_speaker(by_corpus, texts), *_told("speakers", texts))


def _reliability(group: Group, file: str, gallery: Gallery, texts: Texts) -> Html:
    if not group.reliability:
        return NOTHING
    title, caption = _told("reliability", texts)
    error = texts.percent(expected_calibration_error(group.reliability))
    caption = caption.format(error=error, bins=len(group.reliability))
    return gallery.show(f"{file}_reliability", reliability_diagram(group.reliability, texts), title, caption)


def _seconds(record: Record, protocol: Protocol, file: str, gallery: Gallery, texts: Texts) -> Html:
    if not protocol.by_seconds:
        return NOTHING

    def measured(measure: Measure) -> Mapping[str, Mapping[float, Estimate]]:
        names = dict.fromkeys(name for figures in protocol.by_seconds.values() for name in figures.groups)
        return {
            group_title([record], name, texts): {
                seconds: getattr(figures.groups[name], measure)
                for seconds, figures in sorted(protocol.by_seconds.items())
                if name in figures.groups
            }
            for name in names
        }

    figure = by_seconds_heard(measured("accuracy"), measured("uar"), texts)
    return gallery.show(f"{file}_seconds", figure, *_told("seconds", texts))


def _mistakes(record: Record, protocol: str, texts: Texts) -> Html:
    """Return the mistakes that the network was surest of: there one finds clips with a wrong label, too."""
    wrong = [
        made
        for made in record.predictions
        if (made.protocol, made.state, made.selection) == (protocol, COLD, "validation")
        and _decision(made) != made.label
    ]
    wrong = sorted((made for made in wrong if made.posterior), key=lambda made: -max(made.posterior or ()))
    if not wrong:
        return NOTHING
    columns = ("clip", "group", "speaker", "acted", "decided", "confidence")
    rows = [
        (
            made.clip,
            group_title([record], made.corpus, texts),
            made.speaker,
            texts[f"label.{made.label}"],
            texts[f"label.{_decision(made)}"],
            texts.percent(max(made.posterior or ())),
        )
        for made in wrong[:_NUM_MISTAKES]
    ]
    head = [texts[f"column.{column}"] for column in columns]
    return table(texts["details.mistakes"], head, rows, num_names=5)


def _decision(made: Prediction) -> str | None:
    return LABELS[made.posterior.index(max(made.posterior))] if made.posterior else None


def _learning(record: Record, prefix: str, gallery: Gallery, texts: Texts) -> Html:
    by_protocol: dict[str, dict[str, Curve]] = {}
    for name, curve in record.histories.items():
        by_protocol.setdefault(name.partition("/")[0], {})[name] = curve
    shown = []
    for protocol, curves in by_protocol.items():
        learned = {name: curve for name, curve in curves.items() if curve.loss}
        if learned:
            title = f"{texts['picture.learning']}: {protocol_title([record], protocol, texts)}"
            figure = learning_curves(learned, texts)
            shown.append(gallery.show(f"{prefix}{protocol}_learning", figure, title, texts["caption.learning"]))
    return beside(shown) if shown else tag("p", texts["details.absent"], class_="note")
