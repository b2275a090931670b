from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from kulti_ops.errors import ConfigError
from kulti_ops.pgserver import account
from kulti_ops.pgserver.account import (
    Account,
    check_enterable,
    free_bytes,
    make_enterable_dir,
    server_account,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

# Ids that own nothing here, so that only the rights of others count.
STRANGER = Account("stranger", 54321, 54321)


@pytest.fixture
def as_root(mocker: MockerFixture) -> None:
    mocker.patch.object(account.os, "geteuid", return_value=0)


def test_server_account_for_ordinary_user_is_none(mocker: MockerFixture) -> None:
    mocker.patch.object(account.os, "geteuid", return_value=1000)
    assert server_account() is None


@pytest.mark.usefixtures("as_root")
def test_server_account_for_root_is_nobody() -> None:
    entry = pwd.getpwnam("nobody")
    assert server_account() == Account("nobody", entry.pw_uid, entry.pw_gid)


@pytest.mark.usefixtures("as_root")
def test_server_account_without_nobody_uses_the_overflow_id(mocker: MockerFixture) -> None:
    mocker.patch.object(account.pwd, "getpwnam", side_effect=KeyError)
    assert server_account() == Account("nobody", 65534, 65534)


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("name", ["root", "no-such-account-here"])
def test_server_account_unfit_name_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        server_account(name)


def test_check_enterable_private_folder_on_the_way_is_named(session_dir: Path) -> None:
    private = session_dir / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(ConfigError) as caught:
        check_enterable(private / "deep" / "er", STRANGER)
    assert str(private) in caught.value.message
    assert "stranger" in caught.value.message


def test_check_enterable_open_folders_pass(session_dir: Path) -> None:
    check_enterable(session_dir / "not-yet-there", STRANGER)


def test_check_enterable_own_private_folder_passes(session_dir: Path) -> None:
    private = session_dir / "private"
    private.mkdir(mode=0o700)
    check_enterable(private, Account("me", os.geteuid(), os.getegid()))


def test_free_bytes_of_a_path_to_come_is_that_of_its_parent(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0


def test_make_enterable_dir_does_so_whatever_the_umask(session_dir: Path) -> None:
    before = os.umask(0o077)
    try:
        make_enterable_dir(session_dir / "a" / "b")
    finally:
        os.umask(before)
    expected = 0o711 if os.geteuid() == 0 else 0o700
    for made in (session_dir / "a", session_dir / "a" / "b"):
        assert made.stat().st_mode & 0o777 == expected
