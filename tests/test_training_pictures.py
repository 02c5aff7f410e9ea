"""Pictures: what is drawn is what was given, with its unit, in both languages, and nothing is cut off."""

import os
import re
import string
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from signals import noise, speech, tone

from streamer.features.mfcc import IncrementalMfcc
from streamer.settings import SAMPLE_RATE_HZ, FeatureSettings
from training.errors import RunError
from training.pictures import load_matplotlib
from training.pictures.texts import LANGUAGES, Texts, load_texts
from training.pictures.values import Bin, Curve, Estimate

with warnings.catch_warnings():  # as TensorFlow in its tests: before all that imports it
    load_matplotlib()

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.table import Table
from matplotlib.text import Text

from training.pictures.audio import FLOOR_DB, cepstra, mfcc_rows, spectrograms, stft_db, waveforms
from training.pictures.confusions import class_scores, classification_report, confusion_matrix, mean_scores
from training.pictures.counts import class_distribution
from training.pictures.curves import learning_curves, mean_curve
from training.pictures.protocols import Line, protocol_comparison
from training.pictures.reliability import expected_calibration_error, reliability_diagram
from training.pictures.seconds import by_seconds_heard
from training.pictures.speakers import uar_by_speaker
from training.pictures.style import YELLOW, save

ROOT = Path(__file__).parents[1]
EN = load_texts("en")
FEATURES = FeatureSettings(num_cepstra=16, num_filters=40)

