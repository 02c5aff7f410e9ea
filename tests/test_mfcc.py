"""The incremental rows are those of python_speech_features over the whole stream."""

from typing import Any

import numpy as np
import pytest
import python_speech_features as psf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from signals import noise, ramp, silence, speech, split, tone

from streamer.errors import AudioFormatError, StreamStateError
from streamer.features.mfcc import IncrementalMfcc, liftered_dct
from streamer.mel import mel_filterbank
from streamer.settings import MfccSettings

WINDOW, HOP = 400, 160

VARIANTS = {
    "default": MfccSettings(),
    "hamming": MfccSettings(window_function="hamming"),
    "no energy, no lifter": MfccSettings(append_energy=False, lifter=0),
    "40 filters, 20 cepstra": MfccSettings(num_filters=40, num_cepstra=20, window_function="hamming"),
    "all cepstra": MfccSettings(num_filters=20, num_cepstra=20, lifter=30),
    "one filter": MfccSettings(num_filters=1, num_cepstra=1, append_energy=False),
    "narrow band": MfccSettings(low_hz=300, high_hz=3400, num_filters=20),
    "no pre-emphasis": MfccSettings(preemphasis=0),
    "hop is window": MfccSettings(window_ms=20, hop_ms=20),
    "window is transform": MfccSettings(window_ms=32, hop_ms=8),
    "large transform": MfccSettings(fft_size=2048, num_filters=80),
    "other rate": MfccSettings(sample_rate_hz=8000, high_hz=4000, fft_size=256),
}


def psf_rows(samples: NDArray[np.int16], settings: MfccSettings) -> NDArray[np.float64]:
    """Return what python_speech_features makes of the whole signal."""
    if not samples.size:
        return np.empty((0, settings.num_cepstra))
    hamming = settings.window_function == "hamming"
    return np.asarray(
        psf.mfcc(
            samples,
            samplerate=settings.sample_rate_hz,
            winlen=settings.window_ms / 1000,
            winstep=settings.hop_ms / 1000,
            numcep=settings.num_cepstra,
            nfilt=settings.num_filters,
            nfft=settings.fft_size,
            lowfreq=settings.low_hz,
            highfreq=settings.high_hz,
            preemph=settings.preemphasis,
            ceplifter=settings.lifter,
            appendEnergy=settings.append_energy,
            winfunc=np.hamming if hamming else np.ones,
        )
    )


def rows_of(extractor: IncrementalMfcc, chunks: Any) -> NDArray[np.floating[Any]]:
    """Return all rows of a stream that arrives in ``chunks``, with the padded last one."""
    parts = [extractor.push(chunk) for chunk in chunks]
    return np.concatenate([*parts, extractor.finish()])


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("make", [noise, speech, silence], ids=["noise", "speech", "silence"])
def test_rows_are_those_of_python_speech_features(settings: MfccSettings, make: Any) -> None:
    samples = make(16_123)

    rows = rows_of(IncrementalMfcc(settings, np.float64), [samples])

    np.testing.assert_allclose(rows, psf_rows(samples, settings), rtol=0, atol=1e-9)


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_single_precision_is_close_enough(settings: MfccSettings) -> None:
    samples = noise(16_123)

    rows = rows_of(IncrementalMfcc(settings), [samples])

    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, psf_rows(samples, settings), rtol=0, atol=1e-3)


