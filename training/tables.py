"""From tables, as TOML gives them, to frozen dataclasses: what is unknown, missing or of another type is named."""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from streamer.errors import SettingsError
from training.errors import ExperimentError

Settings = TypeVar("Settings")


def from_table(kind: type[Settings], table: Any, where: str) -> Settings:
    """Return a ``kind``, a dataclass, with the values of ``table``; nested tables become nested dataclasses.

    Args:
        kind: Fields without a default must be in the table.
        table: What the file holds there.
        where: The place in the file, for messages.

    Raises:
        ExperimentError: A key is unknown or missing, or a value is of another type or out of range.
    """
    if not isinstance(table, Mapping):
        raise ExperimentError(f"{where}: expected a table, got {table!r}")
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(known)):
        raise ExperimentError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")
    required = [name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in required if name not in table]:
        raise ExperimentError(f"{where}: lacks {', '.join(missing)}")
    try:
        return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in table.items()})
    except SettingsError as error:
        raise ExperimentError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, types.UnionType):  # an optional value: TOML has no null, it is left out
        (hint,) = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    if hasattr(hint, "__dataclass_fields__"):
        return from_table(hint, value, where)
    if typing.get_origin(hint) is tuple:
        return _list(typing.get_args(hint), value, where)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and is_number:
        return float(value)
    if type(value) is not hint:
        raise ExperimentError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value


def _list(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ExperimentError(f"{where}: expected a list, got {value!r}")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise ExperimentError(f"{where}: expected {len(hints)} values, got {value!r}")
    return tuple(_value(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(hints, value, strict=True)))
