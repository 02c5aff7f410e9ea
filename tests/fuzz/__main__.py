"""Look for inputs that break a target: ``python -m fuzz TARGET SECONDS``; the only user of atheris.

What is found interesting is kept outside the work tree, so that a later run goes on from there.
"""

import os
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["streamer"]):
    import fuzz

    target, seconds = sys.argv[1], int(sys.argv[2])
    if target not in fuzz.TARGETS:
        sys.exit(f"no fuzzer {target!r}: choose from {', '.join(fuzz.TARGETS)}")
    check = fuzz.check_of(target)

_LONGEST_INPUT = 100_000
_LONGEST_S = 20
_MOST_MEMORY_MIB = 2048


def main() -> None:
    """Run until the time is over, or something is found: then the exit status is not 0, and its input is left."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("EMOTION_CACHE") or base / "emotion-streamer") / "fuzz" / target
    corpus, found = home / "corpus", home / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    for index, seed in enumerate(fuzz.seeds_of(target)):
        (corpus / f"seed-{index}").write_bytes(seed)
    own = fuzz.own_mutation_of(target)

    def mutate(data: bytes, most_bytes: int, seed: int) -> bytes:
        dice = random.Random(seed)
        if own is None or dice.random() < 0.1:
            return bytes(atheris.Mutate(data, most_bytes))
        return own(data, dice)[:most_bytes]

    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST_INPUT}",
        f"-timeout={_LONGEST_S}",
        f"-rss_limit_mb={_MOST_MEMORY_MIB}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
    ]
    print(f"what is found goes to {found}", file=sys.stderr)
    atheris.Setup(arguments, check, custom_mutator=mutate)
    atheris.Fuzz()


main()
