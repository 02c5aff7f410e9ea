"""From samples to events: the same for any split, on one grid, exact across gaps."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import LABELS, FixedClassifier, FlagDetector, LoudnessDetector, RecordingClassifier, with_hangover
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from signals import Samples, conversation, loud_where, noise, silence, split
from test_mfcc import psf_rows

from streamer.errors import AudioFormatError, SettingsError, StreamStateError
from streamer.events import Gap, Partial, Utterance
from streamer.features.dither import dithered
from streamer.features.pitch import IncrementalPitch
from streamer.pipeline import Pipeline, PipelineEvent
from streamer.settings import FeatureSettings, SpeechSettings
from streamer.speech.network import NetworkDetector

SETTINGS = SpeechSettings(onset_speech_frames=6, onset_window_frames=10)
FRAME = SETTINGS.frame_samples
HANGOVER = 12
"""Frames."""

BRISK = with_hangover(
    10,
    frame_ms=10,
    onset_speech_frames=1,
    onset_window_frames=2,
    min_utterance_ms=100,
    max_utterance_ms=320,
)
"""Everything as short as settings allow."""

FLAGS = st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=8).map(
    lambda runs: "".join(str(int(flag)) * length for flag, length in runs)
)
SIZES = st.lists(st.one_of(st.integers(0, 700), st.integers(0, 20_000)), max_size=40)


def pipeline_of(
    settings: SpeechSettings = SETTINGS,
    *,
    features: FeatureSettings | None = None,
    partials: bool = False,
) -> tuple[Pipeline, RecordingClassifier]:
    """Return a pipeline that takes loud frames for speech, and the classifier that it asks."""
    classifier = RecordingClassifier(features=features)
    return Pipeline(settings, LoudnessDetector(), classifier, partials=partials), classifier


def events_of(pipeline: Pipeline, chunks: Iterable[Samples]) -> list[PipelineEvent]:
    """Return the events of a whole stream."""
    return [event for chunk in chunks for event in pipeline.push(chunk)] + pipeline.finish()


def events_of_flags(flags: str, settings: SpeechSettings = SETTINGS, **options: Any) -> list[PipelineEvent]:
    """Return the events of a stream that is loud where ``flags`` say."""
    pipeline, _ = pipeline_of(settings, **options)
    return events_of(pipeline, [loud_where(flags, settings.frame_samples)])


def utterances(events: Iterable[PipelineEvent]) -> list[Utterance]:
    return [event for event in events if isinstance(event, Utterance)]


def partials(events: Iterable[PipelineEvent]) -> list[Partial]:
    return [event for event in events if isinstance(event, Partial)]


def moved(event: PipelineEvent, num_samples: int, num_utterances: int) -> PipelineEvent:
    """Return ``event`` as it would be so much later in a stream."""
    if isinstance(event, Gap):
        return replace(event, start_sample=event.start_sample + num_samples)
    return replace(
        event,
        id=event.id + num_utterances,
        start_sample=event.start_sample + num_samples,
        end_sample=event.end_sample + num_samples,
        decided_sample=event.decided_sample + num_samples,
    )


# What comes out


def test_an_utterance_has_its_place_its_label_and_its_probabilities() -> None:
    pipeline = Pipeline(SETTINGS, FlagDetector("0" * 20 + "1" * 25), FixedClassifier([0.1, 0.2, 0.6, 0.1]))

    events = events_of(pipeline, [noise(100 * FRAME)])

    assert events == [
        Utterance(
            id=1,
            start_sample=20 * FRAME,
            end_sample=45 * FRAME,
            label="neutral",
            probs={"anger": 0.1, "happiness": 0.2, "neutral": 0.6, "sadness": 0.1},
            decided_sample=(45 + HANGOVER) * FRAME,
            heard_before=0,
            cut="pause",
        )
    ]


def test_the_classifier_has_the_last_word_on_the_label() -> None:
    class Undecided(FixedClassifier):
        def decide(self, posterior: Any) -> str:
            return "uncertain"

    pipeline = Pipeline(SETTINGS, FlagDetector("1" * 25), Undecided())

    assert [event.label for event in utterances(events_of(pipeline, [noise(40 * FRAME)]))] == ["uncertain"]


def test_utterances_are_numbered_from_one() -> None:
    events = utterances(events_of_flags(("1" * 20 + "0" * 20) * 3))

    assert [event.id for event in events] == [1, 2, 3]


def test_what_is_too_short_is_neither_told_nor_counted() -> None:
    events = utterances(events_of_flags("1" * 9 + "0" * 20 + "1" * 10 + "0" * 20))

    assert [(event.id, event.start_sample) for event in events] == [(1, 29 * FRAME)]


def test_silence_brings_no_event_and_asks_no_classifier() -> None:
    pipeline, classifier = pipeline_of(partials=True)

    assert events_of(pipeline, [silence(16_000), noise(16_000, level=20)]) == []
    assert classifier.heard == []


@pytest.mark.parametrize("cut", ["eof", "stop"])
def test_finish_ends_the_utterance_in_hand(cut: Any) -> None:
    pipeline, _ = pipeline_of()
    pipeline.push(loud_where("0" * 5 + "1" * 20 + "0" * 3, FRAME))

    (event,) = pipeline.finish(cut)

    assert (event.cut, event.start_sample, event.end_sample) == (cut, 5 * FRAME, 25 * FRAME)
    assert event.decided_sample == 28 * FRAME


def test_an_incomplete_last_frame_is_not_judged() -> None:
    whole, _ = pipeline_of()
    longer, _ = pipeline_of()
    samples = loud_where("1" * 20, FRAME)

    assert events_of(longer, [samples, samples[: FRAME - 1]]) == events_of(whole, [samples])


def test_the_detector_hears_every_frame_once() -> None:
    class Listener(FlagDetector):
        heard: list[Samples]

        def push(self, frames: Samples) -> bytes:
            self.heard.append(frames.ravel().copy())
            return super().push(frames)

    detector = Listener("0" * 10 + "1" * 20)
    detector.heard = []
    samples = noise(80 * FRAME + 7)

    events_of(Pipeline(SETTINGS, detector, FixedClassifier()), split(samples, [100] * 200))

    np.testing.assert_array_equal(np.concatenate(detector.heard), samples[: 80 * FRAME])


def test_digital_silence_is_zeros_to_the_detector_and_faint_noise_to_the_network() -> None:
    """As a gate leaves it between two words; whatever the split."""
    samples = loud_where("1" * 20 + "0" * 8 + "1" * 20, FRAME)
    samples[20 * FRAME : 28 * FRAME] = 0
    filled = dithered(samples.reshape(-1, FRAME), 0).ravel()
    heard: list[Samples] = []

    class Listener(LoudnessDetector):
        def push(self, frames: Samples) -> bytes:
            heard.append(frames.ravel().copy())
            return super().push(frames)

    for sizes in ([], [100] * 300):
        heard.clear()
        classifier = RecordingClassifier()
        (event,) = utterances(events_of(Pipeline(SETTINGS, Listener(), classifier), split(samples, sizes)))
        np.testing.assert_array_equal(np.concatenate(heard), samples)
        (expected,) = expected_rows(filled, [event], SETTINGS, FeatureSettings())
        np.testing.assert_allclose(classifier.heard[0], expected, rtol=0, atol=1e-3)


def test_long_speech_is_cut_where_it_is_quietest() -> None:
    settings = replace(SETTINGS, max_utterance_ms=2000)
    samples = loud_where("1" * 100, FRAME)
    samples[70 * FRAME : 75 * FRAME] //= 2
    pipeline, _ = pipeline_of(settings)

    first, second = utterances(events_of(pipeline, [samples]))

    assert (first.cut, first.start_sample, first.end_sample, first.decided_sample) == (
        "max",
        0,
        72 * FRAME,
        100 * FRAME,
    )
    assert (second.cut, second.start_sample, second.end_sample) == ("eof", 72 * FRAME, 100 * FRAME)


def test_a_cut_hears_only_what_follows_it_again() -> None:
    settings = replace(SETTINGS, max_utterance_ms=4000)
    samples = loud_where("1" * 1000, FRAME)  # 20 s without a pause
    pipeline, classifier = pipeline_of(settings)

    found = utterances(events_of(pipeline, [samples]))

    rows_behind_cuts = sum((event.decided_sample - event.end_sample) // 160 for event in found[:-1])
    assert sum(event.cut == "max" for event in found) >= 5
    # Two seconds each may have been heard beyond the cut.
    assert classifier.num_pushed <= 2000 + rows_behind_cuts + 200 * len(found)
    for rows, expected in zip(
        classifier.heard, expected_rows(samples, found, settings, FeatureSettings()), strict=True
    ):
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-3)


# Any split


@given(flags=FLAGS, sizes=SIZES)
@example(flags="1" * 40 + "0" * 20, sizes=[FRAME] * 60)
@example(flags="1" * 40 + "0" * 20, sizes=[FRAME - 1, 1, 0, FRAME + 1])
@example(flags="1" * 40 + "0" * 20, sizes=[1] * 1000)
def test_any_split_gives_the_same_events(flags: str, sizes: list[int]) -> None:
    """Also the probabilities, to the last bit."""
    settings = replace(SETTINGS, max_utterance_ms=1840)
    samples = loud_where(flags, FRAME)
    whole, in_parts = pipeline_of(settings, partials=True)[0], pipeline_of(settings, partials=True)[0]

    assert events_of(in_parts, split(samples, sizes)) == events_of(whole, [samples])


@hypothesis_settings(max_examples=12)
@given(sizes=SIZES)
def test_any_split_gives_the_same_events_with_the_real_detector(sizes: list[int]) -> None:
    samples = conversation(400, 900, 600, 1500, 700, 300, 500)

    def events(chunks: Iterable[Samples]) -> list[PipelineEvent]:
        return events_of(Pipeline(SETTINGS, NetworkDetector(SETTINGS), RecordingClassifier(), partials=True), chunks)

    whole = events([samples])

    assert len(utterances(whole)) == 3
    assert len(partials(whole)) > 3
    assert events(split(samples, sizes)) == whole


@given(flags=FLAGS, sizes=SIZES)
def test_events_come_in_order_and_from_what_was_heard(flags: str, sizes: list[int]) -> None:
    pipeline, _ = pipeline_of(partials=True)
    decided = end = 0
    for chunk in split(loud_where(flags, FRAME), sizes):
        for event in pipeline.push(chunk):
            assert event.start_sample < event.end_sample <= event.decided_sample <= pipeline.position
            assert decided <= event.decided_sample
            decided = event.decided_sample
            if isinstance(event, Utterance):
                assert end <= event.start_sample
                end = event.end_sample


@given(flags=FLAGS, rest=st.integers(0, 700), with_partials=st.booleans())
def test_patience_delays_no_result(flags: str, rest: int, with_partials: bool) -> None:
    """Results come with the push that ends at the frame which decides them, as if each frame were pushed alone."""
    pipeline, _ = pipeline_of(partials=with_partials)
    samples = loud_where(flags, FRAME)
    samples = np.concatenate([samples, samples[:rest]])
    end = 0
    while end < samples.size:
        wanted = pipeline.patience()
        assert 0 < wanted <= 16_000
        assert (end + wanted) % FRAME == 0
        was_in_speech = pipeline._segmenter.is_in_speech
        start, end = end, min(samples.size, end + wanted)
        for event in pipeline.push(samples[start:end]):
            if was_in_speech:
                assert event.decided_sample == end


def test_patience_looks_no_further_than_what_is_judged_anyway() -> None:
    """In silence all is judged after a second: an end found there must not wait for the rest of a push."""
    pipeline = Pipeline(SETTINGS, FlagDetector("0" * 500), FixedClassifier())
    pipeline.push(noise(48 * FRAME))

    assert pipeline.patience() == 2 * FRAME


def test_partial_results_wake_nobody_before_the_detector_can_tell() -> None:
    class Late(FlagDetector):
        def frames_to_judge(self, num_frames: int) -> int:
            return num_frames + 3

        def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
            count = self._num_heard - (0 if is_last else 3) - self._num_judged
            probabilities = [float(self._flag(self._num_judged + index)) for index in range(count)]
            levels, self._levels = self._levels[:count], self._levels[count:]
            self._num_judged += max(0, count)
            return probabilities, levels

    pipeline = Pipeline(SETTINGS, Late("0" * 20 + "1" * 200), FixedClassifier(), partials=True)
    num_pushes, found = 0, []
    while pipeline.position < 220 * FRAME:
        found += pipeline.push(noise(pipeline.patience()))
        num_pushes += 1

    assert len(partials(found)) >= 14
    assert num_pushes < 40  # 15 partial results, and judgements between


def test_patience_is_100_ms_in_silence_and_a_hangover_in_speech() -> None:
    pipeline = Pipeline(SETTINGS, FlagDetector("0" * 50 + "1" * 100), FixedClassifier())

    assert pipeline.patience() == 1600
    pipeline.push(noise(100))
    assert pipeline.patience() == 1500
    pipeline.push(noise(80 * FRAME - 100))
    assert pipeline._segmenter.is_in_speech
    for _ in range(3):  # each time as far as an end could be
        pipeline.push(noise(pipeline.patience()))
    assert pipeline.patience() == HANGOVER * FRAME


# The rows that are judged


def expected_rows(
    samples: Samples, events: list[Utterance], settings: SpeechSettings, features: FeatureSettings
) -> Any:
    """Yield for each utterance the rows of python_speech_features whose windows lie in it and its pre-roll."""
    whole, hop = psf_rows(samples, features), features.hop_samples
    if features.pitch:  # psf has none: that of the whole stream, heard at once
        pitch = IncrementalPitch(features).push(samples)
        whole = np.column_stack([whole[: len(pitch)], pitch])  # psf pads the last row
    last_end = 0
    for event in events:
        first = max(0, event.start_sample - settings.pre_roll_ms * 16, last_end)
        starts = np.arange(len(whole)) * hop
        yield whole[(starts >= first) & (starts + features.window_samples <= event.end_sample)]
        last_end = event.end_sample


@given(
    flags=FLAGS,
    settings=st.sampled_from([SETTINGS, BRISK, replace(SETTINGS, max_utterance_ms=1840, frame_ms=10, pre_roll_ms=310)]),
    features=st.sampled_from(
        [
            FeatureSettings(),
            FeatureSettings(hop_ms=7, window_ms=30, window_function="hamming"),
            FeatureSettings(hop_ms=32, window_ms=32),
            FeatureSettings(pitch=True),
            FeatureSettings(pitch=True, hop_ms=25, window_ms=50, fft_size=1024),
            FeatureSettings(hop_ms=10, window_ms=90, fft_size=2048),
            FeatureSettings(hop_ms=45, window_ms=55, fft_size=1024),
        ]
    ),
)
@example(flags="1" * 100, settings=BRISK, features=FeatureSettings(hop_ms=10, window_ms=90, fft_size=2048))
@example(
    flags="1" * 12 + "00" + "1" * 12, settings=BRISK, features=FeatureSettings(hop_ms=50, window_ms=50, fft_size=1024)
)
def test_rows_are_those_of_the_whole_stream(flags: str, settings: SpeechSettings, features: FeatureSettings) -> None:
    """From the pre-roll to the end of speech, on the grid of the stream, and never from the last utterance."""
    pipeline, classifier = pipeline_of(settings, features=features)
    samples = loud_where(flags, settings.frame_samples)

    events = utterances(events_of(pipeline, [samples]))

    assert len(classifier.heard) == len(events)
    for rows, expected in zip(classifier.heard, expected_rows(samples, events, settings, features), strict=True):
        assert len(expected) > 0
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("flags", "num_rows"),
    [
        ("0" * 30 + "1" * 20 + "0" * 15, (300 + 400 - 25) // 10 + 1),
        ("0" * 10 + "1" * 20 + "0" * 15, (200 + 400 - 25) // 10 + 1),
        ("1" * 20 + "0" * 15, (400 - 25) // 10 + 1),
    ],
    ids=["all of it", "less at the start of the stream", "none at its very start"],
)
def test_the_pre_roll_reaches_as_far_as_there_is_sound(flags: str, num_rows: int) -> None:
    pipeline, classifier = pipeline_of()

    events_of(pipeline, [loud_where(flags, FRAME)])

    assert [len(rows) for rows in classifier.heard] == [num_rows]


def test_the_pre_roll_never_reaches_into_the_last_utterance() -> None:
    """A pause of 240 ms is just one hangover; with a pre-roll of 500 ms only the pause is taken."""
    pipeline, classifier = pipeline_of(replace(SETTINGS, pre_roll_ms=500))

    events_of(pipeline, [loud_where("1" * 20 + "0" * HANGOVER + "1" * 20, FRAME)])

    assert [len(rows) for rows in classifier.heard] == [38, (240 + 400 - 25) // 10 + 1]


def test_a_pre_roll_may_reach_into_what_was_dropped() -> None:
    pipeline, classifier = pipeline_of(replace(SETTINGS, pre_roll_ms=500))

    events_of(pipeline, [loud_where("0" * 20 + "1" * 8 + "0" * HANGOVER + "1" * 20, FRAME)])

    assert [len(rows) for rows in classifier.heard] == [(500 + 400 - 25) // 10 + 1]


@pytest.mark.parametrize("pause_ms", [2000, 3500, 4900])
def test_speech_may_go_on_behind_a_pause_as_long_as_the_longest_hangover(pause_ms: int) -> None:
    settings = replace(SETTINGS, hangover_ms=5000, longest_hangover_ms=5000, max_utterance_ms=20_000)
    flags = "0" * 30 + "1" * 100 + "0" * (pause_ms // 20) + "1" * 100
    pipeline, classifier = pipeline_of(settings)
    samples = loud_where(flags, FRAME)

    (event,) = utterances(events_of(pipeline, split(samples, [320] * len(flags))))

    expected = list(expected_rows(samples, [event], settings, FeatureSettings()))
    np.testing.assert_allclose(classifier.heard[0], expected[0], rtol=0, atol=1e-3)


def test_features_that_need_more_than_the_shortest_utterance_are_refused() -> None:
    settings = SpeechSettings(min_utterance_ms=100)
    fits, too_long = FeatureSettings(window_ms=30, hop_ms=30), FeatureSettings(window_ms=80, hop_ms=21, fft_size=2048)

    Pipeline(settings, LoudnessDetector(), FixedClassifier(features=fits))
    with pytest.raises(SettingsError, match=r"min_utterance_ms must be at least .* \(80 \+ 21\), got 100"):
        Pipeline(settings, LoudnessDetector(), FixedClassifier(features=too_long))


# Partial results


def test_partials_come_from_half_a_second_on_every_quarter_of_a_second() -> None:
    """On frames of 20 ms, of which 250 ms is no multiple."""
    events = events_of_flags("0" * 10 + "1" * 100 + "0" * 20, partials=True)

    ends_ms = [(event.end_sample - 10 * FRAME) // 16 for event in partials(events)]
    assert ends_ms == [500, 760, 1000, 1260, 1500, 1760, 2000]


@pytest.mark.parametrize(("num_frames", "num_partials"), [(24, 0), (25, 1), (37, 1), (38, 2)])
def test_a_partial_comes_with_the_frame_that_completes_its_time(num_frames: int, num_partials: int) -> None:
    events = events_of_flags("1" * num_frames + "0" * 20, partials=True)

    assert len(partials(events)) == num_partials


def test_speech_after_a_pause_brings_one_partial_however_long_the_pause() -> None:
    settings = with_hangover(1000, onset_speech_frames=6, onset_window_frames=10)

    events = events_of_flags("1" * 25 + "0" * 45 + "1" * 20 + "0" * 50, settings, partials=True)

    assert [event.end_sample // FRAME for event in partials(events)] == [25, 74, 75, 88]


def test_behind_a_cut_one_partial_tells_of_all_that_was_heard() -> None:
    """Cut in frame 82 of 150, of which the last three are silent."""
    samples = loud_where("1" * 147 + "000" + "1" * 10, FRAME)
    samples[80 * FRAME : 85 * FRAME] //= 2
    pipeline, _ = pipeline_of(replace(SETTINGS, max_utterance_ms=3000), partials=True)

    events = partials(events_of(pipeline, [samples]))

    behind = [(event.end_sample // FRAME, event.decided_sample // FRAME) for event in events if event.id == 2]
    assert behind == [(147, 150), (157, 157)]


@given(flags=FLAGS)
def test_partials_advance_in_steps_and_carry_the_number_of_their_utterance(flags: str) -> None:
    settings = replace(SETTINGS, max_utterance_ms=1840)
    events = events_of_flags(flags, settings, partials=True)

    ended = {event.id: event for event in utterances(events)}
    for number, of_one in groupby(partials(events), key=lambda event: event.id):
        ends_ms = []
        for event in of_one:
            assert event.start_sample == ended[number].start_sample
            ends_ms.append((event.end_sample - event.start_sample) // 16)
        assert ends_ms[0] >= 500
        steps = [end_ms // 250 for end_ms in ends_ms]
        assert steps == sorted(set(steps))


@given(flags=FLAGS)
def test_partials_do_not_change_utterances(flags: str) -> None:
    assert utterances(events_of_flags(flags, partials=True)) == events_of_flags(flags)


@hypothesis_settings(max_examples=40)
@given(flags=FLAGS)
def test_a_partial_is_what_the_utterance_would_be_had_it_ended_there(flags: str) -> None:
    samples = loud_where(flags, FRAME)
    for event in partials(events_of_flags(flags, partials=True)):
        pipeline, _ = pipeline_of()

        would_be = events_of(pipeline, [samples[: event.end_sample]])[-1]

        assert isinstance(would_be, Utterance)
        assert (would_be.id, would_be.start_sample, would_be.end_sample) == (
            event.id,
            event.start_sample,
            event.end_sample,
        )
        assert would_be.probs == event.probs  # the label is steadied


# Gaps and the timeline


def test_a_gap_ends_the_utterance_in_hand() -> None:
    pipeline, _ = pipeline_of()
    pipeline.push(loud_where("0" * 5 + "1" * 20, FRAME))

    utterance, gap = pipeline.skip(1000, "overflow")

    assert isinstance(utterance, Utterance)
    assert (utterance.cut, utterance.end_sample) == ("gap", 25 * FRAME)
    assert gap == Gap(start_sample=25 * FRAME, lost_samples=1000, reason="overflow")


def test_a_gap_in_silence_is_told_alone() -> None:
    pipeline, _ = pipeline_of()
    pipeline.push(noise(1234, level=20))

    assert pipeline.skip(5, "device") == [Gap(start_sample=1234, lost_samples=5, reason="device")]
    assert pipeline.position == 1239


def test_a_gap_ends_what_is_too_short_without_a_word() -> None:
    pipeline, _ = pipeline_of()
    pipeline.push(loud_where("1" * 9, FRAME))

    assert [type(event) for event in pipeline.skip(1, "overflow")] == [Gap]


@given(before=FLAGS, after=FLAGS, rest=st.integers(0, FRAME - 1), lost=st.integers(1, 10**10), sizes=SIZES)
def test_behind_a_gap_everything_is_as_in_a_new_stream(
    before: str, after: str, rest: int, lost: int, sizes: list[int]
) -> None:
    """But later by what came before it and was lost; rows are on a grid of their own."""
    pipeline, classifier = pipeline_of(partials=True)
    earlier = pipeline.push(loud_where(before, FRAME)) + pipeline.push(noise(rest)) + pipeline.skip(lost, "overflow")
    origin, num_earlier = pipeline.position, len(utterances(earlier))
    num_heard = len(classifier.heard)

    samples = loud_where(after, FRAME, seed=1)
    events = events_of(pipeline, split(samples, sizes))

    fresh, fresh_classifier = pipeline_of(partials=True)
    assert origin == len(before) * FRAME + rest + lost
    assert events == [moved(event, origin, num_earlier) for event in events_of(fresh, [samples])]
    for rows, expected in zip(classifier.heard[num_heard:], fresh_classifier.heard, strict=True):
        np.testing.assert_array_equal(rows, expected)


def test_the_detector_forgets_the_room_at_a_gap() -> None:
    """This one begins its flags again."""
    pipeline = Pipeline(SETTINGS, FlagDetector("0" * 5 + "1" * 20), FixedClassifier())
    pipeline.push(noise(50 * FRAME))
    pipeline.skip(160, "overflow")
    origin = pipeline.position

    (event,) = events_of(pipeline, [noise(50 * FRAME)])

    assert (event.start_sample, event.end_sample) == (origin + 5 * FRAME, origin + 25 * FRAME)


@given(sizes=SIZES)
def test_the_position_counts_every_sample(sizes: list[int]) -> None:
    pipeline, _ = pipeline_of()
    for size in sizes:
        before = pipeline.position

        pipeline.push(silence(size))

        assert pipeline.position == before + size


def test_positions_have_no_largest_number() -> None:
    """2 ** 31 samples are 37 hours."""
    pipeline, _ = pipeline_of()
    pipeline.skip(2**40, "device")

    (event,) = events_of(pipeline, [loud_where("1" * 20, FRAME)])

    assert event.end_sample == 2**40 + 20 * FRAME


# Reset and misuse


@given(before=FLAGS, after=FLAGS, rest=st.integers(0, FRAME - 1), ending=st.sampled_from(["none", "gap", "finish"]))
def test_reset_is_as_good_as_new(before: str, after: str, rest: int, ending: str) -> None:
    pipeline, _ = pipeline_of(partials=True)
    pipeline.push(loud_where(before, FRAME))
    pipeline.push(noise(rest))
    if ending == "gap":
        pipeline.skip(77, "overflow")
    if ending == "finish":
        pipeline.finish()

    pipeline.reset()

    samples = loud_where(after, FRAME, seed=1)
    assert pipeline.position == 0
    assert events_of(pipeline, [samples]) == events_of(pipeline_of(partials=True)[0], [samples])


def test_an_empty_stream_has_no_events() -> None:
    pipeline, _ = pipeline_of()

    assert pipeline.push(silence(0)) == []
    assert pipeline.finish() == []


@pytest.mark.parametrize(
    "samples",
    [np.zeros(320), np.zeros(320, np.float32), np.zeros((1, 320), np.int16), np.zeros(320, ">i2")],
    ids=["float64", "float32", "two axes", "big-endian"],
)
def test_other_audio_than_int16_is_refused(samples: Any) -> None:
    pipeline, _ = pipeline_of()

    with pytest.raises(AudioFormatError, match="expected int16"):
        pipeline.push(samples)


def test_nothing_is_taken_after_finish() -> None:
    pipeline, _ = pipeline_of()
    pipeline.finish()

    with pytest.raises(StreamStateError, match="push after finish"):
        pipeline.push(silence(0))
    with pytest.raises(StreamStateError, match="skip after finish"):
        pipeline.skip(1, "overflow")
    with pytest.raises(StreamStateError, match="already called"):
        pipeline.finish()


# Real speech


def test_people_are_heard_from_their_first_to_their_last_word(corpora: Path) -> None:
    """Six recordings, one after the other with a second of faint noise between them."""
    import soundfile

    paths = sorted((corpora / "emodb" / "wav").glob("*.flac"))[:60:20] + sorted((corpora / "nemo").rglob("*.flac"))[:3]
    parts, places = [noise(16_000, level=5)], []
    for path in paths:
        samples, rate_hz = soundfile.read(path, dtype="int16")
        assert rate_hz == 16_000
        start = sum(part.size for part in parts)
        places.append((start, start + samples.size))
        parts += [samples, noise(16_000, level=5)]
    pipeline = Pipeline(SETTINGS, NetworkDetector(SETTINGS), FixedClassifier())

    events = utterances(events_of(pipeline, [np.concatenate(parts)]))

    for start, end in places:
        inside = [event for event in events if start <= event.start_sample and event.end_sample <= end + 3200]
        assert sum(event.end_sample - event.start_sample for event in inside) > (end - start) / 3
    assert all(event.label in LABELS for event in events)


@pytest.mark.parametrize("lead", range(0, 120, 3))
def test_an_onset_that_nobody_suspected_is_still_in_the_history(lead: int) -> None:
    """Long before it is proved, and late: the detector suspects nothing, so that it is asked once a second."""

    class Unsuspecting(FlagDetector):
        def push(self, frames: Samples) -> bytes:
            super().push(frames)
            return bytes(len(frames))

        def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
            probabilities, levels = super().judge(is_last=is_last)
            return [0.65 if 0 < probability < 1 else probability for probability in probabilities], levels

        def _flag(self, frame: int) -> Any:
            return {"1": 1.0, "?": 0.65}.get(self._flags[frame : frame + 1], 0.0)

    settings = SpeechSettings()
    flags = "0" * (400 + lead) + "?" * 14 + "1" + "?" * 14 + "1" * 30

    events = events_of(Pipeline(settings, Unsuspecting(flags), FixedClassifier()), [noise(600 * FRAME)])

    (event,) = utterances(events)
    assert event.end_sample == len(flags) * FRAME
    assert event.start_sample <= (len(flags) - 30) * FRAME
