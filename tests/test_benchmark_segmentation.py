"""How the segmentation benchmark counts: figures that everybody can check by hand."""

from typing import Any

import numpy as np
import pytest

from benchmarks.segmentation import Bench, Found, Score, cells, found, spans_between, webrtc_ring
from benchmarks.unseen_noise import table
from training.scenes.acoustics import ROOMS
from training.scenes.noises import BABBLE, NOISES
from training.scenes.scene import Cell, Scene


def flags_of(spans: Any, size: int = 1000) -> Any:
    flags = np.zeros(size, np.bool_)
    for start, end in spans:
        flags[start:end] = True
    return flags


def scene_of(*spans: tuple[int, int]) -> Scene:
    return Scene(np.zeros(160_000, np.int16), flags_of(spans), spans)


def heard(*spans: tuple[int, int], delay: int = 24) -> Found:
    return found(flags_of(spans), spans, [end + delay for _, end in spans], 1e-3)


def figures(spoken: list[tuple[int, int]], said: list[tuple[int, int]]) -> dict[str, Any]:
    score = Score()
    score.add(scene_of(*spoken), heard(*said))
    return score.figures()


def test_what_is_heard_rightly_has_no_error() -> None:
    said = figures([(100, 300), (500, 600)], [(100, 300), (500, 600)])

    assert (said["f1"], said["false_alarm_rate"], said["missed"], said["split"], said["merged"]) == (1, 0, 0, 0, 0)
    assert (said["onset_error_ms_p50"], said["end_delay_ms_p50"], said["longest_ms"]) == (0, 240, 2000)
    assert said["cost_us_per_s"] == 100.0


@pytest.mark.parametrize(
    ("said", "name", "value"),
    [
        ([(100, 300)], "missed", 0.5),
        ([(100, 180), (200, 300), (500, 600)], "split", 0.5),
        ([(100, 600)], "merged", 0.5),
        ([(0, 50), (100, 300), (500, 600), (700, 800)], "false_starts_per_minute", 12.0),
        ([(111, 300), (500, 600)], "late_onsets", 0.5),
        ([(110, 300), (500, 600)], "late_onsets", 0.0),
        ([(131, 300), (500, 600)], "clipped_onsets", 0.5),
        ([(130, 300), (500, 600)], "clipped_onsets", 0.0),
        ([(100, 300), (500, 700)], "precision", 0.75),
        ([(100, 300), (500, 550)], "recall", 0.8333),
        ([(100, 300), (500, 600), (650, 720)], "false_alarm_rate", 0.1),
    ],
)
def test_each_error_is_counted(said: list[tuple[int, int]], name: str, value: float) -> None:
    assert figures([(100, 300), (500, 600)], said)[name] == pytest.approx(value)


def test_an_utterance_over_two_is_late_for_the_first_only() -> None:
    """And its end counts for the last."""
    said = figures([(100, 300), (350, 600)], [(110, 620)])

    assert (said["onset_error_ms_p50"], said["end_delay_ms_p50"]) == (100, 440)


def test_the_spans_of_silero_end_after_a_silence() -> None:
    probabilities = [0.4, 0.6, 0.4, 0.3, 0.4, 0.3, 0.3, 0.2, 0.45, 0.5]

    assert spans_between(probabilities, 0.5, 0.35, 3) == ([(1, 5), (9, 10)], [8, 10])
    assert spans_between(probabilities, 0.5, 0.35, 4) == ([(1, 10)], [10])


def test_the_ring_needs_nearly_all_of_its_frames() -> None:
    assert webrtc_ring(np.zeros(160_000, np.int16)).utterances == ()


def test_minutes_are_equal_and_noise_alone_is_30_minutes_each() -> None:
    made = list(cells())

    assert len({duration_s for cell, duration_s in made if cell.has_speech}) == 1
    assert sum(cell.has_speech for cell, _ in made) == (len(NOISES) + 1) * 5 * len(ROOMS)
    for is_switched in (False, True):
        alone_s = [s for cell, s in made if not cell.has_speech and cell.is_switched == is_switched]
        assert 1800 <= sum(alone_s) < 1850


def test_figures_tell_the_worst_cell_and_leave_babble_out() -> None:
    bench = Bench({"ours": lambda samples: heard((100, 300))})
    for noise, room, spoken in (
        ("white", ROOMS[0], (100, 300)),
        ("white", ROOMS[1], (100, 400)),
        (BABBLE, ROOMS[0], (0, 999)),
    ):
        bench.hear(Cell(noise, 0.0, room), scene_of(spoken))
    bench.hear(Cell("hum", 20.0, ROOMS[0], False), scene_of())
    bench.hear(Cell("hum", 20.0, ROOMS[0], False, True), scene_of())

    said = bench.figures("ours")

    assert (said["worst"]["where"], said["worst"]["f1"]) == ("white, 0 dB, living room", 0.8)
    assert said["all_but_babble"]["utterances"] == 2
    assert said["false_starts_per_minute"] == {"hum, 20 dB": 6.0, "hum, 20 dB, switched": 6.0}


def test_the_figures_of_one_noise_alone_are_a_table() -> None:
    """Without babble, of which there are no scenes then."""
    bench = Bench({"heard": lambda samples: heard((100, 300)), "never": lambda samples: heard((100, 200))})
    bench.hear(Cell("hum", 0.0, ROOMS[0]), scene_of((100, 300)))
    bench.hear(Cell("hum", 0.0, ROOMS[0], False), scene_of())

    lines = table({"hum": {name: bench.figures(name) for name in bench.systems}}).splitlines()

    assert lines[2:] == [
        "| hum | heard | 1.000 | 1.000 | 1.000 | 0.000 | 1.000 | 6.000 |",
        "| hum | never | 0.667 | 1.000 | 0.500 | 0.000 | 0.667 | 6.000 |",
    ]
