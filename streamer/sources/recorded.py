"""What files and pipes have in common: frames in, conditioned blocks out, and a clean break at bad samples."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from streamer.errors import StreamBrokenError
from streamer.sources.base import AudioBlock
from streamer.sources.conditioner import Conditioner
from streamer.sources.pcm import num_finite_frames


def condition(name: str, frames_by_block: Iterator[NDArray[Any]], conditioner: Conditioner) -> Iterator[AudioBlock]:
    """Yield the blocks that the frames make, also those before an error.

    Raises:
        StreamBrokenError: A sample is not a finite number, or ``frames_by_block`` raised it.
    """
    num_before = 0
    error: StreamBrokenError | None = None
    try:
        for frames in frames_by_block:
            num_good = num_finite_frames(frames)
            yield AudioBlock(conditioner.push(frames[:num_good]))
            if num_good < len(frames):
                position = num_before + num_good
                error = StreamBrokenError(f"{name}: sample {position} is NaN or infinite; expected -1 to 1")
                break
            num_before += len(frames)
    except StreamBrokenError as raised:
        error = raised
    yield AudioBlock(conditioner.finish())
    if error:
        raise error