TONE = tone(SAMPLE_RATE_HZ // 2, hz=1000.0, peak=32767.0) / 32768.0
NOISE = noise(SAMPLE_RATE_HZ // 4, level=300) / 32768.0
RECORDINGS = {"anger": TONE, "happiness": TONE / 2, "neutral": NOISE / 4, "sadness": NOISE}
CONFUSION = np.array([[8, 1, 0, 0, 1], [2, 6, 2, 0, 0], [0, 0, 0, 10, 0], [0, 0, 0, 10, 0]])
COUNTS = {
    "nEMO": {"anger": {"woman": 30, "man": 20}, "happiness": {"woman": 5}, "neutral": {"man": 7}, "sadness": {}},
    "EmoDB": {label: {"woman": 10, "man": 10} for label in ("anger", "happiness", "neutral", "sadness")},
}
CURVES = {
    "fold 0": Curve((1.4, 1.0, 0.8), (0.3, 0.5, 0.4), best_epoch=2),
    "fold 1": Curve((1.2, 0.8), (0.2, 0.4), best_epoch=2),
}
BINS = [Bin(10, 0.5, 0.4), Bin(30, 0.9, 0.8)]
SECONDS = {"all": {0.5: Estimate(0.4, 0.3, 0.5), 2.0: Estimate(0.6, 0.5, 0.7)}, "nEMO": {0.5: Estimate(0.3, 0.2, 0.4)}}
SPEAKERS = {"nEMO": {"EB0": 0.8, "IC0": 0.4, "KD0": 0.6}, "EmoDB": {"03": 0.9, "08": 0.2}}
KNOWN, NEW = Estimate(0.92, 0.9, 0.94), Estimate(0.43, 0.38, 0.5)
PANELS = {
    "nEMO": [Line("random 80/20", (KNOWN, KNOWN), True), Line("speakers held out", (NEW, None), False)],
    "EmoDB": [Line("random 80/20", (KNOWN, KNOWN), True), Line("speakers held out", (NEW, NEW), False)],
}

PICTURES: dict[str, Callable[[Texts], Figure]] = {
    "waveforms": lambda texts: waveforms(RECORDINGS, texts),
    "spectrograms": lambda texts: spectrograms(RECORDINGS, texts),
    "spectrograms, linear": lambda texts: spectrograms(RECORDINGS, texts, "linear"),
    "cepstra": lambda texts: cepstra(RECORDINGS, FEATURES, texts),
    "class distribution": lambda texts: class_distribution(COUNTS, texts),
    "learning curves": lambda texts: learning_curves(CURVES, texts),
    "one learning curve": lambda texts: learning_curves({"one": CURVES["fold 0"]}, texts),
    "confusion matrix": lambda texts: confusion_matrix(CONFUSION, texts),
    "classification report": lambda texts: classification_report(CONFUSION, texts),
    "reliability": lambda texts: reliability_diagram(BINS, texts),
    "seconds heard": lambda texts: by_seconds_heard(SECONDS, SECONDS, texts),
    "speakers": lambda texts: uar_by_speaker(SPEAKERS, texts),
    "protocols": lambda texts: protocol_comparison(
        PANELS, ("accuracy", "UAR"), texts["measure.percent_correct"], texts
    ),
}


def panels_of(figure: Figure) -> list[Axes]:
    """Return the panels without colour bars."""
    return [panel for panel in figure.axes if panel.get_label() != "<colorbar>"]


def words_of(figure: Figure) -> str:
    """Return every text in ``figure``, drawn once so that ticks have theirs."""
    figure.draw_without_rendering()
    cells = [cell for table in figure.findobj(Table) for cell in table.get_celld().values()]
    texts = [*figure.findobj(Text), *(cell.get_text() for cell in cells)]
    return "\n".join(text.get_text() for text in texts if text.get_text())


def mesh_of(panel: Axes) -> QuadMesh:
    return next(artist for artist in panel.collections if isinstance(artist, QuadMesh))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_cut_off_and_everything_fits_a_page(name: str, language: str) -> None:
    figure = PICTURES[name](load_texts(language))
    figure.draw_without_rendering()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()

    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width <= 6.3
    assert drawn.y1 <= height <= 9.7


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("waveforms", ["tempo (s)", "fundo de escala"]),
        ("spectrograms", ["tempo (s)", "frequência (kHz, escala mel)", "nível (dB re fundo de escala)"]),
        ("cepstra", ["tempo (s)", "coeficiente cepstral", "desvios padrão em relação à média"]),
        ("class distribution", ["raiva", "felicidade", "neutro", "tristeza", "gravações", "mulheres", "homens"]),
        ("learning curves", ["perda no treino", "UAR na validação (%)", "época"]),
        ("confusion matrix", ["raiva", "ninguém ouvido", "decisão", "80,0"]),
        ("classification report", ["precisão", "revocação", "F1", "média"]),
        ("reliability", ["ECE = 10,0", "confiança na decisão (%)", "acurácia (%)"]),
        ("seconds heard", ["fala ouvida até então (s)", "acurácia (%)", "UAR (%)", "acaso", "0,5"]),
        ("speakers", ["locutor", "UAR (%)", "acaso", "KD0"]),
        ("protocols", ["reconhecido (%), com intervalos de 95 %", "otimista"]),
    ],
)
def test_a_picture_names_what_it_shows_and_the_units(name: str, expected: list[str]) -> None:
    words = words_of(PICTURES[name](load_texts("pt")))

    assert [text for text in expected if text not in words] == []


def test_every_language_has_every_text_with_the_same_gaps() -> None:
    def gaps(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}

    everywhere = {language: load_texts(language).entries for language in LANGUAGES}

    assert LANGUAGES == ("en", "pt")
    assert everywhere["en"].keys() == everywhere["pt"].keys()
    assert [key for key, text in EN.entries.items() if gaps(text) != gaps(everywhere["pt"][key])] == []


def test_every_text_that_the_code_names_is_there() -> None:
    sources = [*(ROOT / "training/pictures").glob("*.py"), *(ROOT / "training/report").glob("*.py")]
    named = {
        key for path in sources for key in re.findall(r'texts\["([a-z0-9_.]+)"\]', path.read_text(encoding="utf-8"))
    }

    assert named - EN.entries.keys() == set()
    assert len(named) > 50


def test_numbers_are_written_as_the_language_does() -> None:
    english, portuguese = (load_texts(language) for language in ("en", "pt"))
    estimate = Estimate(0.4321, 0.4, 0.5)

    assert english.interval(estimate).replace("\xa0", " ") == "43.2 % [40.0, 50.0]"
    assert portuguese.interval(estimate).replace("\xa0", " ") == "43,2 % [40,0; 50,0]"
    assert [english.points(part) for part in (0.0321, -0.0321, 0.0)] == ["+3.2", "-3.2", "0.0"]


