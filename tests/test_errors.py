"""What every error has in common."""

from streamer.errors import InputError, ModelError


def test_a_message_is_told_as_it_is() -> None:
    assert str(ModelError("x.onnx: key 'name' is missing")) == "x.onnx: key 'name' is missing"


def test_of_a_very_long_one_the_beginning_and_the_end_are_told() -> None:
    message = str(InputError("/a/path: " + "x" * 10_000 + " is not what it should be"))

    assert message.startswith("/a/path: xxx")
    assert "xxx ... xxx" in message
    assert message.endswith("xxx is not what it should be")
    assert len(message) == 2005
