"""Recordings as pictures: waveform, spectrogram, and the cepstra that the networks are given."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, MultipleLocator, NullLocator
from numpy.typing import NDArray

from streamer.features.mfcc import IncrementalMfcc
from streamer.settings import SAMPLE_RATE_HZ, MfccSettings
from training.pictures.style import BLUE, SCALE, new_panels, picture, write_numbers
from training.pictures.texts import Texts

FLOOR_DB = -90.0
"""What is fainter than this, in dB re a sine of full scale, is drawn as this: quiet rooms are about there."""

STFT_WINDOW_SAMPLES, STFT_HOP_SAMPLES, STFT_FFT_SIZE = 400, 80, 512
"""25 ms every 5 ms: the window of the product's features, in finer steps for the eye."""

FrequencyScale = Literal["mel", "linear"]
Recordings = Mapping[str, NDArray[np.float64]]
"""Title of the panel to samples, shape ``(num_samples,)`` at 16 kHz, -1 to 1."""

_MEL_TICKS_HZ = (0, 250, 500, 1000, 2000, 4000, 8000)
_FULL_SCALE = 32768.0


@picture
def waveforms(recordings: Recordings, texts: Texts) -> Figure:
    """Return the samples over time; all panels have the same scale, so that loudness compares."""
    figure, panels = new_panels(list(recordings), 1, 1.0)
    for panel, samples in zip(panels, recordings.values(), strict=True):
        panel.plot(np.arange(samples.size) / SAMPLE_RATE_HZ, samples, color=BLUE, linewidth=0.4, rasterized=True)
        panel.margins(x=0)
        write_numbers(panel.yaxis, texts)
    largest = max(float(np.abs(samples).max(initial=0.0)) for samples in recordings.values())
    panels[0].set_ylim(-1.05 * max(largest, 0.01), 1.05 * max(largest, 0.01))
    _share_time(figure, panels[0], recordings, texts)
    figure.supylabel(texts["audio.amplitude"], fontsize=8)
    return figure


@picture
def spectrograms(recordings: Recordings, texts: Texts, frequency_scale: FrequencyScale = "mel") -> Figure:
    """Return the short-time spectra, in dB re a sine of full scale down to :data:`FLOOR_DB`.

    Args:
        recordings: What to draw.
        texts: In which language.
        frequency_scale: ``mel`` gives low frequencies the room that they have in the features and in hearing.
    """
    figure, panels = new_panels(list(recordings), 2, 1.75)
    levels = [stft_db(samples) for samples in recordings.values()]
    highest_db = 10.0 * math.ceil(max(float(levels_db.max()) for levels_db in levels) / 10.0)
    for panel, levels_db in zip(panels, levels, strict=True):
        time_s = _edges(len(levels_db), STFT_WINDOW_SAMPLES, STFT_HOP_SAMPLES)
        hz = (np.arange(levels_db.shape[1] + 1) - 0.5).clip(0, STFT_FFT_SIZE / 2) * SAMPLE_RATE_HZ / STFT_FFT_SIZE
        mesh = _mesh(panel, time_s, hz, levels_db, (FLOOR_DB, max(highest_db, FLOOR_DB + 10.0)))
    _scale_frequency(panels[0], frequency_scale, texts)
    _share_time(figure, panels[0], recordings, texts)
    figure.supylabel(texts[f"audio.frequency_{frequency_scale}"], fontsize=8)
    figure.colorbar(mesh, ax=panels, label=texts["audio.level_db"], extend="min", aspect=30, pad=0.015)
    return figure


