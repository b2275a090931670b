"""Loading the settings, and the files they come from.

Environment first, then `--env-file`, then `.env` in the working directory.
"""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError

from kulti_ops.config.model import Settings, describe, url_passwords, variable_names
from kulti_ops.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "KULTI_OPS_"
LOCAL_ENV_FILE = Path(".env")

# Variables that hold something to keep from others, ours or the application's.
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|KEY|DSN|CREDENTIAL", re.IGNORECASE)
_PUBLIC_PREFIX = "NEXT_PUBLIC_"  # compiled into the web app: everybody has it


def load_settings(*, env_file: Path | None = None) -> Settings:
    """Read the settings.

    Raises: ConfigError when a value cannot be used or `env_file` cannot be read.
    """
    files = _env_files(env_file)
    _insist_on_statements(files, named=env_file)
    try:
        settings = Settings(_env_file=files)  # type: ignore[call-arg]
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        faults = [f"{_variable_of(fault['loc'])}: {_lower(fault['msg'])}" for fault in found]
        raise ConfigError(
            f"settings cannot be used: {'; '.join(faults)}",
            hint="see .env.example for their meaning and form",
        ) from None
    settings._files = files  # noqa: SLF001 - where `named_variable` looks too
    return settings


def _insist_on_statements(files: tuple[Path, ...], *, named: Path | None) -> None:
    """Refuse a file that cannot be read, and in the named one a line that is no statement.

    The setting that was meant would be missing. `.env` may be the application's, whose lines
    are not ours to judge.

    Raises: ConfigError.
    """
    for file in files:
        try:
            lines = variables_of(file).unreadable_lines
        except NotFoundError as error:
            raise ConfigError(error.message, hint="a text file of NAME=value lines") from error
        if lines and file == named:
            raise ConfigError(
                f"{file}, line {lines[0]}: neither NAME=value nor a # comment",
                hint="mend or remove it; a quote without an end swallows the lines after it",
            )


def named_variable(name: str, settings: Settings) -> str | None:
    """Return one variable by name, for targets given as `env:NAME`."""
    values = [dotenv_values(file).get(name) for file in settings._files]  # noqa: SLF001
    return os.environ.get(name) or next((value for value in reversed(values) if value), None)


@dataclass(frozen=True, kw_only=True)
class Variables:
    """Variables as they stand somewhere, and what of a file cannot be read as it was meant.

    `unreadable_lines` are where a statement begins that is none, a quote without an end most
    of all: it swallows what follows.
    """

    values: Mapping[str, str] = field(repr=False)
    file: Path | None = None
    repeated: tuple[str, ...] = ()
    unreadable_lines: tuple[int, ...] = ()


def variables_of(file: Path | None) -> Variables:
    """Return the variables of a file as they stand there, or of the environment.

    Raises: NotFoundError when the file cannot be read.
    """
    if file is None:
        return Variables(values=dict(os.environ))
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise NotFoundError(f"cannot read {file}: {reason.lower()}") from error
    bindings = tuple(parse_stream(StringIO(text)))
    given = [(b.key, b.value or "") for b in bindings if b.key is not None]
    count = Counter(name for name, _ in given)
    return Variables(
        values=dict(given),
        file=file,
        repeated=tuple(name for name, times in count.items() if times > 1),
        unreadable_lines=tuple(b.original.line for b in bindings if b.error),
    )


def unknown_names(
    *, env_file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Return `KULTI_OPS_*` names that are set somewhere and mean nothing: typing errors."""
    known = set(variable_names().values())
    given = set(environ)
    for file in _env_files(env_file):
        given |= set(dotenv_values(file))
    return tuple(sorted(n for n in given if n.startswith(PREFIX) and n not in known))


def nearest_name(name: str) -> str | None:
    """Return the setting that a mistyped name most likely means."""
    bare = {known.removeprefix(PREFIX): known for known in variable_names().values()}
    matches = difflib.get_close_matches(name.removeprefix(PREFIX), bare, n=1, cutoff=0.6)
    return bare[matches[0]] if matches else None


@dataclass(frozen=True, kw_only=True)
class ExposedFile:
    """A settings file that other users can read, and the variables in it that are secrets."""

    path: Path
    secrets: tuple[str, ...]


def settings_files(env_file: Path | None = None) -> tuple[Path, ...]:
    """Return the settings files that are read."""
    return _env_files(env_file)


def exposed_files(env_file: Path | None = None) -> tuple[ExposedFile, ...]:
    """Return the settings files that hold secrets and that other users can read or change."""
    exposed = (path for path in _env_files(env_file) if path.stat().st_mode & 0o077)
    found = (ExposedFile(path=path, secrets=_secrets_in(path)) for path in exposed)
    return tuple(file for file in found if file.secrets)


def _secrets_in(path: Path) -> tuple[str, ...]:
    known = {setting.variable for setting in describe() if setting.secret}
    return tuple(
        name
        for name, value in dotenv_values(path).items()
        if value
        and not name.startswith(_PUBLIC_PREFIX)
        and (name in known or _SECRET_NAME.search(name) or url_passwords(value))
    )


def _variable_of(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return variable_names().get(name, name)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _env_files(env_file: Path | None) -> tuple[Path, ...]:
    """Return the files to read, the strongest last."""
    files = (LOCAL_ENV_FILE,) if LOCAL_ENV_FILE.is_file() else ()
    if env_file is None:
        return files
    if not env_file.is_file():
        raise ConfigError(f"no settings file {env_file}", hint="check --env-file")
    return (*files, env_file)
