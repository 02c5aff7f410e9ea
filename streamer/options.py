"""Options that were not typed: from the environment, else from the file of ``--config``, else their defaults."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from streamer.errors import SettingsError

PREFIX = "EMOTION_STREAMER_"
"""What the variables of options begin with; no other variable does."""

_MOST_BYTES, _MOST_DOTS = 100_000, 100
"""Of a file, and of a line in it: tomllib takes minutes, and gigabytes, for a key of many parts."""

_Reader = Callable[[argparse.ArgumentParser, argparse.Action, Any], Any]
_SWITCHED = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the options of a command by the names that files know: the long ones, with underscores for hyphens."""
    named = {}
    for action in parser._actions:
        if action.option_strings and action.default is not argparse.SUPPRESS:  # not --help: it is no setting
            long_name = next(name for name in action.option_strings if name.startswith("--"))
            named[long_name[2:].replace("-", "_")] = action
    return named


def complete(
    parsed: argparse.Namespace,
    command: str,
    parsers: Mapping[str, argparse.ArgumentParser],
    environment: Mapping[str, str],
) -> None:
    """Give the options of ``command`` that were not typed, which are None, their values from elsewhere.

    Names are checked everywhere, values where they count. ``parsed.names`` tells, by ``dest``, how each option is
    called in a message: by where its value came from.

    Args:
        parsed: What was typed.
        command: One of ``parsers``.
        parsers: Those of all commands: what one of them does not know may be another's.
        environment: Variables; an empty one is as if it were not there.

    Raises:
        SettingsError: A name that nobody knows, a value that is refused, a file that is none.
    """
    options = {name: options_of(parser) for name, parser in parsers.items()}
    mine = options[command]
    known = {key for named in options.values() for key in named}
    parsed.names = {option.dest: option.option_strings[0] for option in mine.values()}

    def take(option: argparse.Action, where: str, read: _Reader, given: Any) -> None:
        if getattr(parsed, option.dest) is None:
            try:
                setattr(parsed, option.dest, read(parsers[command], option, given))
            except (argparse.ArgumentError, argparse.ArgumentTypeError, ValueError) as error:
                message = getattr(error, "message", error)  # argparse's own, without the name of the option
                raise SettingsError(f"{where}: {message}") from error
            parsed.names[option.dest] = where

    for key, variable, text in _variables(environment, known):
        if key in mine and text:
            take(mine[key], variable, _from_text, text)
    if parsed.config:
        for key, where, value in _entries(parsed.config, command, options, known - {"config"}):
            take(mine[key], where, _from_toml, value)
    for option in mine.values():
        if getattr(parsed, option.dest) is None:
            is_switch = isinstance(option, argparse.BooleanOptionalAction)
            setattr(parsed, option.dest, bool(option.default) if is_switch else option.default)


def _variables(environment: Mapping[str, str], known: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield key, variable and text."""
    for variable, text in environment.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX)
            _require(name, [key.upper() for key in known], variable, "variable", PREFIX)
            yield name.lower(), variable, text


def _entries(
    path: Path, command: str, options: Mapping[str, Mapping[str, argparse.Action]], known: set[str]
) -> Iterator[tuple[str, str, Any]]:
    """Yield key, place and value of what the file says to ``command``: first to it alone, then to all commands."""
    content = _read(path)
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    for name, table in tables.items():
        _require(name, options, f"{path}: [{name}]", "command")
        for key in table:
            _require(key, known.intersection(options[name]), f"{path}: {name}.{key}", f"option of {name}")
    shared = {key: value for key, value in content.items() if key not in tables}
    for key in shared:
        _require(key, known, f"{path}: {key}", "option")
    for key, value in tables.get(command, {}).items():
        yield key, f"{path}: {command}.{key}", value
    for key, value in shared.items():
        if key in options[command]:
            yield key, f"{path}: {key}", value


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: can not be read ({error.strerror})") from error
    if len(content) > _MOST_BYTES or any(line.count(b".") > _MOST_DOTS for line in content.splitlines()):
        raise SettingsError(
            f"{path}: expected options, got more than {_MOST_BYTES} bytes, or {_MOST_DOTS} dots in a line"
        )
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error


def _from_text(parser: argparse.ArgumentParser, option: argparse.Action, text: str) -> Any:
    if isinstance(option, argparse.BooleanOptionalAction):
        if text.lower() not in _SWITCHED:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(_SWITCHED)}, got {text!r}")
        return _SWITCHED[text.lower()]
    if isinstance(option, argparse._AppendAction):
        import shlex

        words = shlex.split(text)
        if not words:
            raise argparse.ArgumentTypeError(f"expected at least one word, got {text!r}")
        return [_typed(parser, option, word) for word in words]
    return _typed(parser, option, text)


def _from_toml(parser: argparse.ArgumentParser, option: argparse.Action, given: Any) -> Any:
    if isinstance(option, argparse.BooleanOptionalAction):
        if not isinstance(given, bool):
            raise argparse.ArgumentTypeError(f"expected true or false, got {given!r}")
        return given
    if isinstance(option, argparse._AppendAction):
        if not given or not isinstance(given, list) or not all(isinstance(word, str) for word in given):
            raise argparse.ArgumentTypeError(f"expected a list of strings, [...], got {given!r}")
        return [_typed(parser, option, word) for word in given]
    if isinstance(given, str):
        value = _typed(parser, option, given)
        if isinstance(value, int):
            raise argparse.ArgumentTypeError(f"expected a number without quotes, got {given!r}")
    elif type(given) is int:
        value = _typed(parser, option, str(given))
        if not isinstance(value, int):
            raise argparse.ArgumentTypeError(f"expected a string, in quotes, got {given}")
    else:
        raise argparse.ArgumentTypeError(f"expected a string or a whole number, got {given!r}")
    return value


def _typed(parser: argparse.ArgumentParser, option: argparse.Action, text: str) -> Any:
    """Return what ``text`` would mean had it been typed."""
    value = parser._get_value(option, text)
    parser._check_value(option, value)
    return value


def _require(name: str, known: Iterable[str], where: str, what: str, prefix: str = "") -> None:
    if name not in known:
        import difflib

        near = " or ".join(prefix + other for other in difflib.get_close_matches(name, known))
        advice = f"did you mean {near}?" if near else "see `emotion-streamer --help`"
        raise SettingsError(f"{where if where.isprintable() else ascii(where)}: no such {what}; {advice}")
