"""The service under a real systemd, in a container: it hears, comes back, is reloaded and stopped."""

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from booted import Booted, booted, install_into
from command import ROOT

from streamer.cli import main
from streamer.service import STATE, UNIT, Program, Run, Scope, quoted, unit_text

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a container"),
    pytest.mark.skipif(not shutil.which("systemd-nspawn"), reason="no systemd-nspawn: apt install systemd-container"),
]
ENVIRONMENT = Path("/home/pat/an odd place, 100% $HOME/environment")
"""Inside, where only Pat may look."""
PROGRAM = [str(ENVIRONMENT / "bin" / "python"), "-m", "streamer", "service"]
PULSE = Path("/run/vmic/socket")
PAT = 4242
STRANGE = 'it\'s "%h" $HOME \\x41;'
"""A name, to be handed on as it is."""
WAIT_S = 60


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """Give a booted container with the package in somebody's home, and a virtual microphone."""
    with booted(tmp_path_factory.mktemp("machine")) as machine:
        home = machine.root / "home" / "pat"
        install_into(machine.root / ENVIRONMENT.relative_to("/"), home)
        shutil.copytree(ROOT / "tests" / "system", machine.root / "opt" / "system")
        shutil.copyfile(ROOT / "streamer" / "demonstration.flac", machine.root / "opt" / "speech.flac")
        client = machine.root / "etc" / "pulse" / "client.conf.d" / "vmic.conf"
        client.parent.mkdir(parents=True, exist_ok=True)
        client.write_text(f"default-server = unix:{PULSE}\nautospawn = no\n")
        oneshot = ["--property=Type=oneshot", "--property=RemainAfterExit=yes"]
        machine.run("systemd-run", "--unit=vmic", *oneshot, "/opt/system/virtual_mic.sh", "start", PULSE.parent)
        machine.run("chmod", "755", PULSE.parent)
        yield machine


@pytest.fixture
def service(machine: Booted) -> Iterator[Booted]:
    """Give the container with the service installed, and running."""
    machine.run(*PROGRAM, "install", "--", "-o", "jsonl", "-o", f"csv:{STATE}/emotions.csv")
    yield machine
    machine.run(*PROGRAM, "uninstall")


def shown(machine: Booted, *names: str) -> list[str]:
    values = machine.run("systemctl", "show", UNIT, f"--property={','.join(names)}").stdout
    found = dict(line.partition("=")[::2] for line in values.splitlines())
    return [found[name] for name in names]


def wait_until(condition: Callable[[], bool], machine: Booted) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(machine.run("journalctl", "-u", UNIT, "-n", "50", "--no-pager", check=False).stdout)
        time.sleep(0.2)


def journal(machine: Booted, process: str) -> list[dict[str, object]]:
    """Return the events that the process numbered ``process`` inside printed."""
    machine.run("journalctl", "--sync")
    lines = machine.run("journalctl", f"_PID={process}", "-t", "emotion-streamer", "-o", "cat").stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def first_event(machine: Booted) -> dict[str, object]:
    """Return what the service printed first, which it may do a little after it said that it is ready."""
    process = main_process(machine)
    wait_until(lambda: bool(journal(machine, process)), machine)
    return journal(machine, process)[0]


def partials_of(start: dict[str, object]) -> bool:
    assert isinstance(start["settings"], dict)
    return bool(start["settings"]["partials"])


def main_process(machine: Booted) -> str:
    return shown(machine, "MainPID")[0]


def play(machine: Booted) -> None:
    machine.run("paplay", f"--server=unix:{PULSE}", "--device=vmic_sink", "/opt/speech.flac")


def test_it_hears_and_says_so(service: Booted) -> None:
    process = main_process(service)
    play(service)
    time.sleep(2)
    status = service.run(*PROGRAM, "status").stdout.splitlines()

    assert shown(service, "ActiveState", "NotifyAccess") == ["active", "main"]
    events = journal(service, process)
    assert [event["type"] for event in events[:2]] == ["start", "utterance"]
    assert status[0] == f"installed: {Scope.SYSTEM.unit_path}"
    assert status[1].startswith("active (running) since ")
    assert status[2].startswith("last status: listening to default with ")
    table = service.root / "var/lib/private/emotion-streamer/emotions.csv"
    assert len(table.read_text().splitlines()) == len(events)
    assert table.stat().st_uid not in (0, PAT)


