"""Targets: what a URL, a variable or a service comes to, and what cannot leak into it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.config import load_settings, variable_names
from kulti_ops.db import Target, database_error, parse_target, source_target
from kulti_ops.db.connection import place_in_copy
from kulti_ops.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-secret"
URL = f"postgresql://ann:{CANARY}@db.example:6000/app"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in tuple(os.environ):
        if name.startswith("PG") or name in variable_names().values():
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def target(text: str) -> Target:
    return parse_target(text, load_settings())


def test_target_of_a_url_is_named_in_full_without_its_password() -> None:
    found = target(URL)
    assert found.label == "ann@db.example:6000/app"
    assert found.secret == CANARY
    assert CANARY not in found.label
    assert found.params["sslmode"] == "verify-full"


def test_target_password_may_hold_anything_encoded() -> None:
    assert target("postgresql://u:p%40%3A%2F%25%3F@h/d").secret == "p@:/%?"


def test_target_name_may_hold_an_at_sign_encoded_and_options_one_as_it_is() -> None:
    found = target("postgresql://u:x@h/a%40b?application_name=c@d")
    assert found.label == "u@h:5432/a@b"


def test_target_of_a_variable_and_of_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_TARGET", URL)
    (tmp_path / ".env").write_text(f"OTHER_TARGET={URL}\n")
    assert target("env:MY_TARGET").label == target("env:OTHER_TARGET").label
    extra = tmp_path / "extra.env"
    extra.write_text("OTHER_TARGET=postgresql://bob:x@other.example/app\n")
    loaded = load_settings(env_file=extra)
    assert parse_target("env:OTHER_TARGET", loaded).label == "bob@other.example:5432/app"
    with pytest.raises(ConfigError, match="NOT_SET is not set"):
        target("env:NOT_SET")


def test_target_of_a_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "services"
    file.write_text("[prod]\nhost=db.example\nuser=ann\ndbname=app\nport=6001\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert target("service:prod").label == "ann@db.example:6001/app"
    with pytest.raises(ConfigError, match="no service 'other'"):
        target("service:other")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:canary-secret@h:port:port/d",
        "canary-secret",
        "postgresql://u:canary-secret@/d",
        "postgresql://u:canary-secret@h",
        "postgresql://u:canary-secret@h,i:1,2/d",
        "postgresql://u:p@canary-secret@h/d",
        "postgresql://u:p@canary-secret/x@h/d",
        "postgresql://u:1/canary-secret@h/d",
        "host=h password=canary-secret nonsense",
    ],
)
def test_target_that_names_no_database_is_refused_without_echo(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        target(text)
    assert CANARY not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


def test_target_stray_libpq_variables_do_not_leak_in(monkeypatch: pytest.MonkeyPatch) -> None:
    stray = {
        "PGHOST": "evil",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "evil",
        "PGDATABASE": "evil",
        "PGOPTIONS": "-c role=evil",
        "PGSSLMODE": "disable",
        "PGSERVICE": "evil",
        "PGAPPNAME": "evil",
    }
    for name, value in stray.items():
        monkeypatch.setenv(name, value)
    found = target("postgresql://ann:x@db.example/app")
    assert "evil" not in str(dict(found.params))
    assert found.params["options"] == ""
    environment = found.environment()
    assert "evil" not in environment.values()
    assert (environment["PGHOST"], environment["PGPORT"]) == ("db.example", "5432")
    assert "PGHOSTADDR" not in environment
    assert environment["PGSSLMODE"] == "verify-full"


def test_target_password_comes_from_libpq_where_the_url_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", CANARY)
    assert target("postgresql://ann@h/d").secret == CANARY
    assert target("postgresql://ann:own@h/d").secret == "own"


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_target_weak_tls_is_refused_unless_it_is_loopback(mode: str) -> None:
    with pytest.raises(ConfigError, match=f"sslmode={mode}"):
        target(f"postgresql://u:x@db.example/d?sslmode={mode}")
    assert target(f"postgresql://u:x@127.0.0.1/d?sslmode={mode}").params["sslmode"] == mode


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_target_tls_follows_the_url_then_the_setting(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    assert target(f"postgresql://u:x@h.example/d?sslmode={mode}").params["sslmode"] == mode
    monkeypatch.setenv("KULTI_OPS_SSLMODE", mode)
    assert target("postgresql://u:x@h.example/d").params["sslmode"] == mode


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("[::1]", True),
        ("%2Ftmp%2Fsocket", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_target_is_local_on_loopback_and_sockets_only(host: str, *, local: bool) -> None:
    assert target(f"postgresql://u:x@{host}/d").is_local is local


def test_source_prefers_the_url_over_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_PROJECT_REF", "abcdefghijklmnopqrst")
    monkeypatch.setenv("SUPABASE_DB_PASSWORD", "x")
    direct = source_target(load_settings())
    assert direct.label == "postgres@db.abcdefghijklmnopqrst.supabase.co:5432/postgres"
    monkeypatch.setenv("KULTI_OPS_POOLER_HOST", "aws-0-x.pooler.supabase.com")
    pooled = source_target(load_settings())
    assert pooled.label.startswith("postgres.abcdefghijklmnopqrst@aws-0-x.pooler.supabase.com:5432")
    monkeypatch.setenv("DATABASE_URL", URL)
    assert source_target(load_settings()).host == "db.example"


def test_source_of_a_project_without_password_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_PROJECT_REF", "abcdefghijklmnopqrst")
    with pytest.raises(ConfigError, match="SUPABASE_DB_PASSWORD is not"):
        source_target(load_settings())


def test_source_of_libpqs_environment_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no database is configured"):
        source_target(load_settings())
    for name, value in {"PGHOST": "h", "PGUSER": "u", "PGDATABASE": "d"}.items():
        monkeypatch.setenv(name, value)
    assert source_target(load_settings()).label == "u@h:5432/d"


def test_database_error_without_a_server_message_says_the_connection_was_lost() -> None:
    error = database_error("dumping", psycopg.OperationalError(f"secret {CANARY}"))
    assert error.message == "dumping: the connection was lost"


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ('COPY users, line 3, column aud: "canary-secret"', "row 3, column aud"),
        ('COPY users, line 3: "canary-secret\tx, column y: z"', "row 3"),
        ("COPY users, line 7", "row 7"),
        ('SQL function "f" statement 1\nCOPY t, line 2: "canary-secret"', "row 2"),
        ('COPY "odd, line 9", line 2, column odd name: "canary-secret"', "row 9"),
        ("PL/pgSQL function f() line 3 at RAISE", ""),
        ("", ""),
    ],
)
def test_place_of_a_row_that_does_not_fit_quotes_nothing_of_the_row(
    context: str, place: str
) -> None:
    assert place_in_copy(context) == place
