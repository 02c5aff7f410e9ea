"""The sink of a device: samples go on coming while nobody reads the results."""

import threading
from collections import deque
from typing import Self

from streamer.sinks.record import Record
from streamer.sinks.sink import Sink

_CAPACITY = 1000
_STUCK_S = 2.0
"""Where no record could be written for so long, nobody reads."""

_DROP_ORDER = ("partial", "status", "gap", "utterance")


class Backlog:
    """Records that wait to be written, in their order and of bounded number."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        """Hold ``capacity`` records; of types that are never dropped, and come once a stream, any number beside."""
        self._capacity = capacity
        self._records: deque[Record] = deque()

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self._records)

    def push(self, record: Record) -> Record | None:
        """Add ``record`` as the last; return the one dropped for it, if any: the oldest of those missed least."""
        self._records.append(record)
        if len(self._records) <= self._capacity:
            return None
        place, dropped = min(enumerate(self._records), key=lambda entry: _rank(entry[1]))
        if _rank(dropped) == len(_DROP_ORDER):
            return None
        del self._records[place]
        return dropped

    def pop(self) -> Record:
        """Remove the oldest record and return it."""
        return self._records.popleft()


def _rank(record: Record) -> int:
    kind = record["type"]
    return _DROP_ORDER.index(kind) if kind in _DROP_ORDER else len(_DROP_ORDER)


class PatientSink:
    """Hands records to a thread that formats and writes them, so that only the end waits for a reader.

    Every record takes this way: whether a terminal, a pipe that others write to as well, or a worn memory card
    would block can not be asked before, and to hand over costs the main loop less than to format and write.
    """

    def __init__(self, sink: Sink, capacity: int = _CAPACITY) -> None:
        """Write to ``sink``, which nobody else uses, and let ``capacity`` records wait for it."""
        self._sink, self._backlog = sink, Backlog(capacity)
        self._changed = threading.Condition()  # of what the two threads share: all below, and the backlog
        self._num_taken = 0
        self._in_hand: Record | None = None  # of the thread
        self._is_closed = False
        self._error: BaseException | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._write_all, daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Write what waits, if somebody reads, and close the sink."""
        self._drain()
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            is_stuck = self._in_hand is not None
        if not is_stuck:
            self._thread.join()

    def write(self, record: Record) -> None:
        """Hand ``record`` over; ``end``, behind which nothing comes, is waited for.

        Raises:
            SinkError: An earlier record could not be written, or ``end``.
        """
        self._raise_error()
        with self._changed:
            if self._is_closed:
                self._count(record)
            elif dropped := self._backlog.push(record):
                self._count(dropped)
            self._changed.notify()
        if record["type"] == "end":
            self.finish()

    def check(self) -> None:
        """Raise a SinkError where a record could not be written, or the reader of a pipe has left."""
        self._raise_error()
        self._sink.check()

    def finish(self) -> None:
        """Wait until all is written, as long as somebody reads; what is not is counted as dropped.

        Raises:
            SinkError: A record could not be written.
        """
        self._drain()
        self._raise_error()

    def _drain(self) -> None:
        with self._changed:
            while (self._in_hand or self._backlog) and not self._is_closed:
                if not self._goes_on():
                    self._give_up()

    def _goes_on(self) -> bool:
        """Wait until the thread is done with a record; return False where it is stuck."""
        num_taken = self._num_taken
        return self._changed.wait_for(lambda: self._is_closed or self._num_taken > num_taken, _STUCK_S)

    def _give_up(self) -> None:
        self._is_closed = True
        if self._in_hand:
            self._count(self._in_hand)
        while self._backlog:
            self._count(self._backlog.pop())

    def _count(self, dropped: Record) -> None:
        self.dropped += self._sink.shows(dropped)

    def _raise_error(self) -> None:
        if self._error:
            raise self._error

    def _write_all(self) -> None:
        """Runs on a thread of its own."""
        try:
            while record := self._take():
                self._sink.write(record)
        except BaseException as error:  # raised again in the thread that hands over
            with self._changed:
                self._error = error
                self._in_hand, self._is_closed = None, True
                self._changed.notify()
        finally:
            self._sink.__exit__()  # here, since while this thread is stuck the descriptor must stay its own

    def _take(self) -> Record | None:
        """Return the next record as soon as there is one, None when all is closed."""
        with self._changed:
            self._in_hand = None
            self._num_taken += 1
            self._changed.notify()
            self._changed.wait_for(lambda: self._is_closed or self._backlog)
            if self._is_closed:
                return None
            self._in_hand = self._backlog.pop()
            return self._in_hand