def test_an_unknown_language_is_refused_in_one_line() -> None:
    with pytest.raises(RunError, match="language must be one of en, pt, got 'xx'"):
        load_texts("xx")


def test_a_waveform_is_the_samples_over_seconds_on_one_scale() -> None:
    first, *_, second = panels_of(waveforms(RECORDINGS, EN))
    (line,) = second.get_lines()

    np.testing.assert_array_equal(line.get_ydata(), NOISE)
    assert line.get_xdata()[-1] == pytest.approx((NOISE.size - 1) / SAMPLE_RATE_HZ)
    assert first.get_ylim() == second.get_ylim() == pytest.approx((-1.05, 1.05), abs=1e-3)
    assert first.get_xlim() == (0, 0.5)


def test_a_sine_of_full_scale_is_0_db_in_its_own_bin() -> None:
    levels_db = stft_db(TONE)

    assert levels_db.max(axis=1) == pytest.approx(0.0, abs=0.01)
    assert set(levels_db.argmax(axis=1)) == {round(1000 * 512 / SAMPLE_RATE_HZ)}
    assert stft_db(TONE / 2).max() == pytest.approx(-6.02, abs=0.02)


@pytest.mark.parametrize("num_samples", [0, 1, 399, 400, 401])
def test_silence_of_any_length_is_at_the_floor(num_samples: int) -> None:
    levels_db = stft_db(np.zeros(num_samples))

    assert (levels_db == FLOOR_DB).all()
    assert len(levels_db) == 1


@pytest.mark.parametrize("scale", ["mel", "linear"])
def test_a_spectrogram_has_its_levels_at_their_times_and_frequencies(scale: str) -> None:
    figure = spectrograms(RECORDINGS, EN, scale)  # type: ignore[arg-type]
    mesh = mesh_of(panels_of(figure)[0])
    times_s, hz = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
    loudest = np.unravel_index(mesh.get_array().argmax(), mesh.get_array().shape)

    np.testing.assert_array_equal(mesh.get_array(), stft_db(TONE).T)
    assert hz[loudest[0]] < 1000 < hz[loudest[0] + 1]
    assert (hz[0], hz[-1]) == (0, 8000)
    assert times_s[:2].mean() == pytest.approx(0.0125)  # the middle of the first window
    assert mesh.get_clim() == (FLOOR_DB, 0.0)


def test_the_mel_scale_gives_low_frequencies_their_room() -> None:
    """1 kHz is 1000 of 2840 mel, and an eighth of the linear scale."""
    heights = {}
    for scale in ("mel", "linear"):
        panel = panels_of(spectrograms(RECORDINGS, EN, scale))[0]  # type: ignore[arg-type]
        bottom, middle, top = panel.transData.transform([(0, 0), (0, 1000), (0, 8000)])[:, 1]
        heights[scale] = (middle - bottom) / (top - bottom)

    assert heights["mel"] == pytest.approx(1000 / 2840, abs=0.001)
    assert heights["linear"] == pytest.approx(1 / 8)


def test_cepstra_are_those_of_the_daemon_less_their_mean_over_their_deviation() -> None:
    samples = speech(8000)
    extractor = IncrementalMfcc(FEATURES)
    expected = np.concatenate([extractor.push(samples), extractor.finish()])

    mesh = mesh_of(panels_of(cepstra({"neutral": samples / 32768.0}, FEATURES, EN))[0])

    np.testing.assert_allclose(mfcc_rows(samples / 32768.0, FEATURES), expected, atol=1e-4)
    shown = mesh.get_array().T
    np.testing.assert_allclose(shown, (expected - expected.mean(axis=0)) / expected.std(axis=0), atol=1e-3)


def test_bars_are_as_long_as_there_are_clips() -> None:
    panel = panels_of(class_distribution(COUNTS, EN))[0]
    women, men = (list(bars.datavalues) for bars in panel.containers)

    assert women == [30, 5, 0, 0]
    assert men == [20, 0, 7, 0]
    assert [text.get_text() for text in panel.texts] == ["50", "5", "7", "0"]
    assert len({bar.get_hatch() for bars in panel.containers for bar in bars}) == 2


