"""A machine in a container: a real systemd, booted on an overlay of this one's files, which stay as they are."""

import contextlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from command import ROOT

BOOT_LIMIT_S = 60


class Booted:
    """A container whose files are below ``root``; ``leader`` is its systemd, as this machine numbers it."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root, self._leader = root, leader

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``command`` inside as root, with next to no environment."""
        namespaces = ["-m", "-u", "-i", "-n", "-p", f"--root=/proc/{self._leader}/root"]
        inside = [
            "env",
            "-i",
            "--chdir=/",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ]
        done = subprocess.run(
            ["nsenter", "-t", str(self._leader), *namespaces, *inside, *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode} {done.stdout} {done.stderr}"
        return done


@contextlib.contextmanager
def booted(folder: Path) -> Iterator[Booted]:
    """Give a booted container; what it writes is in memory, below ``folder``."""
    memory, root = folder / "memory", folder / "root"
    memory.mkdir()
    root.mkdir()
    with contextlib.ExitStack() as stack:
        mount(stack, "tmpfs", memory, "-t", "tmpfs", "-o", "size=2G")
        for name in ("upper", "work"):
            (memory / name).mkdir()
        layers = f"lowerdir=/,upperdir={memory}/upper,workdir={memory}/work"
        mount(stack, "overlay", root, "-t", "overlay", "-o", layers)
        machine_id = root / "etc" / "machine-id"
        machine_id.unlink(missing_ok=True)  # it must not be this machine's
        machine_id.write_text("")
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
        command += ["--boot", f"--directory={root}", "--machine=emotion-test", "systemd.unit=basic.target"]
        with (folder / "console").open("wb") as console:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        stack.callback(end, process)
        machine = Booted(root, leader_of(process, folder / "console"))
        wait_until_up(machine)
        yield machine


def mount(stack: contextlib.ExitStack, what: str, where: Path, *options: str) -> None:
    subprocess.run(["mount", *options, what, where], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", where], check=True)


def leader_of(process: subprocess.Popen[bytes], console: Path) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline_s = time.monotonic() + BOOT_LIMIT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        for number in children.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{number}/exe").readlink().name == "systemd":
                    return int(number)
        time.sleep(0.1)
    raise AssertionError(f"no systemd came up: {console.read_text(errors='replace')}")


def wait_until_up(machine: Booted) -> None:
    deadline_s = time.monotonic() + BOOT_LIMIT_S
    while time.monotonic() < deadline_s:
        state = machine.run("systemctl", "is-system-running", check=False).stdout.strip()
        if state in ("running", "degraded"):
            return
        time.sleep(0.2)
    raise AssertionError(f"it does not come up: {state}")


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # which nspawn hands on as a power-off
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def install_into(environment: Path, home: Path) -> None:
    """Make a virtual environment with the package and all it needs at run time, without a network.

    Args:
        environment: Its folder, on this machine.
        home: A folder above it that only its owner may enter.
    """
    environment.parent.mkdir(parents=True)
    home.chmod(0o700)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    for name in needed("emotion-streamer"):
        for file in distribution(name).files or ():
            if ".." in file.parts:  # a script
                continue
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # a *.pyc that was never made
                shutil.copyfile(str(file.locate()), site / file)
    shutil.copytree(ROOT / "streamer", site / "streamer", dirs_exist_ok=True)
    for traces in site.glob("__editable__*emotion*"):  # of the checkout
        traces.unlink()


def needed(name: str) -> set[str]:
    """Return the names of a distribution and of all that it requires without extras."""
    names = {name}
    for requirement in distribution(name).requires or ():
        if "extra ==" not in requirement:
            names |= needed(re.split(r"[^A-Za-z0-9._-]", requirement)[0])
    return names