@given(
    length=st.integers(0, 9000),
    sizes=st.lists(st.integers(0, 900), max_size=30),
    variant=st.sampled_from(["default", "hamming", "hop is window", "no pre-emphasis"]),
)
def test_any_split_gives_the_same_rows(length: int, sizes: list[int], variant: str) -> None:
    """Rows depend on the samples, not on how the driver delivered them."""
    samples, settings = noise(length), VARIANTS[variant]

    double = rows_of(IncrementalMfcc(settings, np.float64), split(samples, sizes))
    single = rows_of(IncrementalMfcc(settings), split(samples, sizes))

    expected = psf_rows(samples, settings)
    np.testing.assert_allclose(double, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(single, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("size", [1, HOP - 1, HOP, HOP + 1, WINDOW, 320, 5359, 5360, 5361, 12_000])
def test_equal_chunks_of_any_size_give_the_same_rows(size: int) -> None:
    """5360 samples are what one call computes at once."""
    samples = noise(12_000)

    rows = rows_of(IncrementalMfcc(MfccSettings(), np.float64), split(samples, [size] * (samples.size // size)))

    np.testing.assert_allclose(rows, psf_rows(samples, MfccSettings()), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("length", "num_complete", "num_padded"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (WINDOW - 1, 0, 1),
        (WINDOW, 1, 0),
        (WINDOW + 1, 1, 1),
        (WINDOW + HOP - 1, 1, 1),
        (WINDOW + HOP, 2, 0),
        (WINDOW + HOP + 1, 2, 1),
        (WINDOW + 40 * HOP, 41, 0),
    ],
)
def test_a_row_leaves_when_its_window_is_complete(length: int, num_complete: int, num_padded: int) -> None:
    extractor = IncrementalMfcc(MfccSettings(), np.float64)

    complete, padded = extractor.push(noise(length)), extractor.finish()

    assert (len(complete), len(padded)) == (num_complete, num_padded)
    expected = psf_rows(noise(length), MfccSettings())
    np.testing.assert_allclose(np.concatenate([complete, padded]), expected, rtol=0, atol=1e-9)


@given(length=st.integers(0, 4000), window_ms=st.integers(5, 32), hop_ms=st.integers(1, 32))
def test_number_of_complete_rows_follows_from_the_length(length: int, window_ms: int, hop_ms: int) -> None:
    settings = MfccSettings(window_ms=max(window_ms, hop_ms), hop_ms=hop_ms)

    rows = IncrementalMfcc(settings).push(noise(length))

    assert len(rows) == max(0, 1 + (length - settings.window_samples) // settings.hop_samples)


@given(first_row=st.integers(0, 30), length=st.integers(1, 8000), size=st.integers(1, 2000))
def test_a_grid_that_begins_later_has_the_later_rows(first_row: int, length: int, size: int) -> None:
    """With the sample before it, a start whole hops later makes no difference, not even in its first row."""
    samples = noise(first_row * HOP + length)
    later = samples[first_row * HOP :]
    extractor = IncrementalMfcc(MfccSettings(), np.float64)
    extractor.push(noise(1000, seed=1))

    extractor.reset(int(samples[first_row * HOP - 1]) if first_row else 0)
    rows = np.concatenate([extractor.push(chunk) for chunk in split(later, [size] * (length // size))])

    whole = IncrementalMfcc(MfccSettings(), np.float64).push(samples)
    np.testing.assert_allclose(rows, whole[first_row:], rtol=0, atol=1e-9)


def test_a_push_of_nothing_changes_nothing() -> None:
    """The last window ends with the last sample: there is no padded row."""
    extractor = IncrementalMfcc(MfccSettings(), np.float64)
    samples = noise(WINDOW + 4 * HOP)

    rows = rows_of(extractor, [silence(0), samples[:500], silence(0), silence(0), samples[500:], silence(0)])

    np.testing.assert_allclose(rows, psf_rows(samples, MfccSettings()), rtol=0, atol=1e-9)


@pytest.mark.parametrize("length", [1, WINDOW - HOP, 3000])
@pytest.mark.parametrize("is_finished", [True, False])
def test_reset_is_as_good_as_new(length: int, is_finished: bool) -> None:
    extractor = IncrementalMfcc(MfccSettings())
    extractor.push(noise(777, seed=1))
    if is_finished:
        extractor.finish()

    extractor.reset()

    new = IncrementalMfcc(MfccSettings())
    np.testing.assert_array_equal(rows_of(extractor, [noise(length)]), rows_of(new, [noise(length)]))


def test_rows_already_given_stay_as_they_are() -> None:
    """The memory is reused inside, not handed out."""
    extractor = IncrementalMfcc(MfccSettings())
    rows = extractor.push(noise(3000))
    before = rows.copy()

    extractor.push(noise(3000, seed=1))

    np.testing.assert_array_equal(rows, before)


def test_full_scale_is_finite_in_single_precision() -> None:
    square = np.where(np.arange(8000) % 2, 32767, -32768).astype(np.int16)

    rows = IncrementalMfcc(MfccSettings()).push(square)

    np.testing.assert_allclose(rows, psf_rows(square, MfccSettings())[: len(rows)], rtol=0, atol=1e-3)


def test_a_louder_tone_has_more_energy() -> None:
    """Coefficient 0 is the natural logarithm of the energy."""
    extractor = IncrementalMfcc(MfccSettings(), np.float64)

    quiet = extractor.push(tone(WINDOW, peak=100))
    extractor.reset()
    loud = extractor.push(tone(WINDOW, peak=10_000))

    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], np.log(100.0**2), atol=0.01)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(400), np.zeros(400, np.float32), np.zeros((1, 400), np.int16), np.zeros(400, ">i2"), np.int16(3)],
    ids=["float64", "float32", "two axes", "big-endian", "no axis"],
)
def test_other_audio_than_int16_is_refused(samples: Any) -> None:
    with pytest.raises(AudioFormatError, match="expected int16"):
        IncrementalMfcc(MfccSettings()).push(samples)


def test_push_after_finish_is_refused() -> None:
    extractor = IncrementalMfcc(MfccSettings())
    extractor.finish()

    with pytest.raises(StreamStateError, match="push after finish"):
        extractor.push(ramp(0))


def test_a_second_finish_is_refused() -> None:
    extractor = IncrementalMfcc(MfccSettings())
    extractor.finish()

    with pytest.raises(StreamStateError, match="already"):
        extractor.finish()


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_filters_are_those_of_python_speech_features(settings: MfccSettings) -> None:
    filters = mel_filterbank(
        settings.num_filters, settings.fft_size, settings.low_hz, settings.high_hz, settings.sample_rate_hz
    )
    expected = psf.get_filterbanks(
        settings.num_filters, settings.fft_size, settings.sample_rate_hz, settings.low_hz, settings.high_hz
    )

    np.testing.assert_allclose(filters, expected, rtol=0, atol=1e-15)


def test_without_lifter_the_cosine_transform_is_orthonormal() -> None:
    matrix = liftered_dct(MfccSettings(num_filters=26, num_cepstra=26, lifter=0))

    np.testing.assert_allclose(matrix.T @ matrix, np.eye(26), atol=1e-12)
