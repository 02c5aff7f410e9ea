"""What a second of audio takes, in instructions: a change that makes it dearer is seen on however busy a machine."""

import json
import platform

import pytest
from command import ROOT

from benchmarks.instructions import FIRST, LATE, counted, versions
from streamer.machine import instruction_sets, processor

pytestmark = pytest.mark.system

KEPT = json.loads((ROOT / "docs" / "results" / "instructions.json").read_text(encoding="utf-8"))
HERE = {
    "processor": processor(),
    "instruction_sets": instruction_sets(),
    "python": platform.python_version(),
    "versions": versions(),
}
ALLOWED_GROWTH = 1.05 if all(KEPT[key] == found for key, found in HERE.items()) else 1.2
"""Counts are repeatable to a part of the former; other versions, or libraries that choose code for another processor,
differ by less than the latter."""


@pytest.mark.skipif(platform.machine() != KEPT["machine"], reason=f"counts are of a machine with {KEPT['machine']}")
def test_a_second_of_audio_takes_no_more_than_it_did() -> None:
    millions = counted()

    assert millions.keys() == KEPT["millions"].keys()
    grown = {name: (KEPT["millions"][name], now) for name, now in millions.items()}
    grown = {name: pair for name, pair in grown.items() if pair[1] > ALLOWED_GROWTH * pair[0]}
    assert grown == {}, "dearer; where it has to be: python -m benchmarks.instructions --out docs/results"
    assert millions[LATE] <= 1.05 * millions[FIRST]
    assert millions["all gathered, silence"] < millions["all gathered, speech"]