@picture
def cepstra(recordings: Recordings, features: MfccSettings, texts: Texts) -> Figure:
    """Return the MFCC rows that the daemon computes, as ``features`` says.

    Each coefficient is drawn less its mean and over its deviation in all ``recordings``: raw ones differ so much
    from one another that a common scale would show the first alone.
    """
    rows = {title: mfcc_rows(samples, features) for title, samples in recordings.items()}
    every = np.concatenate(list(rows.values()))
    mean, deviation = every.mean(axis=0), np.maximum(every.std(axis=0), 1e-9)
    figure, panels = new_panels(list(rows), 2, 1.75)
    borders = np.arange(features.num_cepstra + 1) - 0.5
    for panel, part in zip(panels, rows.values(), strict=True):
        time_s = _edges(len(part), features.window_samples, features.hop_samples)
        mesh = _mesh(panel, time_s, borders, (part - mean) / deviation, (-3.0, 3.0))
    panels[0].yaxis.set_major_locator(MultipleLocator(max(1, features.num_cepstra // 8)))
    _share_time(figure, panels[0], recordings, texts)
    figure.supylabel(texts["audio.coefficient"], fontsize=8)
    figure.colorbar(mesh, ax=panels, label=texts["audio.deviations"], extend="both", aspect=30, pad=0.015)
    return figure


def stft_db(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return levels in dB re a sine of full scale, shape ``(num_windows, STFT_FFT_SIZE // 2 + 1)``.

    Args:
        samples: Shape ``(num_samples,)`` at 16 kHz, -1 to 1; padded with zeros to one window at least.
    """
    padded = np.pad(samples, (0, max(0, STFT_WINDOW_SAMPLES - samples.size)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, STFT_WINDOW_SAMPLES)[::STFT_HOP_SAMPLES]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(STFT_WINDOW_SAMPLES) / STFT_WINDOW_SAMPLES)
    # Scaled so that a sine of amplitude 1 has the magnitude 1 in its bin.
    magnitude = np.abs(np.fft.rfft(windows * hann, STFT_FFT_SIZE)) * 2.0 / hann.sum()
    return np.asarray(20.0 * np.log10(np.maximum(magnitude, 10.0 ** (FLOOR_DB / 20.0))))


def mfcc_rows(samples: NDArray[np.float64], features: MfccSettings) -> NDArray[np.float64]:
    """Return the rows that the daemon computes of ``samples``, -1 to 1: shape ``(num_rows, num_cepstra)``."""
    rounded = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    extractor = IncrementalMfcc(features)
    return np.asarray(np.concatenate([extractor.push(rounded), extractor.finish()]), np.float64)


def _edges(num_windows: int, window_samples: int, hop_samples: int) -> NDArray[np.float64]:
    """Return the borders of the columns in seconds: each is one hop wide around the middle of its window."""
    first = (window_samples - hop_samples) / 2
    return np.asarray((first + hop_samples * np.arange(num_windows + 1)) / SAMPLE_RATE_HZ)


def _mesh(panel: Axes, x: NDArray[Any], y: NDArray[Any], values: NDArray[Any], limits: tuple[float, float]) -> QuadMesh:
    panel.grid(visible=False)
    # An image inside the SVG: as shapes it would be megabytes.
    return panel.pcolormesh(x, y, values.T, cmap=SCALE, vmin=limits[0], vmax=limits[1], rasterized=True)


def _scale_frequency(panel: Axes, frequency_scale: FrequencyScale, texts: Texts) -> None:
    """Scale the shared axis of frequency, in kHz."""
    if frequency_scale == "mel":
        panel.set_yscale("function", functions=(_mel, _hz))
        panel.yaxis.set_major_locator(FixedLocator(_MEL_TICKS_HZ))
        panel.yaxis.set_minor_locator(NullLocator())
    write_numbers(panel.yaxis, texts, 1 / 1000)
    panel.set_ylim(0, SAMPLE_RATE_HZ / 2)


def _share_time(figure: Figure, panel: Axes, recordings: Recordings, texts: Texts) -> None:
    panel.set_xlim(0, max(samples.size for samples in recordings.values()) / SAMPLE_RATE_HZ)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    write_numbers(panel.xaxis, texts)
    figure.supxlabel(texts["audio.time_s"], fontsize=8)


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
