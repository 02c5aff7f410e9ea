"""What a machine says of its heat and its power, where it does."""

from pathlib import Path

import pytest

from streamer import machine


def zone(zones: Path, number: int, content: str) -> None:
    folder = zones / f"thermal_zone{number}"
    folder.mkdir()
    (folder / "temp").write_text(content, encoding="ascii")


def test_the_warmest_sensor_counts_and_those_asleep_do_not(tmp_path: Path) -> None:
    zone(tmp_path, 0, "41250\n")
    zone(tmp_path, 1, "52300\n")
    zone(tmp_path, 2, "")
    (tmp_path / "thermal_zone3" / "temp").mkdir(parents=True)  # can not be read

    assert machine.temperature(tmp_path) == 52.3


def test_there_may_be_no_sensor(tmp_path: Path) -> None:
    assert machine.temperature(tmp_path) is None
    assert machine.temperature(tmp_path / "missing") is None


def test_the_kernel_tells_of_throttling(tmp_path: Path) -> None:
    path = tmp_path / "get_throttled"
    path.write_text("50005\n", encoding="ascii")

    assert machine.throttled(path, "missing-command") == 0x50005


@pytest.mark.parametrize(
    ("said", "bits"), [("throttled=0x50000", 0x50000), ("throttled=0x0", 0), ("VCHI initialization failed", None)]
)
def test_else_the_command_does(tmp_path: Path, said: str, bits: int | None) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text(f'#!/bin/sh\n[ "$1" = get_throttled ] && echo "{said}"\n', encoding="ascii")
    command.chmod(0o755)

    assert machine.throttled(tmp_path / "missing", str(command)) == bits


def test_other_machines_have_neither(tmp_path: Path) -> None:
    assert machine.throttled(tmp_path / "missing", str(tmp_path / "vcgencmd")) is None