def test_a_corpus_that_knows_no_gender_has_plain_bars_without_a_legend() -> None:
    figure = class_distribution({"mine": {"anger": {"unknown": 3}, "sadness": {"unknown": 4}}}, EN)

    assert list(panels_of(figure)[0].containers[0].datavalues) == [3, 0, 0, 4]
    assert figure.legends == []


def test_curves_are_thin_their_mean_is_thick_and_the_best_epochs_are_marked() -> None:
    loss, uar = panels_of(learning_curves(CURVES, EN))
    thin = [line for line in loss.get_lines() if line.get_label() in CURVES]
    thick = max(loss.get_lines(), key=lambda line: line.get_linewidth())
    marks = [line.get_xydata().tolist() for line in uar.get_lines() if line.get_marker() == "D"]

    assert [tuple(line.get_ydata()) for line in thin] == [curve.loss for curve in CURVES.values()]
    assert list(thick.get_xdata()) == [1, 2]
    assert list(thick.get_ydata()) == pytest.approx([1.3, 0.9])
    assert marks == [[[2, 0.5]], [[2, 0.4]]]


def test_a_mean_goes_no_further_than_the_shortest_curve() -> None:
    assert mean_curve([[1.0, 2.0, 9.0], [3.0, 4.0]]).tolist() == [2.0, 3.0]


def test_a_confusion_matrix_has_counts_and_parts_of_rows_and_who_was_not_heard() -> None:
    counts, parts = panels_of(confusion_matrix(CONFUSION, EN))

    assert [text.get_text() for text in counts.texts][:5] == ["8", "1", "0", "0", "1"]
    assert [text.get_text() for text in parts.texts][:5] == ["80.0", "10.0", "0.0", "0.0", "10.0"]
    np.testing.assert_allclose(parts.images[0].get_array(), CONFUSION / 10)
    assert [label.get_text() for label in parts.get_xticklabels()][-1] == "nobody heard"


def test_scores_are_those_of_the_textbooks() -> None:
    """Anger: 8 of 10 found, 8 of 10 decisions right. Sadness: all found, half of the decisions right."""
    anger, _, neutral, sadness = class_scores(CONFUSION)

    assert (anger.precision, anger.recall, anger.f1, anger.support) == pytest.approx((0.8, 0.8, 0.8, 10))
    assert (sadness.precision, sadness.recall, sadness.f1) == pytest.approx((0.5, 1.0, 2 / 3))
    assert (neutral.precision, neutral.recall, neutral.f1) == (0.0, 0.0, 0.0)
    assert mean_scores(CONFUSION).recall == pytest.approx((0.8 + 0.6 + 0.0 + 1.0) / 4)


def test_a_label_that_was_never_decided_has_no_precision() -> None:
    never = np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    table = panels_of(classification_report(never, EN))[0].tables[0]

    happiness = class_scores(never)[1]

    assert np.isnan(happiness.precision)
    assert happiness.f1 == 0.0
    assert [table[2, column].get_text().get_text() for column in range(5)][:2] == ["happiness", "-"]
    assert mean_scores(never).recall == pytest.approx(2 / 3)  # sadness does not occur


def test_the_expected_calibration_error_weighs_bins_by_their_clips() -> None:
    assert expected_calibration_error([Bin(10, 0.5, 0.4), Bin(30, 0.9, 0.7)]) == pytest.approx(
        (10 * 0.1 + 30 * 0.2) / 40
    )


def test_a_reliability_diagram_has_bins_the_diagonal_and_how_many_clips() -> None:
    panel, counts = panels_of(reliability_diagram(BINS, EN))
    diagonal, bins = panel.get_lines()

    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert bins.get_xydata().tolist() == [[0.5, 0.4], [0.9, 0.8]]
    assert [bar.get_height() for bar in counts.patches] == [10, 30]
    assert panel.get_title(loc="left") == "ECE = 10.0\xa0% (2 bins of equal size)"


