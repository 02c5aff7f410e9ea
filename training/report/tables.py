"""Every figure of every protocol and state, with its interval, as tables."""

from collections.abc import Sequence

from training.pictures.texts import Texts
from training.pictures.values import Estimate
from training.report.names import (
    group_names,
    group_of,
    group_title,
    protocol_names,
    protocol_title,
    run_names,
    state_title,
)
from training.report.page import Html, Section, joined, table, tag
from training.report.pairs import Measure, paired_difference, paired_mean_difference
from training.report.record import POOLED, Prediction, Record

MEASURES: tuple[Measure, ...] = ("uar", "accuracy")


def all_tables(records: Sequence[Record], texts: Texts) -> Section:
    """Return the part of a report that has every figure."""
    shown = [
        _of_one(records[0], measure, texts) if len(records) == 1 else _side_by_side(records, measure, texts)
        for measure in MEASURES
    ]
    notes = [texts["tables.note"], *([texts["tables.difference_note"]] if len(records) > 1 else [])]
    inside = joined([*(tag("p", note) for note in notes), *shown, _states(records, texts)])
    return Section("figures", texts["tables.title"], inside)


def _of_one(record: Record, measure: Measure, texts: Texts) -> Html:
    """Return a row a protocol and state, a column a group."""
    groups = group_names([record])
    has_mean = measure == "uar"
    rows = []
    for name, protocol in record.protocols.items():
        for state, figures in protocol.states.items():
            names = [protocol_title([record], name, texts), state_title(state, texts)]
            if not figures:
                rows.append([*names, texts["tables.absent"]])
                continue
            values = [_written(_estimate(record, name, state, group, measure), texts) for group in groups]
            rows.append([*names, *values, *([texts.interval(figures.mean_uar)] if has_mean else [])])
    titles = [group_title([record], group, texts) for group in groups]
    head = [texts["column.protocol"], texts["column.state"], *titles, *([texts["group.mean"]] if has_mean else [])]
    return table(texts[f"tables.{measure}"], head, rows, num_names=2)


def _side_by_side(records: Sequence[Record], measure: Measure, texts: Texts) -> Html:
    """Return a row a protocol, state and group; a column a run, and the difference of the last from the first."""
    rows = []
    for name in protocol_names(records):
        states = dict.fromkeys(
            s for record in records if name in record.protocols for s in record.protocols[name].states
        )
        for state in states:
            names = [protocol_title(records, name, texts), state_title(state, texts)]
            groups = [g for g in group_names(records) if any(_estimate(r, name, state, g, measure) for r in records)]
            rows += [
                [*names, group_title(records, group, texts), *_compared(records, (name, state, group), measure, texts)]
                for group in groups
            ]
            if measure == "uar" and groups:
                rows.append([*names, texts["group.mean"], *_compared_means(records, name, state, texts)])
            if not groups:
                rows.append([*names, "", texts["tables.absent"]])
    columns = [texts["column.protocol"], texts["column.state"], texts["column.group"]]
    head = [*columns, *run_names(records), texts["tables.difference"]]
    return table(texts[f"tables.{measure}"], head, rows, num_names=3)


def _compared(records: Sequence[Record], place: tuple[str, str, str], measure: Measure, texts: Texts) -> list[str]:
    estimates = [_estimate(record, *place, measure) for record in records]
    difference = paired_difference(_made(records[0], *place), _made(records[-1], *place), measure)
    return _beside(estimates, difference, texts)


def _beside(estimates: Sequence[Estimate | None], difference: Estimate | None, texts: Texts) -> list[str]:
    written = [_written(estimate, texts) for estimate in estimates]
    first, last = estimates[0], estimates[-1]
    if not first or not last:
        return [*written, texts["tables.absent"]]
    if not difference:
        return [*written, texts.points(last.value - first.value)]
    bounds = f"{texts.points(difference.low)}{texts['number.list_mark']} {texts.points(difference.high)}"
    return [*written, f"{texts.points(difference.value)} [{bounds}]"]


def _compared_means(records: Sequence[Record], protocol: str, state: str, texts: Texts) -> list[str]:
    """Return the means over the corpora of the UAR, and the difference of the last from the first."""
    figures = [
        record.protocols[protocol].states.get(state) if protocol in record.protocols else None for record in records
    ]
    estimates = [each.mean_uar if each else None for each in figures]
    made = (_made(records[0], protocol, state, POOLED), _made(records[-1], protocol, state, POOLED))
    return _beside(estimates, paired_mean_difference(*made), texts)


def _made(record: Record, protocol: str, state: str, group: str) -> list[Prediction]:
    return [
        made
        for made in record.predictions
        if (made.protocol, made.state, made.selection) == (protocol, state, "validation")
        and group in (POOLED, made.corpus)
    ]


def _estimate(record: Record, protocol: str, state: str, group: str, measure: Measure) -> Estimate | None:
    states = record.protocols[protocol].states if protocol in record.protocols else {}
    found = group_of(states.get(state), group)
    return getattr(found, measure) if found else None


def _written(estimate: Estimate | None, texts: Texts) -> str:
    return texts.interval(estimate) if estimate else texts["tables.absent"]


def _states(records: Sequence[Record], texts: Texts) -> Html:
    """Return what the states are; in the words of the evaluation where we have none."""
    told = {state: str(said) for record in records for state, said in record.evaluation["states"].items()}
    entries = [
        joined([tag("dt", state_title(state, texts)), tag("dd", texts.get(f"state_note.{state}", said))])
        for state, said in told.items()
    ]
    return joined([tag("h3", texts["tables.states"]), tag("dl", *entries)])
