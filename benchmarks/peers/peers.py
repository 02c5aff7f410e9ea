"""Who is measured, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS, PEERS, TRAINING = ".venv", ".venv-peers", ".venv-dev"
"""The environments: this project's, that of what it is compared with, and the one with TensorFlow."""

FLAT_OUT, LIVE, START, RSS = "flat_out_us_per_s", "live_percent", "start_ms", "rss_mib"
FIGURES = {
    FLAT_OUT: "flat out, CPU us per s of audio",
    LIVE: "at real time, % of a core",
    START: "start to first line, ms",
    RSS: "peak RSS, MiB",
}

FEATURES, PROGRAMS = "Features", "Programs"
REFERENCES = {FEATURES: "mfcc-20", PROGRAMS: "daemon"}
"""The peer by which the figures of a group are divided."""


@dataclass(frozen=True)
class Peer:
    """One program: how it is started, on any audio."""

    name: str
    title: str
    group: str
    environment: str
    words: tuple[str, ...]
    """Behind ``python``; with ``{folder}`` of the audio, ``{seconds}`` of it, and ``{silero}``, the file."""
    long_s: int | None
    """As much audio as costs 1 to 3 s of CPU; None for what hears nothing."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of its environment."""

    def command(self, folder: str, seconds: int, *, is_live: bool = False) -> list[str]:
        """Return the command that hears ``seconds`` of the audio in ``folder``, at real time where it ``is_live``."""
        words = [word.format(folder=folder, seconds=seconds, silero=silero_file()) for word in self.words]
        return [str(ROOT / self.environment / "bin" / "python"), *words, *["--realtime"][:is_live]]


def silero_file() -> Path:
    """Return Silero's network in the peers' environment."""
    found = (ROOT / PEERS).glob("lib/python*/site-packages/silero_vad/data/silero_vad.onnx")
    return next(found, ROOT / PEERS / "silero_vad.onnx")  # the peer tells that it is missing


def _script(words: str) -> tuple[str, ...]:
    module, *arguments = words.split()
    return ("-m", f"benchmarks.peers.scripts.{module}", "{folder}/speech.raw", "{seconds}", *arguments)


def _daemon(audio: str, *options: str) -> tuple[str, ...]:
    return ("-m", "streamer", "run", "-i", f"{{folder}}/{audio}-{{seconds}}.wav", "-o", "jsonl", *options)


_MS = (10, 20, 30)
_ANEW = "3 s anew every 100 ms:"
_PSF = f"{_ANEW} psf"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""For numpy, whose idle threads spin: with them a window costs several times as much."""
_ONNX, _KERAS = "{folder}/network.onnx", "{folder}/network.keras"
ALL: Sequence[Peer] = (
    Peer("fft-20", "bare FFTs, 20 ms", FEATURES, OURS, _script("ffts 20"), 4000),
    Peer("fft-1000", "bare FFTs, 1 s", FEATURES, OURS, _script("ffts 1000"), 5000),
    *(Peer(f"mfcc-{ms}", f"**our MFCC, {ms} ms**", FEATURES, OURS, _script(f"mfcc_ours {ms}"), 700) for ms in _MS),
    *(
        Peer(f"kaldi-{ms}", f"kaldi OnlineMfcc, {ms} ms", FEATURES, PEERS, _script(f"mfcc_kaldi {ms}"), 1000)
        for ms in _MS
    ),
    Peer("opensmile", "openSMILE eGeMAPS rows, each second once", FEATURES, PEERS, _script("smile"), 60),
    Peer("librosa", f"{_ANEW} librosa, one thread", FEATURES, PEERS, _script("sliding librosa"), 100, _ONE_THREAD),
    Peer("psf", f"{_PSF}, one thread", FEATURES, PEERS, _script("sliding psf"), 60, _ONE_THREAD),
    Peer("numpy", "import numpy", PROGRAMS, OURS, ("-c", "import numpy; print('ready')"), None),
    Peer("empty", "empty loop, blocks of 20 ms", PROGRAMS, OURS, _script("empty"), 40_000),
    Peer("daemon", "**our daemon in speech**", PROGRAMS, OURS, _daemon("speech"), 600),
    Peer("daemon-silence", "**our daemon in silence**", PROGRAMS, OURS, _daemon("silence"), 2000),
    Peer(
        "daemon-silero",
        "**our daemon in speech, `--vad silero:FILE`**",
        PROGRAMS,
        OURS,
        _daemon("speech", "--vad", "silero:{silero}"),
        200,
    ),
    Peer("webrtcvad", "webrtcvad alone", PROGRAMS, PEERS, _script("webrtc"), 10_000),
    Peer("silero", "Silero alone, onnxruntime, one thread", PROGRAMS, PEERS, _script("silero {silero}"), 400),
    Peer("sherpa", "Silero alone, sherpa-onnx", PROGRAMS, PEERS, _script("sherpa {silero}"), 400),
    Peer("micro", "microWakeWord, one word", PROGRAMS, PEERS, _script("micro_wake_word"), 600),
    Peer("open", "openWakeWord, one word", PROGRAMS, PEERS, _script("open_wake_word"), 20),
    Peer(
        "librosa-onnx",
        f"{_ANEW} librosa + onnxruntime, one thread",
        PROGRAMS,
        PEERS,
        _script(f"sliding librosa onnx {_ONNX}"),
        100,
        _ONE_THREAD,
    ),
    Peer(
        "librosa-threads",
        f"{_ANEW} librosa + onnxruntime, threads as they come",
        PROGRAMS,
        PEERS,
        _script(f"sliding librosa onnx-threads {_ONNX}"),
        10,
    ),
    Peer(
        "psf-threads",
        f"{_PSF} + onnxruntime, threads as they come",
        PROGRAMS,
        PEERS,
        _script(f"sliding psf onnx-threads {_ONNX}"),
        10,
    ),
    Peer("psf-keras", f"{_PSF} + Keras `predict`", PROGRAMS, TRAINING, _script(f"sliding psf keras {_KERAS}"), 10),
)


@dataclass(frozen=True)
class Target:
    """What this project is meant to reach: ``figure`` of ``ours`` at most ``limit`` times that of ``other``."""

    ours: str
    figure: str
    limit: float
    other: str


TARGETS: Sequence[Target] = (
    Target("mfcc-20", FLAT_OUT, 0.35, "kaldi-20"),
    Target("mfcc-20", FLAT_OUT, 1 / 25, "librosa"),
    Target("mfcc-20", FLAT_OUT, 1 / 25, "psf"),
    Target("daemon", FLAT_OUT, 0.5, "silero"),
    Target("daemon", FLAT_OUT, 0.5, "micro"),
    Target("daemon", FLAT_OUT, 1 / 20, "librosa-onnx"),
    Target("daemon", LIVE, 4, "empty"),
    Target("daemon-silence", LIVE, 2, "empty"),
    Target("daemon", LIVE, 0.6, "silero"),
)