def test_a_stop_is_clean(service: Booted) -> None:
    process = main_process(service)

    service.run("systemctl", "stop", UNIT)

    assert shown(service, "Result", "ExecMainStatus", "ActiveState") == ["success", "0", "inactive"]
    end = journal(service, process)[-1]
    assert (end["type"], end["reason"]) == ("end", "signal")
    assert service.run(*PROGRAM, "status", check=False).returncode == 1


def test_killed_it_comes_back(service: Booted) -> None:
    process = main_process(service)

    service.run("kill", "-KILL", process)

    wait_until(lambda: shown(service, "ActiveState", "NRestarts") == ["active", "1"], service)
    assert first_event(service)["type"] == "start"


def test_stuck_it_is_begun_again_by_the_watchdog(service: Booted) -> None:
    """And one that is not stuck lives longer than the watchdog waits."""
    drop_in = service.root / f"etc/systemd/system/{UNIT}.d/watchdog.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=3\n")
    service.run("systemctl", "daemon-reload")
    service.run("systemctl", "restart", UNIT)
    process = main_process(service)
    time.sleep(8)
    assert shown(service, "MainPID", "NRestarts") == [process, "0"]

    service.run("kill", "-STOP", process)

    wait_until(lambda: shown(service, "ActiveState", "NRestarts") == ["active", "1"], service)
    assert "Watchdog timeout" in service.run("journalctl", "-u", UNIT, "-n", "50").stdout
    shutil.rmtree(drop_in.parent)


def test_a_reload_begins_anew_in_the_same_process(service: Booted) -> None:
    """With what the file of settings says by then."""
    config = service.root / "etc" / "emotion-streamer.toml"
    config.write_text("partials = false\n")
    config.chmod(0o644)
    service.run(*PROGRAM, "install", "--", "-o", "jsonl", "--config", "/etc/emotion-streamer.toml")
    process = main_process(service)

    config.write_text("partials = true\n")
    service.run("systemctl", "reload", UNIT)

    def types() -> list[object]:
        return [event["type"] for event in journal(service, process)]

    wait_until(lambda: types() == ["start", "end", "start"], service)
    wait_until(lambda: shown(service, "ActiveState") == ["active"], service)
    before, end, after = journal(service, process)
    assert end["reason"] == "reload"
    assert [partials_of(start) for start in (before, after)] == [False, True]
    assert shown(service, "MainPID", "NRestarts") == [process, "0"]
    service.run("systemctl", "reload", UNIT)
    wait_until(lambda: types() == ["start", "end"] * 2 + ["start"], service)
    service.run("systemctl", "stop", UNIT)
    assert shown(service, "Result") == ["success"]


def test_a_microphone_that_is_not_there_is_waited_for(machine: Booted) -> None:
    machine.run(*PROGRAM, "install", "--", "-d", "no such microphone")

    wait_until(lambda: "device_lost (no capture device" in machine.run(*PROGRAM, "status").stdout, machine)
    machine.run("systemctl", "stop", UNIT)
    assert shown(machine, "Result") == ["success"]
    machine.run(*PROGRAM, "uninstall")