def test_what_was_known_after_seconds_has_its_interval() -> None:
    accuracy, uar = panels_of(by_seconds_heard(SECONDS, SECONDS, EN))
    line, _, (bars,) = accuracy.containers[0].lines
    low, high = bars.get_segments()[0][:, 1]

    assert line.get_xydata().tolist() == [[0.5, 0.4], [2.0, 0.6]]
    assert (low, high) == pytest.approx((0.3, 0.5))
    assert len(uar.containers) == 2


def test_speakers_are_sorted_within_their_corpus_beside_the_chance_level() -> None:
    panel = panels_of(uar_by_speaker(SPEAKERS, EN))[0]
    nemo, emodb, chance = panel.get_lines()[:3]

    assert list(nemo.get_ydata()) == [0.4, 0.6, 0.8]
    assert list(emodb.get_ydata()) == [0.2, 0.9]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["IC0", "KD0", "EB0", "08", "03"]
    assert set(chance.get_ydata()) == {0.25}
    assert nemo.get_marker() != emodb.get_marker()


def test_protocols_stand_below_each_other_and_flattering_ones_are_shaded() -> None:
    panel = panels_of(protocol_comparison(PANELS, ("accuracy", "UAR"), "%", EN))[0]
    marks = [
        (line.get_xdata()[0], round(float(line.get_ydata()[0])))
        for line in panel.get_lines()
        if line.get_marker() != "None"
    ]
    shades = [patch for patch in panel.patches if patch.get_facecolor()[:3] == to_rgba(YELLOW)[:3]]

    assert sorted(marks) == [(0.43, 1), (0.92, 0), (0.92, 0)]
    assert [(shade.get_y(), shade.get_height()) for shade in shades] == [(-0.5, 1.0)]
    assert [text.get_text() for text in panel.texts] == ["92", "92", "43"]


def test_names_with_dollars_are_no_formulas(tmp_path: Path) -> None:
    figure = uar_by_speaker({"a$_{corpus}$": {"$\\frac{$": 0.5}}, EN)

    save(figure, tmp_path, "dollars")

    assert "$\\frac{$" in words_of(figure)


def test_the_settings_of_the_user_change_nothing_and_are_left_alone() -> None:
    with mpl.rc_context({"font.size": 30, "text.usetex": True, "axes.titlesize": 40}):
        panel = panels_of(learning_curves(CURVES, EN))[0]
        size_left = mpl.rcParams["font.size"]

    assert panel.xaxis.label.get_fontsize() == 8
    assert not panel.xaxis.label.get_usetex()
    assert size_left == 30


def test_a_picture_is_saved_as_png_and_svg_and_the_same_on_every_run(tmp_path: Path) -> None:
    png, svg = save(reliability_diagram(BINS, EN), tmp_path / "new", "picture")
    again = save(reliability_diagram(BINS, EN), tmp_path, "picture")

    assert png.read_bytes().startswith(b"\x89PNG")
    assert (png.read_bytes(), svg.read_bytes()) == tuple(path.read_bytes() for path in again)


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(RunError, match=r"pictures can not be written .*; choose another --out"):
        save(reliability_diagram(BINS, EN), tmp_path / "file", "picture")


def test_pictures_need_no_screen_and_leave_the_home_alone(tmp_path: Path) -> None:
    """Quietly, even where matplotlib has never run before; and pyplot, which has global state, is not loaded."""
    script = (
        "import sys; from pathlib import Path\n"
        "import training.report, training.pictures.texts\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from training.pictures import load_matplotlib; load_matplotlib()\n"
        "from training.pictures.curves import Curve, learning_curves\n"
        "from training.pictures.style import save\n"
        "texts = training.pictures.texts.load_texts('en')\n"
        f"save(learning_curves({{'one': Curve((1.0,), (0.5,), 1)}}, texts), Path({str(tmp_path)!r}), 'picture')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLCONFIGDIR", "XDG_CACHE_HOME")}
    environment = {**kept, "HOME": str(home), "EMOTION_CACHE": str(tmp_path / "cache")}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
    assert (tmp_path / "picture.svg").exists()
