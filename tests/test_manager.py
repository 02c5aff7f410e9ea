"""What the service manager is told, through a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FixedClock

from streamer.sinks.manager import Manager, ManagerSink

START = {
    "type": "start",
    "version": "0.1.0",
    "model": {"name": "toy"},
    "source": {"kind": "microphone", "device": {"name": "a\nb"}},
}
COUNTS = {"end_s": 60.0, "utterances": 1, "gaps": 0, "overflows": 0, "dropped": 0}
STATUS = {"type": "status", **COUNTS, "faults": [], "detail": "", "level_dbfs": -40.0, "health": "ok"}
MINE = str(os.getpid())


class Listener:
    """The manager's end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0"))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def heard(self) -> list[str]:
        """Return the messages since the last call."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(str(tmp_path / "notify") if request.param == "path" else f"@emotion-streamer-test-{MINE}")
    yield listener
    listener.close()


def sink_for(listener: Listener, clock: FixedClock | None = None, **environment: str) -> ManagerSink:
    return ManagerSink(Manager({"NOTIFY_SOCKET": listener.address, **environment}), clock or FixedClock())


def end(reason: str) -> dict[str, Any]:
    return {"type": "end", **COUNTS, "reason": reason}


def test_it_is_ready_when_the_stream_begins(listener: Listener) -> None:
    sink_for(listener).write(START)

    assert listener.heard() == ["READY=1\nSTATUS=listening to a\\nb with toy (emotion-streamer 0.1.0)"]


def test_status_is_told_in_one_line(listener: Listener) -> None:
    sink_for(listener).write(STATUS)

    (heard,) = listener.heard()
    assert heard.startswith("STATUS=60.000 s  1 utterances, 0 gaps")
    assert "\n" not in heard


@pytest.mark.parametrize("reason", ["signal", "device_lost", "eof"])
def test_the_end_is_told(listener: Listener, reason: str) -> None:
    sink_for(listener).write(end(reason))

    assert listener.heard() == [
        f"STOPPING=1\nSTATUS=60.000 s  1 utterances, 0 gaps, 0 overflows; ended: {reason}",
    ]


def test_an_end_to_begin_anew_is_told_as_such_with_its_time(listener: Listener) -> None:
    sink_for(listener).write(end("reload"))

    (heard,) = listener.heard()
    assert heard.startswith("RELOADING=1\nMONOTONIC_USEC=1000000000\nSTATUS=")


@pytest.mark.parametrize("kind", ["utterance", "partial", "gap"])
def test_nothing_is_told_of_what_was_said(listener: Listener, kind: str) -> None:
    speech = {"start_s": 0.0, "end_s": 1.0, "label": "anger", "probs": {"anger": 1.0}}
    sink = sink_for(listener)

    sink.write({"type": kind, **speech, "lost_samples": 1, "reason": "ring_overflow"})
    sink.finish()

    assert listener.heard() == []


@pytest.mark.parametrize("process", [{}, {"WATCHDOG_PID": MINE}], ids=["anybody", "us"])
def test_the_watchdog_hears_of_what_flows_at_most_every_third_of_its_time(
    listener: Listener, process: dict[str, str]
) -> None:
    clock = FixedClock()
    sink = sink_for(listener, clock, WATCHDOG_USEC="30000000", **process)
    told = []
    for passed_s in (0, 9.9, 10, 10.1, 19.9, 20.5, 30.4, 100):
        clock.passed_s = passed_s
        sink.check()
        told.append(listener.heard())

    assert told == [[], [], ["WATCHDOG=1"], [], [], ["WATCHDOG=1"], [], ["WATCHDOG=1"]]


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "3", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}],
    ids=["none", "of another process", "off", "nonsense"],
)
def test_without_a_watchdog_nothing_is_told(listener: Listener, environment: dict[str, str]) -> None:
    clock = FixedClock()
    sink = sink_for(listener, clock, **environment)
    clock.passed_s = 1e6
    sink.check()

    assert listener.heard() == []


@pytest.mark.parametrize("address", ["/nowhere/notify", f"@nobody-{MINE}", ""], ids=["path", "abstract", "empty"])
def test_a_manager_that_does_not_listen_is_no_trouble(address: str) -> None:
    sink = ManagerSink(Manager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3"}))

    sink.write(START)
    sink.check()
    sink.write(end("signal"))


def test_it_is_taken_from_the_environment_and_kept_for_who_takes_our_place() -> None:
    told = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": MINE}
    environment = {**told, "HOME": "/"}

    manager = Manager.taken_from(environment)

    assert manager
    assert environment == {"HOME": "/"}
    assert manager.environment == told
    assert manager.watchdog_s == 30


@pytest.mark.parametrize(
    ("environment", "is_managed"),
    [
        ({}, False),
        ({"NOTIFY_SOCKET": ""}, False),
        ({"INVOCATION_ID": "0" * 32, "SYSTEMD_EXEC_PID": "1"}, False),
        ({"SYSTEMD_EXEC_PID": MINE}, True),
        ({"NOTIFY_SOCKET": "@a"}, True),
    ],
    ids=["shell", "empty", "a terminal that is a service", "Type=exec", "Type=notify"],
)
def test_a_manager_is_who_started_this_process(environment: dict[str, str], is_managed: bool) -> None:
    assert (Manager.taken_from(environment) is not None) is is_managed