def test_what_does_not_go_away_by_itself_is_not_tried_again(machine: Booted) -> None:
    nothing = machine.root / "opt" / "nothing.onnx"
    nothing.write_bytes(b"nothing")
    nothing.chmod(0o644)

    done = machine.run(*PROGRAM, "install", "--", "--model", "/opt/nothing.onnx", check=False)

    assert done.returncode == 1
    assert "does not start" in done.stderr
    time.sleep(3)
    assert shown(machine, "ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "4", "0"]
    machine.run(*PROGRAM, "uninstall")


def test_arguments_arrive_as_they_were_given(machine: Booted) -> None:
    """And the folder outside of the service's own, too."""
    folder = machine.root / "srv" / STRANGE
    folder.mkdir()
    folder.chmod(0o1777)
    paths = [STATE / STRANGE, Path("/srv") / STRANGE / "a.jsonl"]

    machine.run(*PROGRAM, "install", "--", *(f"-ojsonl:{path}" for path in paths))
    machine.run(*PROGRAM, "uninstall")

    own = machine.root / "var/lib/private/emotion-streamer" / STRANGE
    assert own.read_text() == (folder / "a.jsonl").read_text()
    assert '"reason":"signal"' in own.read_text()


def test_systemd_reads_back_what_is_quoted(machine: Booted) -> None:
    given = [
        STRANGE,
        "",
        " ",
        ";",
        "$$",
        "${HOME}",
        "%%",
        "\\",
        "\n",
        "\x7f",
        "\udcff",
        "ümläut",
        "\ufffe",
        "'",
        '"',
        "-",
    ]
    command = " ".join(map(quoted, [":/usr/bin/printf", "%s\\0", *given]))
    unit = machine.root / "etc/systemd/system/echo.service"
    unit.write_text(f"[Service]\nType=oneshot\nStandardOutput=file:/opt/said\nExecStart={command}\n")

    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "echo.service")

    said = (machine.root / "opt" / "said").read_bytes()
    assert [os.fsdecode(word) for word in said.split(b"\0")[:-1]] == given


def test_installed_again_it_runs_with_the_other_arguments(service: Booted) -> None:
    service.run(*PROGRAM, "install", "--", "-o", "jsonl", "--partials")

    assert partials_of(first_event(service))


def test_a_unit_of_somebody_else_is_left_alone(machine: Booted) -> None:
    unit = machine.root / Scope.SYSTEM.unit_path.relative_to("/")
    unit.write_text("[Service]\nExecStart=/bin/true\n")

    done = machine.run(*PROGRAM, "install", check=False)

    assert done.returncode == 2
    assert "did not write" in done.stderr
    unit.unlink()
    machine.run("systemctl", "daemon-reload")


def test_a_user_has_a_service_of_their_own(machine: Booted) -> None:
    """Where an audio server of theirs runs, without being asked for."""
    machine.run("useradd", "--uid", str(PAT), "--no-create-home", "pat")
    machine.run("chmod", "711", "/root", "/home/pat")  # the interpreter may lie below
    machine.run("chown", "pat:", "/home/pat")
    machine.run("loginctl", "enable-linger", "pat")
    wait_until(lambda: machine.run("systemctl", "is-active", f"user@{PAT}", check=False).returncode == 0, machine)
    runtime = f"/run/user/{PAT}"
    machine.run("mkdir", "-p", f"{runtime}/pulse")
    machine.run("ln", "-sf", PULSE, f"{runtime}/pulse/native")

    def as_pat(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        user = ["setpriv", f"--reuid={PAT}", f"--regid={PAT}", "--clear-groups"]
        return machine.run(*user, "env", "HOME=/home/pat", f"XDG_RUNTIME_DIR={runtime}", *command, check=check)

    done = as_pat(*PROGRAM, "install")
    status = as_pat(*PROGRAM, "status")
    removed = as_pat(*PROGRAM, "uninstall")

    assert done.stdout.startswith(f"/home/pat/.config/systemd/user/{UNIT}: written")
    assert "loginctl" not in done.stdout, "it lingers already"
    assert "active (running)" in status.stdout
    assert "removed" in removed.stdout
    assert as_pat(*PROGRAM, "status", check=False).returncode == 2


def test_the_unit_is_in_order_and_exposes_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units: list[str] = []

    def write(scope: Scope, run: Run) -> int:
        units.append(unit_text(scope, Program.present(), run))
        return 0

    monkeypatch.setattr("streamer.service.install", write)
    assert main(["service", "install", "--system", "--", "-d", STRANGE]) == 0
    path = tmp_path / UNIT
    path.write_text(units[0])

    verified = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=30", path], capture_output=True, check=False
    )

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", ""), shlex.join(units)
    assert judged.returncode == 0, judged.stdout.decode()
