"""How loud the input is, in dB relative to full scale, and what is wrong with it."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signals import Samples, conversation, noise, silence, speech, split, tone

from streamer.level import FLOOR_DBFS, InputMeter, InputReport

SECOND = 16_000


def report_of(chunks: Iterable[Samples]) -> InputReport:
    meter = InputMeter()
    for chunk in chunks:
        meter.push(chunk)
    return meter.take()


@pytest.mark.parametrize(
    ("samples", "mean_dbfs", "peak_dbfs"),
    [
        (np.full(100, -32768, np.int16), 0.0, 0.0),
        (np.full(100, 3277, np.int16), -20.0, -20.0),
        (np.array([0, 0, 0, 16384], np.int16), -12.0, -6.0),
        (tone(16_000, peak=16_384), -9.0, -6.0),
        (np.array([0, 1], np.int16), -93.3, -90.3),
        (silence(100), FLOOR_DBFS, FLOOR_DBFS),
        (silence(0), FLOOR_DBFS, FLOOR_DBFS),
    ],
    ids=["full scale", "a tenth", "one of four", "sine", "least", "zeros", "nothing"],
)
def test_levels_are_relative_to_full_scale(samples: Samples, mean_dbfs: float, peak_dbfs: float) -> None:
    report = report_of([samples])

    assert (report.level_dbfs, report.peak_dbfs) == (mean_dbfs, peak_dbfs)


@given(sizes=st.lists(st.integers(0, 9000), max_size=10))
def test_any_split_gives_the_same_report(sizes: list[int]) -> None:
    samples = tone(30_000, hz=50) + 700

    assert report_of(split(samples, sizes)) == report_of([samples])


def test_taking_starts_anew() -> None:
    meter = InputMeter()
    meter.push(tone(1000))
    meter.take()
    meter.push(np.full(10, 3277, np.int16))

    assert meter.take().level_dbfs == -20.0


def clipped(num_samples: int) -> Samples:
    """Return noise of which so many samples are at full scale."""
    samples = noise(2 * SECOND)
    samples[: num_samples * 1000 : 1000] = 32767
    return samples


@pytest.mark.parametrize(
    ("samples", "faults"),
    [
        (speech(2 * SECOND), ()),
        (noise(2 * SECOND, level=20), ()),
        (silence(2 * SECOND), ("silent_input",)),
        (silence(0), ()),
        (clipped(3), ()),
        (clipped(4), ("clipping",)),
        (-clipped(4) - np.int16(1), ("clipping",)),
        (noise(2 * SECOND, level=20) + np.int16(310), ()),
        (noise(2 * SECOND, level=20) + np.int16(340), ("dc_offset",)),
        (noise(2 * SECOND, level=20) - np.int16(340), ("dc_offset",)),
        (noise(2 * SECOND, level=20) + tone(2 * SECOND, hz=50, peak=100), ("hum",)),
        (noise(2 * SECOND, level=20) + tone(2 * SECOND, hz=180.3, peak=100), ("hum",)),
        (noise(2 * SECOND, level=20) + tone(2 * SECOND, hz=50, peak=20), ()),
        (tone(2 * SECOND, hz=50, peak=10), ()),
        (tone(2 * SECOND, hz=75, peak=1000), ()),
        (tone(SECOND - 1, hz=50, peak=1000), ()),
        (conversation(1000, 1000) + tone(2 * SECOND, hz=50, peak=100), ()),
    ],
    ids=[
        "speech", "faint noise", "zeros", "nothing", "three clicks", "clipping", "clipping below", "small offset",
        "offset", "offset below", "hum", "third harmonic of 60 Hz", "less than the noise", "too faint", "no mains",
        "too short", "somebody speaks",
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(samples: Samples, faults: tuple[str, ...]) -> None:
    assert report_of([samples]).faults == faults
