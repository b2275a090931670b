from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg.conninfo
import pytest

from kulti_ops.pgserver import PgServer, ServerSpec, socket_path_fits
from kulti_ops.pgtools import Installation

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

INSTALLATION = Installation(Path("/opt/pg/bin"), 17, "17.10", "embedded")
PASSWORD = "p@ss/w:rd ?#%"


def make_server(**changes: Any) -> PgServer:
    given = {"data_dir": Path("/srv/x/data"), "superuser": "boss", "password": PASSWORD}
    return PgServer(ServerSpec(**{**given, **changes}), INSTALLATION)


def test_dsn_tcp_round_trips_through_libpq() -> None:
    server = make_server(listen="tcp", port=6000)
    parts = psycopg.conninfo.conninfo_to_dict(server.dsn('odd "db"/x'))
    assert parts == {
        "user": "boss",
        "password": PASSWORD,
        "host": "127.0.0.1",
        "port": "6000",
        "dbname": 'odd "db"/x',
    }


def test_dsn_socket_names_the_folder_beside_the_data() -> None:
    url = urlsplit(make_server().dsn(user="postgres", password="other"))
    assert parse_qs(url.query) == {"host": ["/srv/x/data.run"], "port": ["5432"]}
    assert (url.username, unquote(url.password or "")) == ("postgres", "other")


def test_dsn_of_another_user_needs_its_password() -> None:
    with pytest.raises(ValueError, match="password of postgres"):
        make_server().dsn(user="postgres")


def test_spec_shows_no_password() -> None:
    assert PASSWORD not in repr(make_server().spec)


def test_spec_relative_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        make_server(data_dir=Path("data"))


def test_spec_tcp_without_network_is_refused() -> None:
    with pytest.raises(ValueError, match="socket only"):
        make_server(listen="tcp", network=False)


@pytest.mark.parametrize(("length", "fits"), [(86, True), (87, False)])
def test_socket_path_fits_up_to_the_limit(length: int, *, fits: bool) -> None:
    # "/.s.PGSQL.5432.lock" has 19 characters; the folder gets the rest of the 107.
    folder = Path("/" + "a" * (length + 1))
    assert socket_path_fits(folder, 5432) is fits


@pytest.mark.parametrize("durable", [True, False])
def test_initdb_has_its_shared_memory_in_the_data_folder(
    mocker: MockerFixture, *, durable: bool
) -> None:
    """What one that is killed leaves in /dev/shm nobody would remove."""
    mocker.patch.object(Installation, "tool", lambda _self, name: Path("/opt/pg/bin") / name)
    server = make_server(durable=durable)
    wanted = "--set=dynamic_shared_memory_type=mmap"
    assert wanted in server._initdb_argv()
    server.installation = Installation(Path("/opt/pg/bin"), 15, "15.18", "system")
    assert not any(str(word).startswith("--set") for word in server._initdb_argv())
