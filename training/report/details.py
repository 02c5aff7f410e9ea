"""What is behind the figures: each protocol in detail, and how the networks learned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from matplotlib.figure import Figure

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
from training.pictures.values import Estimate
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
from training.report.record import POOLED, Figures, Group, Protocol, Record

_NUM_MISTAKES = 10


@dataclass(frozen=True)
class View:
    """One run as the report shows it."""

    record: Record
    suffix: str
    """What tells its captions from those of the other run."""
    prefix: str
    """What its files begin with."""
    gallery: Gallery
    texts: Texts

    def title(self, group: str) -> str:
        """Return what a group of clips is called."""
        return group_title([self.record], group, self.texts)

    def show(self, name: str, figure: Figure, picture: str, **values: str) -> Html:
        """Save ``figure`` and return it with the texts for ``picture``."""
        caption = self.texts[f"caption.{picture}"].format(**values)
        return self.gallery.show(
            f"{self.prefix}{name}", figure, f"{self.texts[f'picture.{picture}']}{self.suffix}", caption
        )

    def table(self, caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], num_names: int = 1) -> Html:
        """Return a table with the texts for ``caption`` and ``columns``."""
        head = [self.texts[f"column.{column}"] for column in columns]
        return table(f"{self.texts[f'details.{caption}']}{self.suffix}", head, rows, num_names=num_names)


def protocols(records: Sequence[Record], gallery: Gallery, texts: Texts) -> Iterator[Section]:
    """Give a part of the report for each protocol."""
    for name in protocol_names(records):
        title = protocol_title(records, name, texts)
        written = next(record.protocols[name].note for record in records if name in record.protocols)
        note = tag("p", texts.get(f"protocol_note.{name}", written))
        blocks = [_protocol(view, name) for view in _views(records, gallery, texts)]
        yield Section(name, title[:1].upper() + title[1:], joined([note, _arranged(blocks, texts)]))


def learning(records: Sequence[Record], gallery: Gallery, texts: Texts) -> Section:
    """Return how the networks of each protocol learned."""
    names = list(dict.fromkeys(_protocol_of(task) for record in records for task in record.histories))
    blocks = [[_learning(view, name) for name in names] for view in _views(records, gallery, texts)]
    note = tag("p", texts["learning.note"])
    return Section("learning", texts["learning.title"], joined([note, _arranged(blocks, texts)]))


def _views(records: Sequence[Record], gallery: Gallery, texts: Texts) -> list[View]:
    names = run_names(records)
    suffixes = [f": {name}" if len(records) > 1 else "" for name in names]
    return [
        View(record, suffix, prefix, gallery, texts)
        for record, suffix, prefix in zip(records, suffixes, file_names(names), strict=True)
    ]


def _arranged(blocks: Sequence[Sequence[Html]], texts: Texts) -> Html:
    """Return the blocks of one run in columns, or those of several runs in pairs."""
    absent = tag("p", texts["details.absent"], class_="note")
    if len(blocks) == 1:
        return beside(blocks[0]) if any(blocks[0]) else absent
    rows = [[block or absent for block in row] for row in zip_longest(*blocks, fillvalue=NOTHING) if any(row)]
    return joined(beside(row) for row in rows) if rows else absent


def _protocol(view: View, name: str) -> list[Html]:
    """Return what there is to see of a protocol, always in the same order; empty is what is absent."""
    protocol = view.record.protocols.get(name)
    figures = protocol.states.get(COLD) if protocol else None
    if not protocol or not figures:
        return []
    pooled = figures.groups[POOLED]
    view.gallery.save(f"{view.prefix}{name}_classification", classification_report(pooled.confusion, view.texts))
    return [
        joined([_groups(view, figures), _utterances(view, protocol)]),
        _classes(view, pooled),
        view.show(f"{name}_confusion", confusion_matrix(pooled.confusion, view.texts), "confusion"),
        _speakers(view, pooled, name),
        _reliability(view, pooled, name),
        _seconds(view, protocol),
        _mistakes(view, name),
    ]


def _groups(view: View, figures: Figures) -> Html:
    """Return who was tested, and how much of it the daemon would give a label to."""
    texts, rows = view.texts, []
    for name, group in figures.groups.items():
        covered = group.accuracy_of_covered
        counts = [str(number) for number in (group.num_clips, group.num_speakers, group.num_unheard)]
        sure = [texts.percent(group.coverage), texts.interval(covered) if covered else texts["tables.absent"]]
        rows.append([view.title(name), *counts, *sure])
    shown = view.table("groups", ("group", "clips", "speakers", "unheard", "coverage", "covered"), rows)
    few = [view.title(name) for name, group in figures.groups.items() if group.note]
    note = texts["details.few_speakers"].format(groups=", ".join(few))
    nll = "" if figures.nll is None else texts["details.nll"].format(nll=texts.number(figures.nll, 3))
    return joined([shown, *([tag("p", nll)] if nll else []), *([tag("p", note, class_="note")] if few else [])])


def _utterances(view: View, protocol: Protocol) -> Html:
    rows = [(view.texts.get(f"utterance.{event}", event), str(count)) for event, count in protocol.utterances.items()]
    return view.table("utterances", ("event", "count"), rows) if rows else NOTHING


def _classes(view: View, group: Group) -> Html:
    texts = view.texts
    named = [*zip([texts[f"label.{label}"] for label in LABELS], class_scores(group.confusion), strict=True)]
    named.append((texts["scores.mean"], mean_scores(group.confusion)))
    rows = [(name, *written_scores(scores, texts)) for name, scores in named]
    caption = f"{texts['details.classes']}{view.suffix}"
    return table(caption, (texts["column.emotion"], *score_names(texts)), rows)


def _speakers(view: View, group: Group, name: str) -> Html:
    by_corpus: dict[str, dict[str, float]] = {}
    for speaker, uar in group.uar_by_speaker.items():
        corpus, _, own_name = speaker.partition("/")
        by_corpus.setdefault(view.title(corpus), {})[own_name] = uar
    if not by_corpus:
        return NOTHING
    return view.show(f"{name}_speakers", uar_by_speaker(by_corpus, view.texts), "speakers")


def _reliability(view: View, group: Group, name: str) -> Html:
    if not group.reliability:
        return NOTHING
    error = view.texts.percent(expected_calibration_error(group.reliability))
    figure, bins = reliability_diagram(group.reliability, view.texts), str(len(group.reliability))
    return view.show(f"{name}_reliability", figure, "reliability", error=error, bins=bins)


def _seconds(view: View, protocol: Protocol) -> Html:
    if not protocol.by_seconds:
        return NOTHING

    def measured(measure: Measure) -> Mapping[str, Mapping[float, Estimate]]:
        names = dict.fromkeys(name for figures in protocol.by_seconds.values() for name in figures.groups)
        return {
            view.title(name): {
                seconds: getattr(figures.groups[name], measure)
                for seconds, figures in sorted(protocol.by_seconds.items())
                if name in figures.groups
            }
            for name in names
        }

    figure = by_seconds_heard(measured("accuracy"), measured("uar"), view.texts)
    return view.show(f"{protocol.name}_seconds", figure, "seconds")


def _mistakes(view: View, protocol: str) -> Html:
    """Return the mistakes that the network was surest of: there one finds clips with a wrong label, too."""
    asked = [m for m in view.record.predictions if (m.protocol, m.state, m.selection) == (protocol, COLD, "validation")]
    wrong = [
        (max(made.posterior), made) for made in asked if made.posterior and _decision(made.posterior) != made.label
    ]
    if not wrong:
        return NOTHING
    rows = [
        (
            made.clip,
            view.title(made.corpus),
            made.speaker,
            view.texts[f"label.{made.label}"],
            view.texts[f"label.{_decision(made.posterior)}"],
            view.texts.percent(confidence),
        )
        for confidence, made in sorted(wrong, key=lambda pair: -pair[0])[:_NUM_MISTAKES]
        if made.posterior
    ]
    return view.table("mistakes", ("clip", "group", "speaker", "label", "decided", "confidence"), rows, num_names=5)


def _decision(posterior: Sequence[float]) -> str:
    return LABELS[posterior.index(max(posterior))]


def _learning(view: View, protocol: str) -> Html:
    curves = {
        task: curve for task, curve in view.record.histories.items() if _protocol_of(task) == protocol and curve.loss
    }
    if not curves:
        return NOTHING
    title = f"{view.texts['picture.learning']}: {protocol_title([view.record], protocol, view.texts)}{view.suffix}"
    figure = learning_curves(curves, view.texts)
    return view.gallery.show(f"{view.prefix}{protocol}_learning", figure, title, view.texts["caption.learning"])


def _protocol_of(task: str) -> str:
    return task.partition("/")[0]
