"""Names of sound cards that stay theirs when cards are numbered anew, as udev gives them."""

import contextlib
import re
from pathlib import Path

_LINKS = Path("/dev/snd")
_CARDS = Path("/proc/asound")
_HARDWARE = re.compile(r"\(hw:(\d+),(\d+)\)")
"""How PortAudio ends the name of an ALSA device: the numbers of card and device."""


def identity_of(name: str, links: Path = _LINKS, cards: Path = _CARDS) -> str | None:
    """Return the lasting name of a device.

    Args:
        name: As PortAudio lists it.
        links: Where udev keeps ``by-id`` and ``by-path``.
        cards: Where ALSA tells of its cards.

    Returns:
        The name that the card's maker and serial number give it; that of the socket that it is plugged into where two
        cards are of one make; None of what is no card, as the devices of an audio server.
    """
    found = _HARDWARE.search(name)
    if not found:
        return None
    card, device = found.groups()
    folders = ["by-path"] if _has_twin(card, cards) else ["by-id", "by-path"]
    for folder in folders:
        for link in sorted((links / folder).glob("*")):
            if link.resolve().name == f"controlC{card}":
                return link.name if device == "0" else f"{link.name},{device}"
    return None


def without_numbers(name: str) -> str:
    """Return the name of a device, as PortAudio lists it, without the numbers of its card."""
    return _HARDWARE.sub("", name)


def _has_twin(card: str, cards: Path) -> bool:
    """Return whether another USB card is of the same make: udev's name is then that of whichever came last."""
    makes = {}
    for path in cards.glob("card*/usbid"):
        with contextlib.suppress(OSError):  # it goes at this moment
            makes[path.parent.name] = path.read_text(errors="replace").strip()
    return list(makes.values()).count(makes.get(f"card{card}", "")) > 1
