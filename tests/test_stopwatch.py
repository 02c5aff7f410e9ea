"""The time of stages: what passes until one is done is its own."""

from streamer.stopwatch import Stopwatch


def test_what_passes_until_a_stage_is_done_is_its_own() -> None:
    times_s = iter([10.0, 10.5, 11.5, 11.75])
    stopwatch = Stopwatch(lambda: next(times_s))

    stopwatch.done("vad")
    stopwatch.done("infer")
    stopwatch.done("vad")

    assert stopwatch.spent_s == {"vad": 0.75, "features": 0.0, "infer": 1.0}


def test_a_new_start_forgets() -> None:
    times_s = iter([0.0, 1.0, 5.0, 5.25])
    stopwatch = Stopwatch(lambda: next(times_s))
    stopwatch.done("vad")

    stopwatch.start()
    stopwatch.done("features")

    assert stopwatch.spent_s == {"vad": 0.0, "features": 0.25, "infer": 0.0}


def test_what_passes_until_a_skip_is_nobodys() -> None:
    times_s = iter([0.0, 1.0, 1.5])
    stopwatch = Stopwatch(lambda: next(times_s))

    stopwatch.skip()
    stopwatch.done("vad")

    assert stopwatch.spent_s["vad"] == 0.5
