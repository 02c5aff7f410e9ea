"""What a model file says about itself, read key by key."""

import json
from collections.abc import Mapping
from typing import Any

from streamer.errors import ModelError


def text(metadata: Mapping[str, str], key: str) -> str:
    """Return the value of ``key``.

    Raises:
        ModelError: There is none.
    """
    if not metadata.get(key):
        raise ModelError(f"key {key!r} is missing or empty: make the file anew")
    return metadata[key]


def json_value(metadata: Mapping[str, str], key: str, kind: type) -> Any:
    """Return the value of ``key``, which is JSON of a ``kind``.

    Raises:
        ModelError: There is none, or it is another.
    """
    try:
        value = json.loads(text(metadata, key))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"key {key!r} is not valid JSON: {error}") from error
    if not isinstance(value, kind):
        raise ModelError(f"key {key!r} must be a JSON {kind.__name__}, got {type(value).__name__}")
    return value
