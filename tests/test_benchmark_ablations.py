"""The table of what each part of the recipe is worth, from runs of which that is known."""

from pathlib import Path

import pytest
from toy_runs import ToyNetwork, write_toy_run

from benchmarks.ablations import WHOLE, figures_of, run_folder, table, variants
from training.report.record import read_record


def test_a_part_that_helps_is_missed_where_it_is_left_out(tmp_path: Path) -> None:
    whole = read_record(write_toy_run(tmp_path / "whole", ToyNetwork(skill=3.0)))
    without = read_record(write_toy_run(tmp_path / "without", ToyNetwork(skill=1.0)))

    found = {WHOLE: figures_of(whole, whole), "no skill": figures_of(whole, without)}

    uar = whole.evaluation["protocols"]["corpus"]["states"]["cold"]["mean_uar_of_corpora"]["value"]
    less = without.evaluation["protocols"]["corpus"]["states"]["cold"]["mean_uar_of_corpora"]["value"]
    assert found[WHOLE]["corpus cold"]["value"] == uar
    assert found["no skill"]["corpus cold"]["value"] == pytest.approx(less - uar, abs=1e-3)
    assert found["no skill"]["corpus cold"]["interval_95"][1] < 0.0
    header, _, *lines = table(found).splitlines()
    assert header == "|  | speakers cold | corpus cold | live cold |"
    assert [line.split(" | ")[0] for line in lines] == ["| whole", "| no skill"]
    assert f"| {uar:.3f} |" in lines[0]


def test_each_variant_differs_from_the_whole_and_has_a_folder_of_its_own() -> None:
    known = variants()

    assert len({run_folder(Path("out"), name) for name in known}) == len(known)
    assert [name for name, experiment in known.items() if experiment == known[WHOLE]] == [WHOLE]
