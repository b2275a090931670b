"""The pins: complete, hashed, without addresses, and in step with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
FILES = ("requirements.txt", "requirements-dev.txt")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def pins(file: str) -> dict[str, tuple[Requirement, frozenset[str]]]:
    """Return each pinned requirement and its hashes by package name."""
    text = (REPOSITORY / file).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    found: dict[str, tuple[Requirement, frozenset[str]]] = {}
    for line in lines:
        requirement = Requirement(line.split(" --hash", 1)[0])
        hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", line))
        found[canonicalize_name(requirement.name)] = (requirement, hashes)
    assert len(found) == len(lines), "one line per package: one version for every Python"
    return found


def asked_for(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for: to build, to run, and for these extras."""
    project = PROJECT["project"]
    names = [*PROJECT["build-system"]["requires"], *project["dependencies"]]
    for extra in extras:
        names += project["optional-dependencies"][extra]
    return [Requirement(name) for name in names]


@pytest.mark.parametrize("file", FILES)
def test_requirements_every_package_is_pinned_and_hashed(file: str) -> None:
    for requirement, hashes in pins(file).values():
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert hashes, requirement


@pytest.mark.parametrize("file", FILES)
def test_requirements_name_no_address(file: str) -> None:
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    assert "//" not in text
    assert not re.search(r"--(index|extra-index|find-links|trusted)", text)


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.txt", ("embedded",)),
        ("requirements-dev.txt", tuple(PROJECT["project"]["optional-dependencies"])),
    ],
)
def test_requirements_satisfy_pyproject(file: str, extras: tuple[str, ...]) -> None:
    pinned = pins(file)
    for wanted in asked_for(*extras):
        assert canonicalize_name(wanted.name) in pinned, f"run `make lock`: no {wanted}"
        version = str(pinned[canonicalize_name(wanted.name)][0].specifier).removeprefix("==")
        assert wanted.specifier.contains(version), f"run `make lock`: {wanted}, pinned {version}"


def test_requirements_runtime_is_a_part_of_dev() -> None:
    runtime, dev = (pins(file) for file in FILES)
    for name, (requirement, hashes) in runtime.items():
        assert (dev[name][0].specifier, dev[name][1]) == (requirement.specifier, hashes)


def test_requirements_dependencies_are_bounded_above() -> None:
    for wanted in asked_for(*PROJECT["project"]["optional-dependencies"]):
        operators = {clause.operator for clause in wanted.specifier}
        assert operators & {"<", "<=", "=="}, wanted
