"""A service of systemd that runs ``emotion-streamer run``: its unit, written, removed and asked about."""

import contextlib
import getpass
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from streamer.commands import RunSettings
from streamer.errors import ServiceError, SettingsError
from streamer.sinks.lines import LineWriter, escaped

NAME = "emotion-streamer"
UNIT = f"{NAME}.service"
STATE = Path("/var/lib") / NAME
"""The folder of a system service, its own to write to."""

_MARK = "# Written by `emotion-streamer service install`, which replaces it; `systemctl edit` adds to it."
_SYSTEM_UNITS = Path("/etc/systemd/system")
_SYSTEMD = Path("/run/systemd/system")
_LINGER = Path("/var/lib/systemd/linger")
_RUNTIMES = Path("/run/user")
_AUDIO_SERVERS = ("pipewire-0", "pulse/native")
"""Sockets, below the runtime folder of a user."""
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome= hides."""
_PRIVATE = (*_HOMES, Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - named, not written to
"""Where a system service does not find what others put there."""
_ESCAPES = {'"': '\\"', "\\": "\\\\", "%": "%%"}
_PACKAGE = Path(__file__).parent

_UNIT = """\
{mark}
[Unit]
Description=Live speech emotion from the microphone
After={after}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={folder}
SyslogIdentifier=emotion-streamer
# A microphone that is gone, an audio system that hangs (75), a loop that is stuck: begun again until it works.
# A wrong option, output or model (2, 4) does not go away by itself. 143: stopped before it listened.
Restart=always
RestartSec=2
RestartPreventExitStatus=2 4
SuccessExitStatus=143
WatchdogSec=30
TimeoutStopSec=15
# What was heard must not get into a core dump.
LimitCORE=0
UMask=0077
MemoryMax=256M
TasksMax=64

NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
# No MemoryDenyWriteExecute=: PortAudio's callback, made by cffi, is written into memory and executed.
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
{more}
[Install]
WantedBy={target}
"""
_SYSTEM_ONLY = """\

