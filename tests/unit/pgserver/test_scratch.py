"""Where scratch servers' folders are placed: the servers themselves are in the functional tests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from kulti_ops.pgserver import scratch

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

TOPDIR = 0x00020000
EXTENTS = 0x00080000


class FakeDisk:
    """The two calls of a filesystem that keeps flags."""

    def __init__(self, flags: int) -> None:
        self.flags = flags

    def ioctl(self, _handle: int, request: int, value: bytearray) -> int:
        if request == scratch._FS_IOC_GETFLAGS:
            value[:4] = self.flags.to_bytes(4, sys.byteorder)
        else:
            self.flags = int.from_bytes(value[:4], sys.byteorder)
        return 0


def test_root_is_marked_for_its_folders_to_lie_apart(tmp_path: Path, mocker: MockerFixture) -> None:
    disk = FakeDisk(EXTENTS)
    mocker.patch("fcntl.ioctl", disk.ioctl)
    scratch._prepare_root(tmp_path / "drills", None)
    assert disk.flags == EXTENTS | TOPDIR


def test_root_that_is_everybody_s_is_left_as_it_is(tmp_path: Path, mocker: MockerFixture) -> None:
    disk = FakeDisk(EXTENTS)
    mocker.patch("fcntl.ioctl", disk.ioctl)
    tmp_path.chmod(0o1777)
    scratch._prepare_root(tmp_path, None)
    assert disk.flags == EXTENTS


@pytest.mark.parametrize("error", [OSError(25, "Inappropriate ioctl"), PermissionError(1, "no")])
def test_root_on_another_filesystem_is_as_good(
    tmp_path: Path, mocker: MockerFixture, error: OSError
) -> None:
    mocker.patch("fcntl.ioctl", side_effect=error)
    scratch._prepare_root(tmp_path / "drills", None)
    assert (tmp_path / "drills").is_dir()


def test_root_that_cannot_be_read_is_as_good(tmp_path: Path) -> None:
    scratch._spread(tmp_path / "not there")
