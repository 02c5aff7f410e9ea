"""What one should see first: how the protocols differ, and so what a random split hides."""

from collections.abc import Sequence

from training.corpora.base import LABELS
from training.pictures.protocols import Line, protocol_comparison
from training.pictures.texts import Texts
from training.pictures.values import Estimate
from training.report.gallery import Gallery
from training.report.names import (
    COLD,
    OPTIMISTIC,
    cold_figures,
    cold_group,
    group_names,
    group_of,
    group_title,
    protocol_names,
    protocol_title,
    run_names,
    state_title,
)
from training.report.page import NOTHING, Html, Section, beside, joined, table, tag
from training.report.pairs import Measure
from training.report.record import Figures, Protocol, Record


def glance(records: Sequence[Record], gallery: Gallery, texts: Texts) -> Section:
    """Return the first part of a report."""
    named = list(zip(records, run_names(records), strict=True))
    shown = _one(records[0], gallery, texts) if len(records) == 1 else _several(records, gallery, texts)
    parts = (
        *(_headline(record, name, texts) for record, name in named),
        shown,
        _with_note([_flattery(record, name, texts) for record, name in named], texts["glance.flattery_note"]),
        _with_note([_selection(record, name, texts) for record, name in named], texts["glance.selection_note"]),
    )
    return Section("glance", texts["glance.title"], joined(parts))


def _with_note(tables: Sequence[Html], note: str) -> Html:
    """Return ``tables``, where there are any, and what they mean."""
    return joined([beside(tables), tag("p", note, class_="note")]) if any(tables) else NOTHING


def _headline(record: Record, name: str, texts: Texts) -> Html:
    """Return what users get, and what a random split would have said, in one sentence."""
    live, random = (cold_figures(record.protocols.get(protocol)) for protocol in ("live", "random"))
    if not live or not random:
        return NOTHING
    said = {
        "name": name,
        "uar": texts.interval(live.mean_uar),
        "random": texts.percent(random.mean_uar.value),
        "chance": texts.percent(1 / len(LABELS)),
    }
    return tag("p", texts["glance.headline"].format(**said), class_="headline")


def _one(record: Record, gallery: Gallery, texts: Texts) -> Html:
    panels = {
        group_title([record], group, texts): [
            Line(title, (_estimate(figures[0], group, "accuracy"), _estimate(figures[0], group, "uar")), is_optimistic)
            for title, figures, is_optimistic in _rows([record], texts)
        ]
        for group in group_names([record])
    }
    series = (texts["measure.accuracy"], texts["measure.uar"])
    figure = protocol_comparison(panels, series, texts["measure.percent_correct"], texts)
    return gallery.show("protocols", figure, texts["glance.picture"], texts["glance.caption"])


def _several(records: Sequence[Record], gallery: Gallery, texts: Texts) -> Html:
    return beside(_measure(records, measure, gallery, texts) for measure in ("accuracy", "uar"))


def _measure(records: Sequence[Record], measure: Measure, gallery: Gallery, texts: Texts) -> Html:
    panels = {
        group_title(records, group, texts): [
            Line(title, tuple(_estimate(each, group, measure) for each in figures), is_optimistic)
            for title, figures, is_optimistic in _rows(records, texts)
        ]
        for group in group_names(records)
    }
    label = texts[f"measure.{measure}_intervals"]
    figure = protocol_comparison(panels, run_names(records), label, texts)
    title = f"{texts['glance.picture']}: {texts[f'measure.{measure}']}"
    return gallery.show(f"protocols_{measure}", figure, title, texts["glance.caption"])


def _rows(records: Sequence[Record], texts: Texts) -> list[tuple[str, list[Figures | None], bool]]:
    """Return title, figures a record and whether they flatter, of each protocol and state that any record has."""
    rows = []
    for name in protocol_names(records):
        protocols = [record.protocols.get(name) for record in records]
        title = protocol_title(records, name, texts)
        chosen = [protocol.selected_on_test if protocol else None for protocol in protocols]
        rows.append((f"{title},\n{texts['glance.selected_on_test']}", chosen, True))
        for state in dict.fromkeys(state for protocol in protocols if protocol for state in protocol.states):
            figures = [protocol.states.get(state) if protocol else None for protocol in protocols]
            named = title if state == COLD else f"{title},\n{state_title(state, texts)}"
            rows.append((named, figures, name in OPTIMISTIC))
    return [row for row in rows if any(row[1])]


def _estimate(figures: Figures | None, group: str, measure: Measure) -> Estimate | None:
    found = group_of(figures, group)
    return getattr(found, measure) if found else None


def _flattery(record: Record, name: str, texts: Texts) -> Html:
    """Return how much higher the accuracy is where the people tested were trained on."""
    random, speakers = record.protocols.get("random"), record.protocols.get("speakers")
    rows = []
    for group in group_names([record]):
        known, unknown = cold_group(random, group), cold_group(speakers, group)
        if known and unknown:
            difference = known.accuracy.value - unknown.accuracy.value
            parts = (texts.percent(known.accuracy.value), texts.percent(unknown.accuracy.value))
            rows.append((group_title([record], group, texts), *parts, texts.points(difference)))
    if not rows:
        return NOTHING
    titles = [protocol_title([record], each, texts) for each in ("random", "speakers")]
    head = ("", *titles, texts["glance.difference"])
    return table(texts["glance.flattery"].format(name=name), head, rows)


def _selection(record: Record, name: str, texts: Texts) -> Html:
    """Return how much higher the figures are where the best epoch was chosen on the clips of the test."""
    rows = [
        row
        for protocol in record.protocols.values()
        if protocol.selected_on_test
        for row in _selection_rows(record, protocol, protocol.selected_on_test, texts)
    ]
    if not rows:
        return NOTHING
    names = (texts["column.protocol"], "", texts["glance.on_test"], texts["glance.on_validation"])
    caption = texts["glance.selection"].format(name=name)
    return table(caption, (*names, texts["glance.difference"]), rows, num_names=2)


def _selection_rows(record: Record, protocol: Protocol, on_test: Figures, texts: Texts) -> list[tuple[str, ...]]:
    rows = []
    for group, flattered in on_test.groups.items():
        honest = cold_group(protocol, group)
        if honest:
            names = (protocol_title([record], protocol.name, texts), group_title([record], group, texts))
            difference = flattered.accuracy.value - honest.accuracy.value
            values = (flattered.accuracy.value, honest.accuracy.value)
            rows.append((*names, *(texts.percent(value) for value in values), texts.points(difference)))
    return rows
