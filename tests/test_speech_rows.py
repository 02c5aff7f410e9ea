"""What the speech network sees: bands over the noise floor, and webrtcvad's verdicts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, conversation, noise, silence, tone

from streamer.speech.bands import NUM_BANDS, BandSnr
from streamer.speech.rows import NUM_COLUMNS, SpeechRows

FRAME = 320


def windows(samples: Samples) -> Samples:
    return samples.reshape(-1, FRAME)


def test_steady_noise_is_its_own_floor() -> None:
    rows, _ = BandSnr().push(windows(noise(500 * FRAME, level=300)))

    assert np.abs(rows[100:].mean(axis=0)).max() < 0.25
    assert rows.shape == (500, NUM_BANDS)


@pytest.mark.parametrize("level", [100, 300, 3000])
def test_what_stands_out_does_so_by_its_ratio_whatever_the_level(level: int) -> None:
    """20 dB are 20 / 12.04 units."""
    quiet, loud = noise(300 * FRAME, level=level / 10), noise(20 * FRAME, level=level, seed=1)

    rows, _ = BandSnr().push(windows(np.concatenate([quiet, loud])))

    assert rows[300:305].mean() - rows[200:300].mean() == pytest.approx(20 / 12.04, abs=0.1)


def test_out_of_digital_silence_it_stands_out_by_what_a_quiet_room_would_leave() -> None:
    """Not by the most that there is, in every band alike."""
    rows, _ = BandSnr().push(windows(np.concatenate([np.zeros(100 * FRAME, np.int16), noise(10 * FRAME, level=30)])))

    assert np.all(rows[:100] == 0.0)
    assert 1.0 < rows[105].min() < rows[105].max() < 3.5


def test_a_tone_stands_out_in_its_band() -> None:
    rows, _ = BandSnr().push(windows(np.concatenate([noise(100 * FRAME, level=20), tone(10 * FRAME, hz=1000)])))

    band = int(np.argmax(rows[105]))
    assert 0 < band < NUM_BANDS - 1
    assert rows[105, band] > rows[105, [0, -1]].max() + 0.5


def test_the_floor_falls_fast_and_rises_slowly() -> None:
    loud, quiet = noise(100 * FRAME, level=3000), noise(100 * FRAME, level=30)

    down, _ = BandSnr().push(windows(np.concatenate([loud, quiet])))
    up, _ = BandSnr().push(windows(np.concatenate([quiet, loud])))

    assert abs(down[130:140].mean()) < 0.2
    assert up[130:140].mean() > 1.5


def test_loudness_grows_by_an_octave_where_the_power_doubles() -> None:
    samples = noise(100 * FRAME, level=1000)

    (_, first), (_, louder) = BandSnr().push(windows(samples)), BandSnr().push(windows(2 * samples))

    assert np.allclose(louder - first, 2.0, atol=0.01)


@given(sizes=st.lists(st.integers(1, 60), max_size=12))
def test_rows_do_not_depend_on_how_many_are_computed_at_once(sizes: list[int]) -> None:
    samples = conversation(300, 700, 500, 900)[: 100 * FRAME]
    bands, parts, first = BandSnr(), [], 0
    for size in [*sizes, 100]:
        parts.append(bands.push(windows(samples)[first : first + size])[0])
        first += size

    np.testing.assert_allclose(np.concatenate(parts), BandSnr().push(windows(samples))[0], rtol=0, atol=1e-5)


@hypothesis_settings(max_examples=30)
@given(taken_after=st.lists(st.integers(0, 40), max_size=10), num_frames=st.integers(0, 90))
def test_rows_are_the_same_whenever_they_are_taken(taken_after: list[int], num_frames: int) -> None:
    frames = windows(conversation(300, 700, 500, 900))[:num_frames]
    rows, whole = SpeechRows(), SpeechRows()
    parts, left = [], list(taken_after)
    for index, frame in enumerate(frames):
        rows.push(frame[np.newaxis])
        whole.push(frame[np.newaxis])
        if left and index >= left[0]:
            left.pop(0)
            parts.append(rows.take()[0])
    parts.append(rows.take(is_last=True)[0])

    seen, loudness = whole.take(is_last=True)
    assert seen.shape == (-(-num_frames // 2), NUM_COLUMNS)
    assert loudness.shape == (len(seen),)
    np.testing.assert_allclose(np.concatenate(parts), seen, rtol=0, atol=1e-5)


def test_a_row_has_the_bands_of_its_first_frame_and_the_verdicts_on_both() -> None:
    rows = SpeechRows()
    frames = windows(conversation(300, 700))
    verdicts = b"".join(rows.push(part) for part in np.split(frames, [1, 2, 7]))

    seen, _ = rows.take()

    assert seen[:, NUM_BANDS:].ravel().tolist() == list(verdicts)
    assert 0 < sum(verdicts) < len(verdicts)
    np.testing.assert_allclose(seen[:, :NUM_BANDS], BandSnr().push(frames[::2])[0], rtol=0, atol=1e-5)


def test_reset_is_as_good_as_new() -> None:
    rows = SpeechRows()
    for frame in windows(noise(51 * FRAME, level=3000)):
        rows.push(frame[np.newaxis])
    rows.take()
    rows.reset()
    fresh = SpeechRows()
    for frame in windows(np.concatenate([silence(3200), conversation(300, 700)])):
        assert rows.push(frame[np.newaxis]) == fresh.push(frame[np.newaxis])

    np.testing.assert_array_equal(rows.take()[0], fresh.take()[0])
