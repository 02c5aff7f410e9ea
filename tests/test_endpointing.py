"""Where speech starts and ends: tables of flags, one a frame, and laws that hold for all of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import pytest
from fakes import with_hangover
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import StreamStateError
from streamer.settings import SpeechSettings
from streamer.speech.endpointing import Endpointer, SpeechDropped, SpeechEnded, SpeechEvent, SpeechStarted

SHORT = with_hangover(
    60,
    frame_ms=30,
    onset_speech_frames=2,
    onset_window_frames=3,
    min_utterance_ms=120,
    max_utterance_ms=540,
)
"""2 of 3 frames, a hangover of 2, 4 to 18 frames; a cut looks at stretches of 4."""


class Timed(NamedTuple):
    """An event, and how many frames had been heard when it came."""

    heard: int
    event: SpeechEvent


def timed_events(endpointer: Endpointer, flags: Sequence[bool], levels: Iterable[float]) -> list[Timed]:
    """Return all events of a stream, the one of its end among them."""
    events = []
    for frame, (flag, level) in enumerate(zip(flags, levels, strict=True)):
        events += [Timed(frame + 1, event) for event in endpointer.push(flag, level)]
    return events + [Timed(len(flags), event) for event in endpointer.finish("eof")]


def events_of(text: str, settings: SpeechSettings = SHORT, quiet: Iterable[int] = ()) -> list[SpeechEvent]:
    """Return the events of a string of flags whose frames are all of one level, but those in ``quiet``."""
    levels = [1.0] * len(text)
    for frame in quiet:
        levels[frame] = 0.0
    return [event for _, event in timed_events(Endpointer(settings), [flag == "1" for flag in text], levels)]


@pytest.mark.parametrize(
    ("flags", "events"),
    [
        ("", []),
        ("0000000000", []),
        ("1", []),
        ("0001000100010000", []),
        ("0100100100", []),
        ("1111", [SpeechStarted(0), SpeechEnded(0, 4, "eof")]),
        ("0001111", [SpeechStarted(3), SpeechEnded(3, 7, "eof")]),
        ("00011110", [SpeechStarted(3), SpeechEnded(3, 7, "eof")]),
        ("000111100", [SpeechStarted(3), SpeechEnded(3, 7, "pause")]),
        ("0001111000000", [SpeechStarted(3), SpeechEnded(3, 7, "pause")]),
    ],
)
def test_speech_runs_from_its_first_to_its_last_frame(flags: str, events: list[SpeechEvent]) -> None:
    assert events_of(flags) == events


@pytest.mark.parametrize(
    ("flags", "events"),
    [
        ("0110110", [SpeechStarted(1), SpeechEnded(1, 6, "eof")]),
        ("0101110", [SpeechStarted(1), SpeechEnded(1, 6, "eof")]),
        ("1001111", [SpeechStarted(3), SpeechEnded(3, 7, "eof")]),
        ("1010110", [SpeechStarted(0), SpeechEnded(0, 6, "eof")]),
    ],
)
def test_an_onset_is_dated_back_to_the_first_speech_of_its_window(flags: str, events: list[SpeechEvent]) -> None:
    assert events_of(flags) == events


@pytest.mark.parametrize(
    ("flags", "heard"),
    [("0111", 3), ("01011", 4), ("001011", 5), ("0100101", 7)],
    ids=["2 at once", "2 of 3", "later", "one alone does not count"],
)
def test_an_onset_is_known_when_n_of_m_frames_are_speech(flags: str, heard: int) -> None:
    events = timed_events(Endpointer(SHORT), [flag == "1" for flag in flags], [1.0] * len(flags))

    assert isinstance(events[0].event, SpeechStarted)
    assert events[0].heard == heard


@pytest.mark.parametrize(
    ("flags", "events"),
    [
        ("11110111100", [SpeechStarted(0), SpeechEnded(0, 9, "pause")]),
        ("1111001111", [SpeechStarted(0), SpeechEnded(0, 4, "pause"), SpeechStarted(6), SpeechEnded(6, 10, "eof")]),
    ],
)
def test_a_pause_shorter_than_the_hangover_is_bridged(flags: str, events: list[SpeechEvent]) -> None:
    assert events_of(flags) == events


def test_an_end_is_known_when_the_hangover_is_over() -> None:
    events = timed_events(Endpointer(SHORT), [flag == "1" for flag in "01111000"], [1.0] * 8)

    assert events[-1] == Timed(7, SpeechEnded(1, 5, "pause"))


@pytest.mark.parametrize(
    ("flags", "events"),
    [
        ("0111000", [SpeechStarted(1), SpeechDropped(1)]),
        ("0101000", [SpeechStarted(1), SpeechDropped(1)]),
        ("0111", [SpeechStarted(1), SpeechDropped(1)]),
        ("0111001111", [SpeechStarted(1), SpeechDropped(1), SpeechStarted(6), SpeechEnded(6, 10, "eof")]),
    ],
)
def test_speech_below_the_minimum_is_dropped(flags: str, events: list[SpeechEvent]) -> None:
    assert events_of(flags) == events


def test_what_was_heard_before_an_end_does_not_count_for_the_next_onset() -> None:
    settings = with_hangover(
        30,
        frame_ms=30,
        onset_speech_frames=2,
        onset_window_frames=3,
        min_utterance_ms=120,
        max_utterance_ms=540,
    )

    assert events_of("1111010010", settings) == [SpeechStarted(0), SpeechEnded(0, 4, "pause")]


@pytest.mark.parametrize(
    ("quiet", "end"),
    [([9, 10, 11, 12], 11), ([11, 12, 13, 14], 13), ([14, 15, 16, 17], 16), ([1, 2, 3, 4], 11), ([], 11)],
    ids=["at the middle", "later", "at the end", "first half does not count", "first of equals"],
)
def test_long_speech_is_cut_inside_the_quietest_stretch_of_its_second_half(quiet: list[int], end: int) -> None:
    events = events_of("1" * 24, quiet=quiet)

    assert events[:3] == [SpeechStarted(0), SpeechEnded(0, end, "max"), SpeechStarted(end)]


def test_a_cut_comes_when_the_maximum_is_reached() -> None:
    events = timed_events(Endpointer(SHORT), [True] * 18, [1.0] * 18)

    assert [heard for heard, _ in events] == [2, 18, 18, 18]
    assert events[-1].event == SpeechEnded(11, 18, "eof")


def test_speech_one_frame_below_the_maximum_is_not_cut() -> None:
    assert events_of("1" * 17) == [SpeechStarted(0), SpeechEnded(0, 17, "eof")]


@pytest.mark.parametrize(("pause", "end", "start"), [(11, 11, 12), (12, 12, 13)], ids=["before", "behind"])
def test_a_cut_leaves_silence_to_nobody(pause: int, end: int, start: int) -> None:
    """The last utterance ends before the pause, the next begins behind it, wherever in it the cut lies."""
    events = events_of("1" * pause + "0" + "1" * 12, quiet=range(10, 14))

    assert events[1:3] == [SpeechEnded(0, end, "max"), SpeechStarted(start)]


def test_what_a_cut_leaves_is_dropped_if_it_stays_short() -> None:
    events = events_of("1" * 18, quiet=range(14, 18))

    assert events == [SpeechStarted(0), SpeechEnded(0, 16, "max"), SpeechStarted(16), SpeechDropped(16)]


def test_a_cut_before_nothing_but_silence_starts_no_utterance() -> None:
    settings = with_hangover(
        150,
        frame_ms=30,
        onset_speech_frames=2,
        onset_window_frames=3,
        min_utterance_ms=120,
        max_utterance_ms=720,
    )
    flags = "1" * 20 + "0" * 4

    assert events_of(flags + "0" * 8, settings, quiet=range(20, 24)) == [SpeechStarted(0), SpeechEnded(0, 20, "max")]
    assert events_of(flags + "01111", settings, quiet=range(20, 24))[2:] == [
        SpeechStarted(25),
        SpeechEnded(25, 29, "eof"),
    ]


def test_speech_without_end_is_cut_again_and_again() -> None:
    events = events_of("1" * 60)

    assert [event for event in events if isinstance(event, SpeechEnded)] == [
        SpeechEnded(0, 11, "max"),
        SpeechEnded(11, 22, "max"),
        SpeechEnded(22, 33, "max"),
        SpeechEnded(33, 44, "max"),
        SpeechEnded(44, 60, "eof"),
    ]


def test_an_end_of_the_stream_says_why() -> None:
    for cut in ("eof", "gap", "stop"):
        endpointer = Endpointer(SHORT)
        for _ in range(5):
            endpointer.push(True, 1.0)

        assert endpointer.finish(cut) == [SpeechEnded(0, 5, cut)]


def test_tells_whether_somebody_speaks_and_how_far() -> None:
    endpointer, seen = Endpointer(SHORT), []
    for flag in "0111101100":
        endpointer.push(flag == "1", 1.0)
        seen.append((endpointer.is_in_speech, endpointer.speech_end_frame))

    in_speech = [(True, 3), (True, 4), (True, 5), (True, 5), (True, 7), (True, 8), (True, 8)]
    assert seen == [(False, 0), (False, 0), *in_speech, (False, 0)]


def test_push_after_finish_is_refused() -> None:
    endpointer = Endpointer(SHORT)
    endpointer.finish("eof")

    with pytest.raises(StreamStateError, match="push after finish"):
        endpointer.push(True, 1.0)


PATIENT = SpeechSettings(
    onset_speech_frames=2,
    onset_window_frames=3,
    hangover_ms=160,
    shortest_hangover_ms=80,
    longest_hangover_ms=320,
    long_turn_ms=1000,
    min_utterance_ms=100,
    max_utterance_ms=20_000,
)
"""Ends after 8 frames, within hesitant speech after up to 16, behind a turn of 50 frames after 4."""


@pytest.mark.parametrize(
    ("flags", "hangover"),
    [
        ("1" * 10, 8),
        ("1" * 10 + "0" * 4 + "1" * 5, 8),
        ("1" * 10 + "0" * 5 + "1" * 5, 8),
        ("1" * 10 + "0" * 6 + "1" * 5, 9),
        ("1" * 10 + "0" * 7 + "1" * 5, 11),
        ("1" * 10 + "0" * 7 + "1" * 5 + "0" * 10 + "1" * 5, 15),
        ("1" * 5 + "0" * 7 + "1" * 5 + "0" * 10 + "1" * 5 + "0" * 14 + "1" * 3, 16),
        ("1" * 49, 8),
        ("1" * 50, 4),
        ("1" * 20 + "0" * 7 + "1" * 30, 4),
    ],
    ids=["fluent", "a plosive", "a short pause", "hesitant", "more", "ever more", "at most", "turn", "long", "both"],
)
def test_the_hangover_follows_how_somebody_speaks(flags: str, hangover: int) -> None:
    stream = [flag == "1" for flag in flags + "0" * 20]

    events = timed_events(Endpointer(PATIENT), stream, [1.0] * len(stream))

    assert events[-1] == Timed(len(flags) + hangover, SpeechEnded(0, len(flags), "pause"))


def test_a_hesitation_is_forgotten_when_speech_has_flowed_for_a_while() -> None:
    settings = replace(PATIENT, long_turn_ms=60_000)
    for num_since, hangover in ((149, 11), (150, 11), (151, 8)):
        flags = [flag == "1" for flag in "1" * 10 + "0" * 7 + "1" * num_since + "0" * 20]

        events = timed_events(Endpointer(settings), flags, [1.0] * len(flags))

        assert events[-1].heard == 17 + num_since + hangover


def test_a_hesitation_is_that_of_its_own_utterance() -> None:
    flags = [flag == "1" for flag in "1" * 10 + "0" * 7 + "1" * 5 + "0" * 20 + "1" * 10 + "0" * 20]

    events = timed_events(Endpointer(PATIENT), flags, [1.0] * len(flags))

    assert [event.heard for event in events if isinstance(event.event, SpeechEnded)] == [22 + 11, 52 + 8]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("????????????", []),
        ("0???11????00000000", [SpeechStarted(1), SpeechEnded(1, 10, "pause")]),
        ("???0?1111000000000", [SpeechStarted(4), SpeechEnded(4, 9, "pause")]),
        ("1?1?1?????", [SpeechStarted(0), SpeechEnded(0, 10, "eof")]),
        ("11....?..........", [SpeechStarted(0), SpeechEnded(0, 7, "pause")]),
    ],
    ids=["no onset", "goes on, and back", "back to a hole", "onset with holes", "a late syllable"],
)
def test_an_onset_needs_more_than_what_goes_on(text: str, events: list[SpeechEvent]) -> None:
    """``1`` is probably speech, ``?`` may be."""
    probabilities = [{"1": 0.7, "?": 0.6}.get(character, 0.59) for character in text]
    endpointer = Endpointer(PATIENT)

    said = [event for probability in probabilities for event in endpointer.push(probability, 1.0)]

    assert said + endpointer.finish("eof") == events


@st.composite
def speech_settings(draw: st.DrawFn) -> SpeechSettings:
    """Draw valid settings, with a maximum that a short stream reaches."""
    frame_ms = draw(st.sampled_from([10, 20, 30]))
    window = draw(st.integers(1, 12))
    shortest, usual, longest = sorted(draw(st.lists(st.integers(1, 12), min_size=3, max_size=3)))
    min_ms = frame_ms * draw(st.integers(-(-100 // frame_ms), 300 // frame_ms))
    lowest_max_frames = max(2 * (min_ms // frame_ms + longest + window), window + -(-300 // frame_ms))
    return SpeechSettings(
        frame_ms=frame_ms,
        onset_window_frames=window,
        onset_speech_frames=draw(st.integers(1, window)),
        hangover_ms=frame_ms * usual,
        shortest_hangover_ms=frame_ms * shortest,
        longest_hangover_ms=frame_ms * longest,
        long_turn_ms=frame_ms * draw(st.integers(1, 100)),
        min_utterance_ms=min_ms,
        max_utterance_ms=frame_ms * (lowest_max_frames + draw(st.integers(0, 30))),
    )


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bool], list[float]]:
    """Draw runs of equal flags, short and long, and a level for each frame, higher in speech or not."""
    runs = draw(st.lists(st.tuples(st.booleans(), st.one_of(st.integers(1, 5), st.integers(1, 150))), max_size=25))
    flags = [flag for flag, length in runs for _ in range(length)]
    levels = draw(st.lists(st.integers(0, 9), min_size=1, max_size=40))
    louder = draw(st.sampled_from([0, 10]))
    return flags, [float(levels[frame % len(levels)] + louder * flag) for frame, flag in enumerate(flags)]


class Span(NamedTuple):
    """A start with the end or the drop that followed it."""

    start: int
    closed: SpeechEnded | SpeechDropped
    known: int
    """How many frames had been heard when it closed."""


def spans_of(settings: SpeechSettings, stream: tuple[list[bool], list[float]]) -> list[Span]:
    """Return the starts of a stream with their ends; starts and ends alternate."""
    spans, start = [], None
    for heard, event in timed_events(Endpointer(settings), *stream):
        if isinstance(event, SpeechStarted):
            assert start is None
            start = event.start_frame
        else:
            assert start == event.start_frame
            spans.append(Span(start, event, heard))
            start = None
    assert start is None
    return spans


def utterances_of(settings: SpeechSettings, stream: tuple[list[bool], list[float]]) -> list[SpeechEnded]:
    """Return the utterances of a stream."""
    return [span.closed for span in spans_of(settings, stream) if isinstance(span.closed, SpeechEnded)]


@given(settings=speech_settings(), stream=streams())
def test_each_start_has_one_end_or_drop(settings: SpeechSettings, stream: tuple[list[bool], list[float]]) -> None:
    spans = spans_of(settings, stream)

    assert all(first.start < second.start for first, second in pairwise(spans))


@given(settings=speech_settings(), stream=streams())
def test_utterances_are_ordered_disjoint_and_already_heard(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    spans = spans_of(settings, stream)

    end = 0
    for span in spans:
        assert end <= span.start
        if isinstance(span.closed, SpeechEnded):
            assert span.start < span.closed.end_frame <= span.known <= len(stream[0])
            end = span.closed.end_frame


@given(settings=speech_settings(), stream=streams())
def test_utterances_keep_to_minimum_and_maximum(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    for utterance in utterances_of(settings, stream):
        duration_ms = (utterance.end_frame - utterance.start_frame) * settings.frame_ms

        assert settings.min_utterance_ms <= duration_ms <= settings.max_utterance_ms


@given(settings=speech_settings(), stream=streams())
def test_utterances_begin_and_end_with_speech(settings: SpeechSettings, stream: tuple[list[bool], list[float]]) -> None:
    flags, _ = stream
    for utterance in utterances_of(settings, stream):
        assert flags[utterance.start_frame]
        assert flags[utterance.end_frame - 1]


def patience_of(settings: SpeechSettings, start: int, end: int, flags: Sequence[bool]) -> int:
    """Return how many frames of silence behind ``end`` end the utterance from ``start``, from the flags alone."""
    if end - start >= math.ceil(settings.long_turn_ms / settings.frame_ms):
        return settings.shortest_hangover_ms // settings.frame_ms
    pauses, length = [0], 0
    for frame in range(start, end):
        if flags[frame] and length * settings.frame_ms >= 100 and frame + 1 > end - 3000 // settings.frame_ms:
            pauses.append(length)
        length = 0 if flags[frame] else length + 1
    usual, longest = settings.hangover_ms // settings.frame_ms, settings.longest_hangover_ms // settings.frame_ms
    return min(max(usual, (3 * max(pauses) + 1) // 2), longest)


@given(settings=speech_settings(), stream=streams())
def test_an_end_by_pause_comes_exactly_when_the_speaker_was_waited_for(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    flags, _ = stream
    for start, closed, known in spans_of(settings, stream):
        if isinstance(closed, SpeechEnded) and closed.cut == "pause":
            assert known == closed.end_frame + patience_of(settings, start, closed.end_frame, flags)
            assert not any(flags[closed.end_frame : known])


@given(settings=speech_settings(), stream=streams())
def test_nothing_is_decided_before_the_frame_that_was_announced(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    endpointer = Endpointer(settings)
    due = 0
    for heard, (flag, level) in enumerate(zip(*stream, strict=True), start=1):
        events = endpointer.push(flag, level)

        if events and not isinstance(events[0], SpeechStarted):
            assert heard >= due
        if endpointer.is_in_speech:
            due = endpointer.decision_frame
            assert due > heard


@given(settings=speech_settings(), stream=streams())
def test_an_end_by_maximum_comes_exactly_at_the_maximum_and_in_the_second_half(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    flags, _ = stream
    maximum = settings.max_utterance_ms // settings.frame_ms
    for start, closed, known in spans_of(settings, stream):
        if isinstance(closed, SpeechEnded) and closed.cut == "max":
            assert known == start + maximum
            next_speech = [*flags, True].index(True, closed.end_frame)
            assert next_speech > start + maximum // 2


@given(settings=speech_settings(), stream=streams())
def test_only_the_end_of_the_stream_ends_speech_by_eof(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    for utterance in utterances_of(settings, stream)[:-1]:
        assert utterance.cut in {"pause", "max"}


@given(settings=speech_settings(), stream=streams())
def test_no_run_of_speech_that_makes_an_onset_is_missed(
    settings: SpeechSettings, stream: tuple[list[bool], list[float]]
) -> None:
    """Each of its frames is in an utterance, or in something too short to be one."""
    flags, _ = stream
    covered = [False] * len(flags)
    for start, closed, known in spans_of(settings, stream):
        end = closed.end_frame if isinstance(closed, SpeechEnded) else known
        covered[start:end] = [True] * (end - start)

    run = 0
    for frame, flag in enumerate([*flags, False]):
        if flag:
            run += 1
            continue
        if run >= settings.onset_speech_frames:
            assert all(covered[frame - run : frame])
        run = 0


@given(settings=speech_settings(), stream=streams(), before=streams(), finished=st.booleans())
def test_reset_is_as_good_as_new(
    settings: SpeechSettings,
    stream: tuple[list[bool], list[float]],
    before: tuple[list[bool], list[float]],
    finished: bool,
) -> None:
    endpointer = Endpointer(settings)
    for flag, level in zip(*before, strict=True):
        endpointer.push(flag, level)
    if finished:
        endpointer.finish("stop")

    endpointer.reset()

    assert timed_events(endpointer, *stream) == timed_events(Endpointer(settings), *stream)
