"""New, empty projects of the hosted platform to restore into, as they differ in the field.

One server per kind of platform, made when first asked for; a project is a copy of that
server's database `postgres`, with its variant's changes.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from kulti_ops import project
from kulti_ops.db import own_target
from kulti_ops.pgserver import PgServer, ScratchOptions, scratch_server, server_installation
from kulti_ops.platform import shape
from tests.functional.older_servers import copy_older_server

if TYPE_CHECKING:
    from kulti_ops.pgtools import Installation

PASSWORD = "new-project"
_EXTENSIONS_15 = Path(__file__).parent / "extensions_15"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How a project differs: its server's major, what its server lacks, SQL to run in it."""

    major: int = 17
    without_extension: str = ""
    change: str = ""


VARIANTS = {
    "plain": Variant(),
    "postgresql-15": Variant(major=15),
    # The extension is not there and can't be had: its files are missing.
    "no-extension": Variant(without_extension="uuid-ossp"),
    "no-vendor-table": Variant(change="DROP TABLE auth.mfa_factors"),
    "no-vendor-column": Variant(
        change="ALTER TABLE auth.users DROP phone_change_sent_at, DROP raw_user_meta_data"
    ),
    "no-vendor-schema": Variant(change="DROP SCHEMA vault CASCADE; DROP SCHEMA realtime CASCADE"),
    # As projects of earlier years still have it: postgres may do what the tables' owner may.
    "policy-rights": Variant(change="GRANT supabase_storage_admin TO postgres"),
    "not-empty": Variant(
        change="SET ROLE postgres; CREATE TABLE public.mine (id integer PRIMARY KEY);"
        " INSERT INTO public.mine VALUES (1); RESET ROLE"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database of one test: URLs as its ordinary and as its strongest role."""

    name: str
    url: str
    admin_url: str


@dataclass(kw_only=True)
class Platform:
    """A server with the platform's roles, and a new project in its database `postgres`."""

    server: PgServer
    names: list[str] = field(default_factory=list)

    def make(self, change: str) -> Database:
        """Copy the project, changed by SQL as the superuser."""
        name = f"project_{len(self.names)}_{secrets.token_hex(3)}"
        self.names.append(name)
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE postgres STRATEGY file_copy")
        self._maintain(copy.format(sql.Identifier(name)))
        admin_url = self.server.dsn(name)
        project.own_copy(own_target(admin_url, "the project"))
        if change:
            with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as connection:
                connection.execute(change.encode())
        url = self.server.dsn(name, user=shape.OWNER_ROLE, password=PASSWORD)
        return Database(name=name, url=url, admin_url=admin_url)

    @cached_property
    def _roles(self) -> frozenset[str]:
        return frozenset(self._all_roles())

    def remember(self) -> None:
        """Note which roles a new project has."""
        assert self._roles

    def clean(self) -> None:
        """Drop the databases, then every role and membership that came with them."""
        names, self.names = self.names, []
        for name in names:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            self._maintain(drop.format(sql.Identifier(name)))
        for role in set(self._all_roles()) - self._roles:
            self._maintain(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        self._maintain(sql.SQL("REVOKE supabase_storage_admin FROM postgres"))

    def _all_roles(self) -> list[str]:
        with closing(self._connect()) as connection:
            return [row[0] for row in connection.execute("SELECT rolname FROM pg_roles")]

    def _maintain(self, query: sql.Composable) -> None:
        with closing(self._connect()) as connection:
            connection.execute("SET client_min_messages = error")
            connection.execute(query)

    def _connect(self) -> psycopg.Connection:
        url = self.server.dsn("template1")
        return psycopg.connect(url, autocommit=True, connect_timeout=10)


@dataclass(kw_only=True)
class Platforms:
    """The servers of a test session."""

    root: Path
    stack: ExitStack
    _made: dict[tuple[int, str, str], Platform] = field(default_factory=dict)

    def of(self, variant: Variant, *, apart: str = "") -> Platform:
        """Return the server for a variant, made when needed; one `apart` is nobody else's."""
        key = (variant.major, variant.without_extension, apart)
        if key not in self._made:
            self._made[key] = self._start(variant)
        return self._made[key]

    def clean(self) -> None:
        """Leave every server that is shared as it was."""
        for (_, _, apart), platform in self._made.items():
            if not apart:
                platform.clean()

    def _start(self, variant: Variant) -> Platform:
        root = self.root / f"platform-{len(self._made)}"
        root.mkdir(mode=0o711)
        root.chmod(0o711)
        installation = _installation_15(root) if variant.major == 15 else _installation(root)
        options = ScratchOptions(listen="tcp", superuser=shape.ADMIN_ROLE)
        scratch = scratch_server(root / "scratch", installation, options=options)
        platform = Platform(server=self.stack.enter_context(scratch))
        admin = own_target(platform.server.dsn(), "the project's server")
        project.create_project(admin, postgres_password=PASSWORD)
        if missing := variant.without_extension:
            _take_away(platform.server, installation, missing)
        platform.remember()
        return platform


def _installation(root: Path) -> Installation:
    return server_installation(root / "cache", extra_extensions=shape.EXTENSIONS_DIR)


def _installation_15(root: Path) -> Installation:
    """Copy the PostgreSQL 15 of the wheel pgserver to where the server's account can go."""
    found = copy_older_server(root, 15)
    if found is None:
        pytest.skip("no wheel of PostgreSQL 15 on this Python")
    extensions = found.bin_dir.parent / "share" / "postgresql" / "extension"
    for folder in (shape.EXTENSIONS_DIR, _EXTENSIONS_15):
        shutil.copytree(folder, extensions, dirs_exist_ok=True)
    return found


def _take_away(server: PgServer, installation: Installation, name: str) -> None:
    """Drop an extension and remove its files, so that nobody can create it again."""
    with psycopg.connect(server.dsn(), autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL("DROP EXTENSION {}").format(sql.Identifier(name)))
    for path in (installation.bin_dir.parent / "share" / "extension").glob(f"{name}*"):
        path.unlink()
