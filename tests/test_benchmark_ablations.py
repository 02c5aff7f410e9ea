"""The table of what each part of the recipe is worth, from runs of which that is known."""

import shutil
from pathlib import Path

import pytest
from toy_runs import ToyNetwork, write_toy_run

from benchmarks.ablations import WHOLE, figures_of, not_made, run_folder, table, variants
from training.errors import RunError
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


def test_runs_of_the_same_settings_and_clips_alone_are_taken_as_they_are(tmp_path: Path) -> None:
    write_toy_run(run_folder(tmp_path, WHOLE), is_fitted=False)
    data = read_record(run_folder(tmp_path, WHOLE)).evaluation["data_sha256"]

    assert not_made([WHOLE, "no noise"], data, tmp_path) == ["no noise"]
    with pytest.raises(RunError, match="is of other clips"):
        not_made([WHOLE], "f" * 64, tmp_path)
    shutil.copytree(run_folder(tmp_path, WHOLE), run_folder(tmp_path, "no noise"))
    with pytest.raises(RunError, match=r"no-noise/evaluation\.json: is of another experiment, or of other settings"):
        not_made([WHOLE, "no noise"], data, tmp_path)