# A user of its own that may do nothing but hear ALSA's devices and write to /var/lib/emotion-streamer.
# No PrivateIPC=, by which dsnoop shares a microphone; no ProcSubset=, since onnxruntime reads /proc/cpuinfo.
DynamicUser=yes
SupplementaryGroups=audio
StateDirectory=emotion-streamer
DevicePolicy=closed
DeviceAllow=char-alsa rw
CapabilityBoundingSet=
AmbientCapabilities=
PrivateNetwork=yes
IPAddressDeny=any
PrivateTmp=yes
ProtectSystem=strict
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
{paths}"""


class Scope(Enum):
    """Whose service manager runs it."""

    SYSTEM = "system"
    USER = "user"

    @property
    def unit_path(self) -> Path:
        """Where the unit is written."""
        if self is Scope.SYSTEM:
            return _SYSTEM_UNITS / UNIT
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user" / UNIT

    @property
    def option(self) -> str:
        """The option of systemctl and journalctl."""
        return f"--{self.value}"


@dataclass(frozen=True)
class Program:
    """The interpreter of this process, and the folders that it is made of."""

    interpreter: Path
    folders: tuple[Path, ...]
    """Absolute, none below another; the package is in one of them."""

    @classmethod
    def present(cls) -> "Program":
        """Return what runs this."""
        folders = {Path(sys.prefix), Path(sys.base_prefix), _PACKAGE, *_prefixes(Path(sys.executable))}
        outermost = [folder for folder in folders if not any(other in folder.parents for other in folders)]
        return cls(Path(sys.executable), tuple(sorted(outermost)))


@dataclass(frozen=True)
class Run:
    """What the service runs."""

    arguments: tuple[str, ...]
    """Of ``run``."""

    settings: RunSettings
    """What they ask for."""

    config: Path | None
    """The file that some of it comes from."""

    @property
    def files_read(self) -> list[Path]:
        """The files that are named; what is bundled lies in the package."""
        paths = [self.settings.model, self.settings.detector, *filter(None, (self.settings.profile, self.config))]
        return [path for path in paths if not _below_any(path, (_PACKAGE, STATE))]

    @property
    def files_written(self) -> list[Path]:
        """The files that are named, outside of the folder that a system service has anyway."""
        paths = [output.path for output in self.settings.outputs if output.path]
        if self.settings.learn and self.settings.profile:
            paths.append(self.settings.profile)
        return [path for path in paths if not _below_any(path, (STATE,))]


def install(scope: Scope | None, run: Run) -> int:
    """Write the unit, enable it and start it, also where one runs already.

    Args:
        scope: None for the one that suits this machine.
        run: What it is to do.

    Raises:
        SettingsError: A service can not be had here, or not with these arguments.
        ServiceError: It was written but does not run.
    """
    scope = scope or _suitable_scope()
    _require_systemd()
    path, program = scope.unit_path, Program.present()
    _require_rights(scope)
    _require_ours(scope)
    _check_run(run)
    if scope is Scope.SYSTEM:
        _check_reach(program, run)
    _check_program(program)
    content = unit_text(scope, program, run)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise SettingsError(f"{path}: can not be written ({error.strerror})") from error
    logs = f"journalctl {scope.option} -u {NAME}"
    _systemctl(scope, "daemon-reload")
    _systemctl(scope, "enable", UNIT)
    try:
        _systemctl(scope, "restart", UNIT)
    except ServiceError as error:
        raise ServiceError(f"{path}: written and enabled, but it does not start: see `{logs} -n 20`") from error
    out = LineWriter.standard_output()
    out.write(escaped(f"{path}: written, enabled and started"))
    out.write(f"what it hears: {logs} -f -o cat")
    for line in (*_status_lines(scope)[1:], *_remarks(scope, program)):
        out.write(escaped(line))
    return 0


def uninstall(scope: Scope | None) -> int:
    """Stop the service, and remove it.

    Raises:
        SettingsError: There is none that was installed here.
        ServiceError: It can not be stopped.
    """
    scope = _installed_scope(scope)
    _require_systemd()
    _require_rights(scope)
    _require_ours(scope)
    _systemctl(scope, "disable", "--now", UNIT)
    scope.unit_path.unlink()
    _systemctl(scope, "daemon-reload")
    with contextlib.suppress(ServiceError):  # nothing had failed
        _systemctl(scope, "reset-failed", UNIT)
    out = LineWriter.standard_output()
    out.write(escaped(f"{scope.unit_path}: stopped and removed"))
    if scope is Scope.SYSTEM and STATE.exists():
        out.write(f"{STATE}: kept")
    return 0


def status(scope: Scope | None) -> int:
    """Tell whether the service is installed and runs, since when, and what it said of itself last.

    Returns:
        0 where it runs, 1 where it does not.

    Raises:
        SettingsError: It is not installed.
    """
    scope = _installed_scope(scope)
    _require_systemd()
    lines = _status_lines(scope)
    for line in lines:
        LineWriter.standard_output().write(escaped(line))
    return 0 if lines[1].startswith(("active ", "reloading ")) else 1


def _status_lines(scope: Scope) -> list[str]:
    """Return what systemd knows of the unit: where it is, how it is, and what it said of itself last, if anything."""
    names = ("ActiveState", "SubState", "StateChangeTimestamp", "StatusText", "ExecMainStatus", "NRestarts")
    values = properties(scope, *names)
    state = f"{values['ActiveState']} ({values['SubState']})"
    since = f" since {values['StateChangeTimestamp']}" if values["StateChangeTimestamp"] else ""
    facts = [f"last exit code {values['ExecMainStatus']}"] * (values["ActiveState"] != "active")
    facts.append(f"{values['NRestarts']} restarts")
    lines = [f"installed: {scope.unit_path}", f"{state}{since}, {', '.join(facts)}"]
    return [*lines, f"last status: {values['StatusText']}"] if values["StatusText"] else lines


def unit_text(scope: Scope, program: Program, run: Run) -> str:
    """Return the unit that has ``program`` do ``run``."""
    is_system = scope is Scope.SYSTEM
    # The colon: no $VARIABLE is looked for. -P: nothing is imported from the folder that it runs in.
    command = [f":{program.interpreter}", "-P", "-m", "streamer", "run", *run.arguments]
    return _UNIT.format(
        mark=_MARK,
        after="sound.target" if is_system else "pipewire.socket pipewire-pulse.socket pulseaudio.socket",
        command=" ".join(map(quoted, command)),
        folder="/" if is_system else "%h",
        more=_SYSTEM_ONLY.format(paths=_paths(program, run)) if is_system else "",
        target="multi-user.target" if is_system else "default.target",
    )


def quoted(argument: str) -> str:
    """Return ``argument`` as one word of a unit's setting, in which no specifier is expanded."""
    return f'"{"".join(map(_in_quotes, argument))}"'


