"""What protocols, states, groups and runs are called in a report."""

import re
from collections.abc import Iterator, Sequence

from training.pictures.texts import Texts
from training.report.record import POOLED, Figures, Group, Protocol, Record

COLD = "cold"
"""The state in which nothing is known of the speaker: details are shown of this one."""

OPTIMISTIC = ("random",)
"""Protocols that test people who were trained on."""


def protocol_title(records: Sequence[Record], protocol: str, texts: Texts) -> str:
    """Return what ``protocol`` is called: by us, else by the first record that has it."""
    found = [record.protocols[protocol].title for record in records if protocol in record.protocols]
    return texts.get(f"protocol.{protocol}", (found or [protocol])[0])


def state_title(state: str, texts: Texts) -> str:
    """Return what a state of knowledge is called."""
    return texts.get(f"state.{state}", state)


def group_title(records: Sequence[Record], group: str, texts: Texts) -> str:
    """Return what a group of clips is called: a corpus, or all of them."""
    if group == POOLED:
        return texts["group.pooled"]
    titles = {name: title for record in records for name, title in record.corpus_titles.items()}
    title = titles.get(group, group)
    taken = [texts["group.pooled"], texts["group.mean"], *(other for name, other in titles.items() if name != group)]
    return f"{title} ({group})" if title in taken else title


def protocol_names(records: Sequence[Record]) -> list[str]:
    """Return the protocols that any of ``records`` has."""
    return list(dict.fromkeys(name for record in records for name in record.protocols))


def group_names(records: Sequence[Record]) -> list[str]:
    """Return the groups that any of ``records`` has figures of, all clips first."""
    every = (figures.groups for record in records for figures in all_figures(record))
    return list(dict.fromkeys([POOLED, *(name for groups in every for name in groups)]))


def all_figures(record: Record) -> Iterator[Figures]:
    """Give the figures of each protocol and state that there are."""
    for protocol in record.protocols.values():
        yield from (figures for figures in protocol.states.values() if figures)


def group_of(figures: Figures | None, group: str) -> Group | None:
    """Return the figures of ``group`` where there are any."""
    return figures.groups.get(group) if figures else None


def cold_group(protocol: Protocol | None, group: str) -> Group | None:
    """Return the figures of ``group`` when nothing is known of the speaker, where there are any."""
    return group_of(cold_figures(protocol), group)


def cold_figures(protocol: Protocol | None) -> Figures | None:
    """Return the figures when nothing is known of the speaker, where there are any."""
    return protocol.states.get(COLD) if protocol else None


def run_names(records: Sequence[Record]) -> list[str]:
    """Return a name for each record that the others do not have: of the experiment, the folder, or a number."""
    for names in ([r.name for r in records], [f"{r.name} ({r.folder.resolve().name})" for r in records]):
        if len(set(names)) == len(names):
            return names
    return [f"{record.name} ({number})" for number, record in enumerate(records, 1)]


def file_names(names: Sequence[str]) -> list[str]:
    """Return what the pictures of each run begin with: nothing for a single one."""
    if len(names) == 1:
        return [""]
    plain = [re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") for name in names]
    return [f"{index}_{name}_" for index, name in enumerate(plain, 1)]
