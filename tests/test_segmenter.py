"""A detector that is asked seldom: the same utterances as if it were asked for every frame, and not a frame later."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from fakes import FlagDetector
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_silero import write_silero

from streamer.settings import SpeechSettings
from streamer.speech.endpointing import Endpointer, SpeechEnded, SpeechEvent, SpeechStarted
from streamer.speech.network import NetworkDetector
from streamer.speech.segmenter import Segmenter, latency_ms
from streamer.speech.silero import SileroDetector

SETTINGS = SpeechSettings()
FRAMES = np.zeros((1, 320), np.int16)

FLAGS = st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=12).map(
    lambda runs: "".join(str(int(flag)) * length for flag, length in runs)
)


class LateDetector(FlagDetector):
    """Judges a frame when so many more were heard; suspects more frames than it then takes for speech."""

    def __init__(self, flags: str, lookahead_frames: int = 3, suspected: str = "") -> None:
        self._lookahead_frames, self._suspected = lookahead_frames, suspected or flags
        self.judged_at: list[int] = []
        super().__init__(flags)

    def frames_to_judge(self, num_frames: int) -> int:
        return num_frames + self._lookahead_frames

    @property
    def num_judged(self) -> int:
        return self._num_judged

    def push(self, frames: NDArray[np.int16]) -> bytes:
        start = self._num_heard
        super().push(frames)
        return bytes([self._suspected[index : index + 1] == "1" for index in range(start, self._num_heard)])

    def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
        self.judged_at.append(self._num_heard)
        end = self._num_heard if is_last else max(self._num_judged, self._num_heard - self._lookahead_frames)
        count = end - self._num_judged
        flags = [float(self._flag(frame)) for frame in range(self._num_judged, end)]
        levels, self._levels = self._levels[:count], self._levels[count:]
        self._num_judged = end
        return flags, levels


class LagOf(LateDetector):
    """Verdicts from flags, with the lag of another detector."""

    def __init__(self, frames_to_judge: Callable[[int], int], flags: str) -> None:
        self._frames_to_judge = frames_to_judge
        super().__init__(flags)

    def frames_to_judge(self, num_frames: int) -> int:
        return self._frames_to_judge(num_frames)

    def judge(self, *, is_last: bool = False) -> tuple[list[float], list[float]]:
        known = self._num_heard
        while known > self._num_judged and self._frames_to_judge(known) > self._num_heard:
            known -= 1
        self._lookahead_frames = self._num_heard - known
        return super().judge(is_last=is_last)


class Timed(NamedTuple):
    """An event, and how many frames had been heard when it came."""

    heard: int
    event: SpeechEvent


def events_of(segmenter: Segmenter, num_frames: int, most_at_once: int = 1) -> list[Timed]:
    heard, events = 0, []
    while heard < num_frames:
        count = min(most_at_once, segmenter.patience_frames, num_frames - heard)
        heard += count
        events += [Timed(heard, event) for event in segmenter.push(np.repeat(FRAMES, count, axis=0))]
    return events + [Timed(num_frames, event) for event in segmenter.finish("eof")]


def eager_events_of(flags: str) -> list[Timed]:
    endpointer = Endpointer(SETTINGS)
    events = [Timed(n, event) for n, flag in enumerate(flags, 1) for event in endpointer.push(float(flag == "1"), 0.0)]
    return events + [Timed(len(flags), event) for event in endpointer.finish("eof")]


@given(flags=FLAGS, lookahead=st.integers(0, 3))
def test_events_are_those_of_a_detector_that_is_asked_for_every_frame(flags: str, lookahead: int) -> None:
    events = events_of(Segmenter(SETTINGS, LateDetector(flags, lookahead)), len(flags))

    assert [event for _, event in events] == [event for _, event in eager_events_of(flags)]


@given(flags=FLAGS, lookahead=st.integers(0, 3))
def test_an_end_is_known_as_soon_as_it_can_be_and_an_onset_within_400_ms(flags: str, lookahead: int) -> None:
    flags += "0" * 40
    events = events_of(Segmenter(SETTINGS, LateDetector(flags, lookahead)), len(flags))

    for (heard, event), (soonest, _) in zip(events, eager_events_of(flags), strict=True):
        if isinstance(event, SpeechStarted):
            assert soonest <= heard <= max(event.start_frame + 20, soonest) + lookahead + 20
        elif isinstance(event, SpeechEnded):
            assert heard == max(soonest + lookahead, event.start_frame + 20 + 1)


def test_silence_is_judged_once_a_second() -> None:
    detector = LateDetector("0" * 500)

    events_of(Segmenter(SETTINGS, detector), 500)

    assert len(detector.judged_at) <= 11


def test_noise_that_sounds_like_speech_is_judged_two_or_three_times_a_second() -> None:
    detector = LateDetector("0" * 500, suspected="1" * 500)

    events_of(Segmenter(SETTINGS, detector), 500)

    assert len(detector.judged_at) <= 25


def test_speech_is_judged_once_a_hangover() -> None:
    detector = LateDetector("1" * 500)

    events_of(Segmenter(SETTINGS, detector), 500)

    assert len(detector.judged_at) <= 500 / 12 + 3


@given(flags=FLAGS, lookahead=st.integers(0, 3), most_at_once=st.sampled_from([2, 3, 1000]))
def test_frames_may_come_together_as_long_as_it_has_patience(flags: str, lookahead: int, most_at_once: int) -> None:
    one_by_one = events_of(Segmenter(SETTINGS, LateDetector(flags, lookahead)), len(flags))

    together = events_of(Segmenter(SETTINGS, LateDetector(flags, lookahead)), len(flags), most_at_once)

    assert together == one_by_one


@given(flags=FLAGS, lookahead=st.integers(0, 3))
def test_frames_wait_for_a_second_at_the_most(flags: str, lookahead: int) -> None:
    detector = LateDetector(flags, lookahead)
    segmenter = Segmenter(SETTINGS, detector)
    for heard in range(1, len(flags) + 1):
        segmenter.push(FRAMES)

        assert heard - detector.num_judged < segmenter.most_unjudged_frames == 50


@given(before=FLAGS, after=FLAGS)
def test_reset_is_as_good_as_new(before: str, after: str) -> None:
    detector = LateDetector(before)
    segmenter = Segmenter(SETTINGS, detector)
    events_of(segmenter, len(before))
    detector._flags = detector._suspected = after

    segmenter.reset()

    assert events_of(segmenter, len(after)) == events_of(Segmenter(SETTINGS, LateDetector(after)), len(after))


@pytest.mark.parametrize(("lookahead", "least", "usual"), [(0, 180, 240), (3, 240, 300)])
def test_the_time_to_a_label_follows_from_the_settings(lookahead: int, least: int, usual: int) -> None:
    assert latency_ms(SETTINGS, LateDetector("", lookahead).frames_to_judge) == {"least": least, "usual": usual}


@pytest.mark.parametrize("kind", ["default", "silero"])
def test_the_times_told_are_those_it_takes(kind: str, tmp_path: Path) -> None:
    """Of each detector, which may lag now two frames and now three: usual is the mean, least a long turn's best."""
    detector = (
        NetworkDetector(SETTINGS) if kind == "default" else SileroDetector(SETTINGS, write_silero(tmp_path / "x"))
    )
    told = latency_ms(SETTINGS, detector.frames_to_judge)
    waits_ms: dict[str, list[int]] = {"fluent": [], "long": []}
    for name, num_frames in (("fluent", 60), ("long", 410)):
        for later in range(8):  # until the parts of windows and frames come again
            flags = "0" * 30 + "1" * (num_frames + later) + "0" * 60
            lagging = LagOf(detector.frames_to_judge, flags)
            events = events_of(Segmenter(SETTINGS, lagging), len(flags))
            ends = [heard for heard, event in events if isinstance(event, SpeechEnded)]
            waits_ms[name].append(20 * (ends[0] - 30 - num_frames - later))

    assert told["usual"] == round(float(np.mean(waits_ms["fluent"])))
    assert told["least"] == min(waits_ms["long"])