def _check_reach(program: Program, run: Run) -> None:
    """Look whether the user of a system service could read and write what it has to.

    Raises:
        SettingsError: It could not.
    """
    if run.config and _below_any(run.config, _HOMES):
        raise SettingsError(
            f"{run.config}: in a home a system service would not see it changed: give another, as in /etc"
        )
    for path in (*program.folders, *run.files_read):
        barred = _barred(path)
        if barred:
            raise SettingsError(
                f"{barred}: a system service runs as a user of its own, who may not read it: sudo chmod o+rX it"
            )
    for path in run.files_written:
        instead = f"give {STATE / path.name}"
        if _below_any(path, _PRIVATE):
            raise SettingsError(
                f"{path}: homes and temporary folders are not to be had for a system service: {instead}"
            )
        if not path.parent.is_dir() or not _may(path.parent, 0o3):
            raise SettingsError(f"{path.parent}: no folder that the service's own user may write to: {instead}")


def _in_quotes(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _paths(program: Program, run: Run) -> str:
    """Return the settings that give what lies outside of what every program may read."""
    shown = [path for path in (*program.folders, *run.files_read) if _below_any(path, _HOMES)]
    lines = ["ProtectHome=tmpfs" if shown else "ProtectHome=yes"]
    lines += [f"BindReadOnlyPaths={quoted(str(path))}" for path in shown]
    written = sorted({path.parent for path in run.files_written})
    lines += [f"ReadWritePaths={quoted(str(folder))}" for folder in written]
    return "".join(f"{line}\n" for line in lines)


def _prefixes(interpreter: Path) -> list[Path]:
    """Return the folders of installations that ``interpreter`` is a link to, by way of whatever others."""
    found = []
    while interpreter.is_symlink():
        interpreter = interpreter.parent / interpreter.readlink()
        found.append(interpreter.parent.parent)
    return found


def _check_run(run: Run) -> None:
    if run.settings.input != "mic":
        raise SettingsError(f"a service listens to a microphone, got -i {run.settings.input}: leave it out")
    if run.settings.recording:
        raise SettingsError("a session is of one run, and a service is started again and again: no --record-session")
    for path in (*run.files_read, *run.files_written):
        if not path.is_absolute():
            raise SettingsError(f"{path}: a service runs in another folder: give the path from / on")
        if not str(path).isprintable():
            raise SettingsError(f"{str(path)!r}: a path that a unit can not name: give another")


def _check_program(program: Program) -> None:
    """Start it as the service would, without what this shell has set."""
    command = [str(program.interpreter), "-P", "-m", "streamer", "--version"]
    done = subprocess.run(command, cwd="/", env={"HOME": "/"}, capture_output=True, check=False)  # noqa: S603 - this program
    if done.returncode:
        raise SettingsError(f"{program.interpreter}: emotion-streamer is not installed there: `pip install .` first")


def _barred(path: Path) -> Path | None:
    """Return what of ``path`` others may not read, None where they may; homes above it are not in a service's way."""
    if not path.exists():
        raise SettingsError(f"{path}: no such file")
    wanted = 0o5 if path.is_dir() else 0o4
    if not _may(path, wanted):
        return path
    parents = [] if _below_any(path, _HOMES) else path.parents
    return next((parent for parent in parents if not _may(parent, 0o1)), None)


def _may(path: Path, wanted: int) -> bool:
    """Return whether anybody may do what the bits ``wanted`` (4 read, 2 write, 1 enter) stand for."""
    return path.stat().st_mode & wanted == wanted


def _below_any(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _has_audio_server(user_id: int) -> bool:
    runtime = _RUNTIMES / str(user_id)
    try:
        return any((runtime / socket).is_socket() for socket in _AUDIO_SERVERS)
    except PermissionError:
        return False


def _suitable_scope() -> Scope:
    """Return the user's where an audio server of theirs has the microphones, else the system's."""
    return Scope.USER if os.geteuid() and _has_audio_server(os.geteuid()) else Scope.SYSTEM


def _installed_scope(scope: Scope | None) -> Scope:
    found = [candidate for candidate in ([scope] if scope else Scope) if os.path.lexists(candidate.unit_path)]
    if not found:
        raise SettingsError("no service is installed: `emotion-streamer service install` does it")
    if len(found) > 1:
        raise SettingsError("one is installed for the system and one for this user: say --system or --user")
    return found[0]


def _require_systemd() -> None:
    if not _SYSTEMD.is_dir():
        raise SettingsError("no systemd runs here: start `emotion-streamer run` by what this system has instead")


def _require_rights(scope: Scope) -> None:
    if scope is Scope.SYSTEM and os.geteuid():
        again = shlex.join([sys.executable, "-m", "streamer", *sys.argv[1:]])
        raise SettingsError(f"only root may change the system's services: sudo {again}")


def _require_ours(scope: Scope) -> None:
    """Refuse where a unit of this name is not ours."""
    found = properties(scope, "FragmentPath")["FragmentPath"]
    path = scope.unit_path
    strange = found if found and Path(found) != path else None
    if os.path.lexists(path) and not (path.is_file() and path.read_text("utf-8", "replace").startswith(_MARK)):
        strange = str(path)
    if strange:
        raise SettingsError(f"{strange}: a service of this name that `service install` did not write; remove it first")


def properties(scope: Scope, *names: str) -> dict[str, str]:
    """Return what systemd knows of the unit, empty where it does not."""
    shown = _systemctl(scope, "show", UNIT, f"--property={','.join(names)}")
    return dict.fromkeys(names, "") | dict(line.partition("=")[::2] for line in shown.splitlines())


def _systemctl(scope: Scope, *arguments: str) -> str:
    """Return what systemctl prints.

    Raises:
        ServiceError: It says no.
    """
    try:
        command = ["systemctl", scope.option, "--no-pager", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no text of a user's
    except OSError as error:
        raise ServiceError(f"systemctl can not be started ({error.strerror})") from error
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
        raise ServiceError(f"systemctl {' '.join(arguments)}: {said}")
    return done.stdout


def _write(path: Path, content: str) -> None:
    """Replace the file whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{NAME}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink()
        raise


def _remarks(scope: Scope, program: Program) -> list[str]:
    """Return what else whoever installs should know."""
    if scope is Scope.USER:
        user = getpass.getuser()
        linger = f"it runs while {user} is logged in; from the start of the system on with: sudo loginctl enable-linger"
        return [] if (_LINGER / user).exists() else [f"{linger} {user}"]
    remarks = [f"its files: -o FORMAT:{STATE}/NAME"]
    shown = [str(folder) for folder in program.folders if _below_any(folder, _HOMES)]
    if shown:
        remarks.append(f"of the homes it sees only, to read: {', '.join(shown)}; that must stay where it is")
    user_id = os.environ.get("SUDO_UID", "")
    if user_id.isdigit() and _has_audio_server(int(user_id)):
        remarks.append("an audio server of yours runs, and may keep the microphone: --user without sudo goes with it")
    return remarks
