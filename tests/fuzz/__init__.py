"""What strangers may give us, taken apart: each target has a ``check`` that complains of nothing but what is wrong.

A target is a module here with:

- ``check(data)``: lets the program read ``data``. It returns where that went well or was refused in one line, and
  raises otherwise.
- ``seeds()``: what to begin with, right ones.
- ``mutate(data, random)``, where bytes alone would find little: something like ``data``, and as well formed.

``corpus/TARGET/`` keeps small inputs, one for each thing that was found. ``make fuzz`` looks for more; the tests go
through these, and some made of them.

Another target is another module, and its name in ``TARGETS``.
"""

import importlib
import random
from collections.abc import Callable
from pathlib import Path

TARGETS = ("audio_file", "raw_pcm", "model", "profile", "settings_file")

CORPUS = Path(__file__).parent / "corpus"

Check = Callable[[bytes], None]
Mutate = Callable[[bytes, random.Random], bytes]


def check_of(target: str) -> Check:
    """Return what ``target`` checks."""
    check: Check = importlib.import_module(f"fuzz.{target}").check
    return check


def seeds_of(target: str) -> list[bytes]:
    """Return right inputs and those that were found wrong once, the same ones in the same order."""
    made: list[bytes] = importlib.import_module(f"fuzz.{target}").seeds()
    return made + [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


def own_mutation_of(target: str) -> Mutate | None:
    """Return how ``target`` changes inputs, where it knows what they are made of."""
    return getattr(importlib.import_module(f"fuzz.{target}"), "mutate", None)


def mutation_of(target: str) -> Mutate:
    """Return how inputs of ``target`` are changed without a fuzzer."""
    return own_mutation_of(target) or mutated_bytes


def mutated_bytes(data: bytes, dice: random.Random) -> bytes:
    """Return ``data`` with a few bytes changed, left out, doubled or set to what numbers end at."""
    content = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        start = dice.randrange(len(content) + 1)
        end = min(len(content), start + 2 ** dice.randrange(8))
        match dice.randrange(5):
            case 0:
                content[start : start + 1] = dice.randbytes(1)
            case 1:
                del content[start:end]
            case 2:
                content[start:start] = content[start:end]
            case 3:
                content[start : start + 4] = dice.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"))
            case _:
                del content[start:]
    return bytes(content)
