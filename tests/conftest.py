"""What every test shares: the versions in the header, repeatable Hypothesis runs, the corpora."""

import os
import signal
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings

from streamer.options import PREFIX

pytest_plugins = ["listener"]

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"

# Whoever starts the tests in the background switches signals off, for them and for every program that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The command line would heed them.
for variable in [name for name in os.environ if name.startswith(PREFIX)]:
    del os.environ[variable]

# The same examples on every run, and no limit of time, which a busy machine would break.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_report_header() -> str:
    """Name what numbers may depend on."""
    names = ("numpy", "onnxruntime", "webrtcvad-wheels", "soxr", "soundfile", "hypothesis")
    return ", ".join(f"{name} {version(name)}" for name in names)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Give the folder of real recordings, which is no part of the project; EMOTION_REQUIRE_CORPORA=1 demands it."""
    if CORPORA.is_dir():
        return CORPORA
    if os.environ.get("EMOTION_REQUIRE_CORPORA") == "1":
        pytest.fail(f"EMOTION_REQUIRE_CORPORA=1, but there are no corpora in {CORPORA}")
    pytest.skip("no corpora beside the checkout (../shared/corpora)")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the tests that need more than the test set."""
    parser.addoption("--system", action="store_true", help="run the tests marked `system`, and only those")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests that need root, a virtual microphone or emulation apart from the others."""
    is_wanted = config.getoption("--system")
    skip = pytest.mark.skip(reason="needs root and a virtual microphone: `make test-system`")
    if is_wanted:
        config.hook.pytest_deselected(items=[item for item in items if "system" not in item.keywords])
        items[:] = [item for item in items if "system" in item.keywords]
    for item in items:
        if "system" in item.keywords and not is_wanted:
            item.add_marker(skip)
