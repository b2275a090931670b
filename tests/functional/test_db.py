"""Connections to a real server: what goes wrong is named, and nothing stray leads elsewhere."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.config import load_settings
from kulti_ops.db import connect, parse_target, translated
from kulti_ops.errors import DatabaseError
from kulti_ops.pgserver import pick_free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kulti_ops.db import Target
    from kulti_ops.sandbox.lifecycle import SandboxInfo


def target_of(url: str) -> Target:
    return parse_target(url, load_settings())


def url_of(sandbox: SandboxInfo, **changed: str) -> str:
    known = {**psycopg.conninfo.conninfo_to_dict(sandbox.database_url), **changed}
    return (
        f"postgresql://{known['user']}:{known['password']}@{known['host']}:{known['port']}"
        f"/{known['dbname']}"
    )


def failure(url: str, *, timeout_s: int = 5) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        connect(target_of(url), application="test", timeout_s=timeout_s)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"password": "wrong-canary"}, "the password is wrong for role postgres"),
        ({"user": "nobody_here"}, "the password is wrong for role nobody_here"),
        ({"dbname": "no_such"}, "no database no_such"),
        ({"host": "no-such-host.invalid"}, "the host no-such-host.invalid is unknown"),
        ({"host": "%2Ftmp%2Fno-socket"}, "no socket in /tmp/no-socket"),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)
def test_connect_failure_names_its_cause(
    sandbox: SandboxInfo, changed: dict[str, str], expected: str
) -> None:
    error = failure(url_of(sandbox, **changed))
    assert expected in error.message
    assert error.hint
    assert "canary" not in f"{error.message} {error.hint} {error.__cause__} {error.__context__}"


def test_connect_to_a_closed_port_says_that_nothing_listens(sandbox: SandboxInfo) -> None:
    port = str(pick_free_port())
    assert f"nothing listens at 127.0.0.1:{port}" in failure(url_of(sandbox, port=port)).message


@contextmanager
def server_that(answer: bytes) -> Iterator[int]:
    """Listen, answer the first bytes of every client with `answer` (or never), return the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        clients: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                clients.append(client)
                if answer:
                    client.recv(100)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for client in clients:
            client.close()


def test_connect_to_a_silent_server_gives_up_in_time(sandbox: SandboxInfo) -> None:
    with server_that(b"") as port:
        error = failure(url_of(sandbox, port=str(port)), timeout_s=2)
    assert "no answer" in error.message


def test_connect_to_a_server_without_tls_says_so(sandbox: SandboxInfo) -> None:
    with server_that(b"N") as port:
        error = failure(url_of(sandbox, port=str(port)) + "?sslmode=require")
    assert "offers no TLS" in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGHOSTADDR", "127.0.0.77"),
        ("PGSERVICE", "elsewhere"),
        ("PGOPTIONS", "-c no_such_setting=1"),
        ("PGPORT", "1"),
        ("PGDATABASE", "elsewhere"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGSSLMODE", "verify-full"),
    ],
)
def test_connect_is_not_led_elsewhere_by_a_stray_variable(
    sandbox: SandboxInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    service = "[elsewhere]\nhostaddr=127.0.0.77\nport=1\ndbname=x\noptions=-c no_such=1\n"
    (tmp_path / "services").write_text(service)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv(name, value)
    with connect(target_of(sandbox.database_url), application="test") as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == ("postgres", "postgres")


def test_connect_takes_the_password_from_a_password_file(
    sandbox: SandboxInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = psycopg.conninfo.conninfo_to_dict(sandbox.database_url)
    file = tmp_path / "pass"
    file.write_text(f"*:*:*:postgres:{known['password']}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    url = f"postgresql://postgres@127.0.0.1:{known['port']}/postgres"
    with connect(target_of(url), application="test") as connection:
        assert connection.info.dbname == "postgres"


def test_translated_error_holds_no_row_data(sandbox: SandboxInfo) -> None:
    with connect(target_of(sandbox.database_url), application="test") as connection:
        connection.execute("CREATE TEMP TABLE people (name text UNIQUE)")
        connection.execute("INSERT INTO people VALUES ('Jane Canary')")
        with pytest.raises(DatabaseError) as caught, translated("loading people"):
            connection.execute("INSERT INTO people VALUES ('Jane Canary')")
    assert caught.value.sqlstate == "23505"
    assert caught.value.message.startswith("loading people: duplicate key value")
    assert "Canary" not in f"{caught.value.message} {caught.value.hint}"


def test_translated_loss_of_the_connection_says_so(sandbox: SandboxInfo) -> None:
    target = target_of(sandbox.admin_url)
    with (
        closing(connect(target, application="victim")) as victim,  # nothing to commit any more
        connect(target, application="killer") as killer,
    ):
        killer.execute("SELECT pg_terminate_backend(%s)", (victim.info.backend_pid,))
        with pytest.raises(DatabaseError) as caught, translated("counting"):
            victim.execute("SELECT 1")
    assert caught.value.message.startswith("counting: ")
    assert "terminating connection" in caught.value.message or "lost" in caught.value.message
