"""The unit that is written, what is refused before, and what systemctl is asked for."""

import os
import re
import socket
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer import service
from streamer.cli import main
from streamer.service import STATE, UNIT, Program, Scope, quoted

RUNNING = """\
FragmentPath=
ActiveState=active
SubState=running
StateChangeTimestamp=Sat 2026-11-28 12:00:00 UTC
StatusText=   60.000 s  4 utterances
ExecMainStatus=0
NRestarts=2
"""


class Machine:
    """Folders in the place of the system's, a systemctl that writes down what it is asked for, and an interpreter."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.units, self.homes, self.opt = folder / "units", folder / "home", folder / "opt"
        self.config, self.runtimes, self.linger = folder / "config", folder / "run", folder / "linger"
        self._asked, self._answers = folder / "asked", folder / "answers"
        for made in (self.units, self.homes, self.opt, self.config, self.runtimes, self.linger, self._answers):
            made.mkdir()
        may = service._may  # of the folders that pytest keeps to itself it shall not speak
        ours = (folder, *folder.parents)
        monkeypatch.setattr(service, "_may", lambda path, wanted: path in ours or may(path, wanted))
        (self._answers / "show").write_text(RUNNING)
        script(folder / "bin" / "systemctl", f'echo "$@" >>{self._asked}; shift 2; [ ! -e {self._answers}/$1.no ] ||'
               f" {{ echo 'it says no' >&2; exit 1; }}; cat {self._answers}/$1 2>/dev/null || true")  # fmt: skip
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(self.config))
        monkeypatch.delenv("SUDO_UID", raising=False)
        monkeypatch.setattr(service, "_SYSTEMD", folder)
        monkeypatch.setattr(service, "_SYSTEM_UNITS", self.units)
        monkeypatch.setattr(service, "_RUNTIMES", self.runtimes)
        monkeypatch.setattr(service, "_LINGER", self.linger)
        monkeypatch.setattr(service, "_HOMES", (self.homes,))
        monkeypatch.setattr(service, "_PRIVATE", (self.homes, Path("/var/tmp")))
        self.run_by(0)
        self.made_of(self.opt)

    def run_by(self, user_id: int) -> None:
        self._monkeypatch.setattr(os, "geteuid", lambda: user_id)

    def made_of(self, *folders: Path) -> None:
        interpreter = folders[0] / "python"
        script(interpreter, "exit 0")
        self._monkeypatch.setattr(Program, "present", lambda: Program(interpreter, folders))

    def answer(self, verb: str, text: str) -> None:
        (self._answers / verb).write_text(text)

    def refuse(self, verb: str) -> None:
        (self._answers / f"{verb}.no").touch()

    def asked(self) -> list[str]:
        """Return what systemctl was asked for, but for questions."""
        lines = self._asked.read_text().splitlines() if self._asked.exists() else []
        return [line.replace(" --no-pager", "") for line in lines if " show " not in line]

    def serve_audio(self, user_id: int) -> None:
        folder = self.runtimes / str(user_id)
        folder.mkdir()
        cwd = Path.cwd()
        os.chdir(folder)  # the name of a socket must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("pipewire-0")
        os.chdir(cwd)

    @property
    def unit(self) -> str:
        return (self.units / UNIT).read_text()


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def install(*arguments: str, scope: str = "--system") -> int:
    return main(["service", "install", scope, "--", *arguments])


def words(line: str) -> list[bytes]:
    """Return the words of a command line in a unit, as systemd.syntax(7), systemd.service(5) have it."""
    assert line.isprintable()
    found = re.findall(r'"((?:[^"\\]|\\.)*)"(?: |$)', line)
    assert " ".join(f'"{word}"' for word in found) == line
    return [unescaped(word) for word in found]


def unescaped(word: str) -> bytes:
    content = b""
    for part in re.findall(r"\\x[0-9a-f]{2}|\\[\\\"]|%%|[^\\\"%]", word):
        if part.startswith("\\x"):
            content += bytes([int(part[2:], 16)])
        else:
            content += (part[-1] if part[0] in "\\%" else part).encode()
    return content


@given(st.lists(st.binary(max_size=8).map(lambda content: os.fsdecode(content.replace(b"\0", b""))), max_size=4))
@example(['a "b" c', "100%h", "$HOME", "\\", ";", "", "it's", "\n", "\udcff", "ümläut\ufffe"])
def test_arguments_are_quoted_so_that_systemd_reads_them_back(arguments: list[str]) -> None:
    line = " ".join(map(quoted, arguments))

    assert words(line) == [os.fsencode(argument) for argument in arguments]


def test_install_writes_a_unit_and_starts_it(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    assert install("-d", "USB $1 100%") == 0

    assert machine.asked() == ["--system daemon-reload", f"--system enable {UNIT}", f"--system restart {UNIT}"]
    (command,) = re.findall("^ExecStart=(.*)$", machine.unit, re.MULTILINE)
    expected = [f":{machine.opt}/python", "-P", "-m", "streamer", "run", "-d", "USB $1 100%", "-o", "text"]
    expected += ["--on-device-loss", "wait"]
    assert words(command) == [word.encode() for word in expected]
    assert stat.S_IMODE((machine.units / UNIT).stat().st_mode) == 0o644
    out, err = capfd.readouterr()
    assert out.startswith(f"{machine.units / UNIT}: written, enabled and started\n")
    assert "active (running) since Sat" in out
    assert err == ""


def test_outputs_that_are_named_are_the_only_ones(machine: Machine) -> None:
    assert install("-o", "jsonl") == 0

    assert '"run" "-o" "jsonl" "--on-device-loss" "wait"\n' in machine.unit
    assert '"text"' not in machine.unit


def test_what_lies_in_a_home_is_shown_to_the_service_and_nothing_else_of_it(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = machine.homes / "pat" / ".venv"
    environment.mkdir(parents=True)
    environment.parent.chmod(0o700)
    model = environment.parent / "mine.onnx"
    model.touch(0o644)
    machine.made_of(environment, machine.opt)

    assert install("--model", str(model)) == 0

    lines = machine.unit.splitlines()
    assert "ProtectHome=tmpfs" in lines
    shown = [line for line in lines if line.startswith("BindReadOnlyPaths=")]
    assert shown == [f'BindReadOnlyPaths="{environment}"', f'BindReadOnlyPaths="{model}"']
    assert f"of the homes it sees only, to read: {environment};" in capfd.readouterr().out


def test_homes_are_out_of_sight_where_nothing_is_needed_of_them(machine: Machine) -> None:
    assert install() == 0

    assert "ProtectHome=yes" in machine.unit.splitlines()


def test_folders_of_outputs_are_writable_but_for_the_one_that_is_anyway(machine: Machine) -> None:
    folder = machine.opt / "a 100% place"
    folder.mkdir()
    folder.chmod(0o1777)

    assert install("-o", f"jsonl:{folder}/a", "-o", f"csv:{folder}/b", "-o", f"text:{STATE}/c") == 0

    written = [line for line in machine.unit.splitlines() if line.startswith("ReadWritePaths")]
    assert written == [f'ReadWritePaths="{machine.opt}/a 100%% place"']


def test_a_user_s_unit_has_nothing_that_needs_root(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.run_by(1000)

    assert install(scope="--user") == 0

    unit = (machine.config / "systemd" / "user" / UNIT).read_text()
    assert "WantedBy=default.target" in unit
    assert not re.search("DynamicUser|PrivateNetwork|ProtectHome|DeviceAllow|CapabilityBoundingSet", unit)
    assert machine.asked()[0] == "--user daemon-reload"
    assert "sudo loginctl enable-linger" in capfd.readouterr().out


def test_who_lingers_is_not_told_of_it(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "pat")
    (machine.linger / "pat").touch()

    assert install(scope="--user") == 0

    assert "loginctl" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("user_id", "has_audio", "expected"), [(1000, True, "user"), (0, True, "system"), (0, False, "system")]
)
def test_an_audio_server_of_the_user_s_decides_where_it_runs(
    machine: Machine, user_id: int, has_audio: bool, expected: str
) -> None:
    machine.run_by(user_id)
    if has_audio:
        machine.serve_audio(user_id)

    assert main(["service", "install"]) == 0

    assert machine.asked()[0] == f"--{expected} daemon-reload"


def test_root_is_told_of_an_audio_server_that_keeps_the_microphone(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.serve_audio(1000)
    monkeypatch.setenv("SUDO_UID", "1000")

    assert install() == 0

    assert "--user without sudo" in capfd.readouterr().out


def refused(capfd: pytest.CaptureFixture[str], machine: Machine) -> str:
    """Return the line that tells why nothing was done."""
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("emotion-streamer: ")
    assert err.count("\n") == 1
    assert machine.asked() == []
    return err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-i -", "listens to a microphone, got -i -"),
        ("-i a.wav", "listens to a microphone, got -i a.wav"),
        (
            "--record-session /var/tmp/s",
            "a session is of one run, and a service is started again and again: no --record-",
        ),
        ("-o xml", "expected FORMAT or FORMAT:PATH"),
        ("--learn", "--learn goes with --profile"),
        ("--no-such-option", "unrecognized arguments: --no-such-option"),
        ("-o jsonl:a.jsonl", "a.jsonl: a service runs in another folder: give the path from / on"),
        ("--model a.onnx", "a.onnx: a service runs in another folder"),
        ("--config /no/such.toml", "/no/such.toml: can not be read"),
        ("--model /no/such.onnx", "/no/such.onnx: no such file"),
        ("-o jsonl:/var/tmp/a.jsonl", f"give {STATE}/a.jsonl"),
        ("-o jsonl:/etc/a.jsonl", "/etc: no folder that the service's own user may write to"),
        ("-o jsonl:/no/such/a.jsonl", "/no/such: no folder that the service's own user may write to"),
        ("-o jsonl:/a\tb", "a path that a unit can not name"),
    ],
)
def test_arguments_that_can_not_run_as_a_service_are_refused(
    machine: Machine, capfd: pytest.CaptureFixture[str], arguments: str, expected: str
) -> None:
    assert install(*arguments.split(" ")) == 2

    assert expected in refused(capfd, machine)
    assert not list(machine.units.iterdir())


def test_an_environment_that_the_service_could_not_read_is_refused(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    closed = machine.opt / "closed"
    (closed / "venv").mkdir(parents=True)
    machine.made_of(closed / "venv")
    closed.chmod(0o700)
    assert install() == 2
    assert f"{closed}: a system service runs as a user of its own" in refused(capfd, machine)

    closed.chmod(0o755)
    (closed / "venv").chmod(0o700)
    assert install() == 2
    assert f"{closed}/venv: a system service runs as a user of its own" in refused(capfd, machine)


def test_a_profile_that_is_kept_up_to_date_must_lie_where_it_can_be(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = machine.homes / "me.json"
    profile.touch(0o644)

    assert install("--profile", str(profile), "--learn") == 2

    assert f"give {STATE}/me.json" in refused(capfd, machine)


def test_settings_in_a_file_count_and_those_of_this_shell_do_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = machine.opt / "settings.toml"
    config.write_text("output = ['jsonl']\non_device_loss = 'quit'\n")
    monkeypatch.setenv("EMOTION_STREAMER_INPUT", "a.wav")

    assert install("--config", str(config)) == 0

    assert f'"run" "--config" "{config}"\n' in machine.unit


def test_settings_in_a_home_are_refused_since_a_reload_would_miss_their_change(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    config = machine.homes / "settings.toml"
    config.touch(0o644)

    assert install("--config", str(config)) == 2

    assert "give another, as in /etc" in refused(capfd, machine)


def test_an_environment_without_the_package_is_refused(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    script(machine.opt / "python", "exit 1")

    assert install() == 2

    assert "emotion-streamer is not installed there" in refused(capfd, machine)


def test_only_root_installs_for_the_system(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.run_by(1000)

    assert install() == 2

    assert "only root may change the system's services: sudo " in refused(capfd, machine)


def test_without_systemd_nothing_is_done(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_SYSTEMD", Path("/no/such"))

    assert install() == 2

    assert "no systemd runs here" in refused(capfd, machine)


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_unit_of_somebody_else_is_left_alone(
    machine: Machine, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    (machine.units / UNIT).write_text("[Service]\nExecStart=/bin/true\n")

    assert main(["service", command, "--system"]) == 2

    assert f"{machine.units / UNIT}: a service of this name that" in refused(capfd, machine)
    assert machine.unit.endswith("true\n")


def test_a_unit_of_a_package_is_not_hidden(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.answer("show", f"FragmentPath=/lib/systemd/system/{UNIT}\n")

    assert install() == 2

    assert f"/lib/systemd/system/{UNIT}: a service of this name that" in refused(capfd, machine)


def test_a_unit_that_can_not_be_written_is_told(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_SYSTEM_UNITS", machine.opt / "python")

    assert install() == 2

    assert "can not be written (File exists)" in refused(capfd, machine)


def test_a_half_written_unit_is_taken_away(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)

    assert install() == 2
    assert not list(machine.units.iterdir())


def test_a_service_that_does_not_start_is_told(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.refuse("restart")

    assert install() == 1

    assert "it does not start: see `journalctl --system -u emotion-streamer -n 20`" in capfd.readouterr().err


def test_what_systemctl_refuses_is_told(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.refuse("enable")

    assert install() == 1

    assert capfd.readouterr().err == f"emotion-streamer: systemctl enable {UNIT}: it says no\n"


def test_a_systemctl_that_is_missing_is_told(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.opt))

    assert install() == 1

    assert "systemctl can not be started (No such file or directory)" in capfd.readouterr().err


def test_uninstall_stops_and_removes(
    machine: Machine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STATE", machine.opt)
    assert install() == 0
    capfd.readouterr()

    assert main(["service", "uninstall"]) == 0

    assert not list(machine.units.iterdir())
    assert machine.asked()[3:] == [
        f"--system disable --now {UNIT}",
        "--system daemon-reload",
        f"--system reset-failed {UNIT}",
    ]
    assert capfd.readouterr().out == f"{machine.units / UNIT}: stopped and removed\n{machine.opt}: kept\n"


@pytest.mark.parametrize("command", ["uninstall", "status"])
def test_what_is_not_installed_is_told(machine: Machine, capfd: pytest.CaptureFixture[str], command: str) -> None:
    assert main(["service", command]) == 2

    assert "no service is installed" in refused(capfd, machine)


def test_of_two_services_one_must_be_said(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    assert install() == 0
    assert install(scope="--user") == 0
    machine.answer("show", RUNNING)
    capfd.readouterr()

    assert main(["service", "status"]) == 2
    assert "say --system or --user" in capfd.readouterr().err
    assert main(["service", "status", "--user"]) == 0
    assert capfd.readouterr().out.startswith(f"installed: {Scope.USER.unit_path}\n")


def test_status_tells_that_it_runs(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    assert install() == 0
    machine.answer("show", RUNNING)
    capfd.readouterr()

    assert main(["service", "status"]) == 0

    assert capfd.readouterr().out.splitlines() == [
        f"installed: {machine.units / UNIT}",
        "active (running) since Sat 2026-11-28 12:00:00 UTC, 2 restarts",
        "last status:    60.000 s  4 utterances",
    ]


def test_status_tells_that_it_does_not_run(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    assert install() == 0
    values = {"ActiveState": "failed", "SubState": "failed", "StateChangeTimestamp": "", "StatusText": ""}
    values |= {"ExecMainStatus": "4", "NRestarts": "0"}
    machine.answer("show", "".join(f"{name}={value}\n" for name, value in values.items()))
    capfd.readouterr()

    assert main(["service", "status"]) == 1

    assert capfd.readouterr().out.splitlines()[1] == "failed (failed), last exit code 4, 0 restarts"


def test_the_program_is_found_whole() -> None:
    program = Program.present()

    assert any(Path(service.__file__).is_relative_to(folder) for folder in program.folders)
    assert not any(one in other.parents for one in program.folders for other in program.folders)


def test_an_interpreter_brings_the_installations_that_it_is_linked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are named by way of a folder that is a link itself."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "python-3.12.1" / "bin").mkdir(parents=True)
    script(tmp_path / "python-3.12.1" / "bin" / "python", "exit 0")
    (tmp_path / "python-3.12").symlink_to("python-3.12.1")
    (tmp_path / "venv" / "bin" / "python3").symlink_to(tmp_path / "python-3.12" / "bin" / "python")
    (tmp_path / "venv" / "bin" / "python").symlink_to("python3")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))

    assert {tmp_path / "venv", tmp_path / "python-3.12"} <= set(Program.present().folders)
