"""Reads settings from flags, the environment and a file, and checks each value by itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from spooled_lite.config_names import (
    ALIASES,
    NOT_OURS,
    PLAN_VALUE,
    PLAN_VARIABLES,
    PREFIX,
    SETTING_NAME_CHARS_MAX,
    WITHOUT_EFFECT,
    level_of,
    nearest,
)
from spooled_lite.config_secrets import FILE_VARIABLES, BadSecretFile, read_secret
from spooled_lite.config_values import TIDY, Whole, WrongValue, converted, words

FILE_BYTES_MAX: Final = 1_048_576  # of a config file


class ConfigError(Exception):
    """The server cannot start with these settings. The message names the place, never a secret."""


class ConfigFile(NamedTuple):
    """The keys and values of a config file, unchecked."""

    path: str
    values: Mapping[str, object]


class Given(NamedTuple):
    """A checked value, and its place in the words of a message."""

    value: Any
    place: str


Layer = dict[str, Given]
NO_FILE: Final = ConfigFile("", {})


def read_file(path: str | Path) -> ConfigFile:
    """Read a config file.

    Raises:
        ConfigError: it is missing, cannot be read, is too long or is not TOML.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"config file {path} cannot be read: {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"config file {path} is longer than {FILE_BYTES_MAX} bytes")
    try:
        return ConfigFile(str(path), msgspec.toml.decode(content))
    # RecursionError comes from deep nesting, and ValueError from integers of thousands of digits.
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"config file {path} is not TOML: {error}") from None


class Reader:
    """Turns each source into a layer of checked values, and collects warnings.

    Every method raises ConfigError for the first bad value or unknown name.
    """

    def __init__(self, types: Mapping[str, Any]) -> None:
        self.warnings: list[str] = []
        self._types = types

    def from_flags(self, flags: Mapping[str, object]) -> Layer:
        for name in flags:
            if name not in self._types:
                known = _flag(nearest(name, self._types))
                raise ConfigError(f"flag {_flag(name)} is unknown; the nearest is {known}")
        return self._layer(flags, lambda name: f"flag {_flag(name)}")

    def from_file(self, file: ConfigFile) -> Layer:
        given = {name: value for name, value in file.values.items() if not _is_plan_value(name)}
        for name in given:
            if name not in self._types:
                plan_keys = (each.removeprefix(PREFIX).lower() for each in PLAN_VARIABLES)
                place, known = _key(file, name), nearest(name, (*self._types, *plan_keys))
                raise ConfigError(f"{place} is unknown; the nearest is `{known}`")
        return self._layer(given, lambda name: _key(file, name), is_text=False)

    def from_environ(self, environ: Mapping[str, str]) -> Layer:
        settings = {_variable(name): name for name in self._types}
        for variable in sorted(environ):
            if variable.startswith(PREFIX) and variable not in settings.keys() | FILE_VARIABLES:
                self._warn_of(variable, settings)
        given = {name: environ.get(variable) for variable, name in settings.items()}
        layer = self._layer(given, lambda name: f"variable {_variable(name)}")
        return layer | self._from_secret_files(environ, layer)

    def _from_secret_files(self, environ: Mapping[str, str], layer: Layer) -> Layer:
        """The secrets whose variables name a file. `layer` has what the other variables give."""
        paths: dict[str, str] = {}
        found: dict[str, object] = {}
        for variable, name in FILE_VARIABLES.items():
            path = environ.get(variable, "").strip()
            if not path:
                continue
            if name in layer:
                raise ConfigError(f"{layer[name].place} and variable {variable}: set only one")
            paths[name] = f"file {ascii(path)[1:-1]} of variable {variable}"
            try:
                found[name] = read_secret(path)
            except BadSecretFile as error:
                raise ConfigError(f"{paths[name]} {error}") from None
        return self._layer(found, paths.__getitem__, is_trimmed=False)

    def from_aliases(self, environ: Mapping[str, str]) -> Layer:
        """The reference server's variables, without those whose SPOOLED_ variable is set."""
        found = {
            name: alias
            for name, aliases in ALIASES.items()
            for alias in reversed(aliases)  # so that the first spelling wins
            if environ.get(alias, "").strip() and not environ.get(_variable(name), "").strip()
        }
        given: dict[str, object] = {name: environ[alias] for name, alias in found.items()}
        if "log_level" in found:
            given["log_level"] = level_of(environ[found["log_level"]])
        return self._layer(given, lambda name: f"variable {found[name]}")

    def _warn_of(self, variable: str, settings: Mapping[str, str]) -> None:
        if variable in NOT_OURS or PLAN_VALUE.fullmatch(variable):
            return
        if WITHOUT_EFFECT.fullmatch(variable):
            self.warnings.append(f"variable {variable} has no effect in this version")
        else:
            known = nearest(variable, (*settings, *PLAN_VARIABLES))
            shown = variable[:SETTING_NAME_CHARS_MAX].encode("ascii", "backslashreplace").decode()
            self.warnings.append(f"variable {shown} is unknown; the nearest is {known}")

    def _layer(
        self,
        given: Mapping[str, object],
        place: Callable[[str], str],
        *,
        is_text: bool = True,
        is_trimmed: bool = True,
    ) -> Layer:
        """Check every given value. With `is_text` a string is converted to its setting's type, and
        with `is_trimmed` spaces around it are no part of it."""
        layer: Layer = {}
        for name, value in given.items():
            if isinstance(value, str) and is_trimmed:
                value = self._forgiven(name, value.strip(), place(name))
            if value is None or value == "":
                continue
            try:
                value = converted(self._types[name], value, is_text=is_text)
                value = TIDY[name](value) if name in TIDY else value
            except WrongValue as error:
                raise ConfigError(f"{place(name)}: {error}") from None
            layer[name] = Given(value, place(name))
        return layer

    def _forgiven(self, name: str, word: str, place: str) -> str:
        """The value to use for a word, with a warning for unknown words that the contract allows.

        An unknown environment is treated as production; an unknown registration mode is ignored.
        """
        if not word or name not in ("environment", "registration"):
            return word
        valid = words(self._types[name])
        if word.lower() in valid:
            return word
        taken = "treated as production" if name == "environment" else "ignored"
        self.warnings.append(f"{place}: must be one of {', '.join(valid)}; {taken}")
        return "production" if name == "environment" else ""


def plan_values(file: ConfigFile, environ: Mapping[str, str]) -> dict[str, str]:
    """The values of the plan tiers by variable, not parsed, from the file and the environment.

    Raises:
        ConfigError: a value in the file is neither text nor a whole number.
    """
    values: dict[str, str] = {}
    for key, value in file.values.items():
        if not _is_plan_value(key):
            continue
        try:
            whole_or_text = (
                value if isinstance(value, str) else converted(Whole, value, is_text=False)
            )
            values[_variable(key)] = str(whole_or_text)
        except WrongValue as error:
            raise ConfigError(f"{_key(file, key)}: {error}") from None
    values |= {name: value for name, value in environ.items() if PLAN_VALUE.fullmatch(name)}
    return {name: value for name, value in values.items() if value.strip()}


def _is_plan_value(key: str) -> bool:
    return PLAN_VALUE.fullmatch(_variable(key)) is not None


def _key(file: ConfigFile, name: str) -> str:
    return f"key `{name}` in {file.path}"


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
