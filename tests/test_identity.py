"""Names of sound cards that stay theirs."""

from pathlib import Path

import pytest

from streamer.sources.identity import identity_of, without_numbers


@pytest.fixture
def system(tmp_path: Path) -> dict[str, Path]:
    """Give a machine with two cards of one make, 1 and 2, one of another, 3, and one on the board, 0."""
    links, cards = tmp_path / "snd", tmp_path / "asound"
    for folder, names in {
        "by-id": {"usb-Twin-00": 2, "usb-Other_ABC-00": 3},
        "by-path": {"platform-hdmi": 0, "pci-usb-0:1:1.0": 1, "pci-usb-0:2:1.0": 2, "pci-usb-0:3:1.0": 3},
    }.items():
        (links / folder).mkdir(parents=True)
        for name, card in names.items():
            (links / f"controlC{card}").touch()
            (links / folder / name).symlink_to(f"../controlC{card}")
    for card, make in {1: "1234:0001", 2: "1234:0001", 3: "1234:0002"}.items():
        (cards / f"card{card}").mkdir(parents=True)
        (cards / f"card{card}" / "usbid").write_text(f"{make}\n")
    return {"links": links, "cards": cards}


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("Other: USB Audio (hw:3,0)", "usb-Other_ABC-00"),
        ("Other: USB Audio (hw:3,1)", "usb-Other_ABC-00,1"),
        ("Twin: USB Audio (hw:1,0)", "pci-usb-0:1:1.0"),
        ("Twin: USB Audio (hw:2,0)", "pci-usb-0:2:1.0"),
        ("HDMI (hw:0,0)", "platform-hdmi"),
        ("gone (hw:7,0)", None),
        ("pulse", None),
    ],
)
def test_a_card_goes_by_its_maker_or_where_two_are_alike_by_its_socket(
    system: dict[str, Path], name: str, identity: str | None
) -> None:
    assert identity_of(name, **system) == identity


def test_a_machine_without_udev_has_no_lasting_names(tmp_path: Path) -> None:
    assert identity_of("USB Audio (hw:1,0)", tmp_path / "snd", tmp_path / "asound") is None


def test_a_name_without_its_numbers() -> None:
    assert without_numbers("USB Audio (hw:1,0)") == without_numbers("USB Audio (hw:12,0)") == "USB Audio "
