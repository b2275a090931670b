"""Running pg_restore: lists without files, feeding that ends, whoever fails first."""

from __future__ import annotations

import io
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import pytest

from kulti_ops.archive import Entry, Toc, read_toc
from kulti_ops.errors import DamagedError, OperationFailedError, StorageError
from kulti_ops.pgrestore import entry_list, pg_restore
from kulti_ops.pgtools import Installation
from kulti_ops.process import ToolFailedError
from tests.unit.making import entry
from tests.unit.test_archive import Made, archive

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = archive(Made(1, "TABLE DATA", "t", data=b"x" * 300_000))
LIST = (entry(7, "TABLE", "x\n8; nasty"), entry(9, "TABLE"))


@dataclass(frozen=True, kw_only=True)
class Source:
    """An archive as a stream, or as a file."""

    stream: BinaryIO
    path: Path | None = None
    toc: Toc | None = None

    def open(self) -> BinaryIO:
        """Give the one stream that there is."""
        return self.stream


class Failing(io.BytesIO):
    """A stream that breaks at its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise StorageError("the storage went away")
        return data


class Endless(io.BytesIO):
    """A stream that never ends."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        return bytes(size)


def tools(folder: Path, script: str) -> Installation:
    """Make an installation whose pg_restore is a shell script."""
    folder.mkdir(exist_ok=True)
    for name in ("pg_dump", "pg_restore", "psql"):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return Installation(bin_dir=folder, major=17, version="17.10", origin="configured")


def run(source: Source, installation: Installation) -> bytes:
    with pg_restore(source, LIST, tools=installation) as running:
        output = b"".join(running.output())
        running.finish()
    return output


def test_entry_list_holds_numbers_only_and_lies_nowhere() -> None:
    with entry_list(LIST) as (option, descriptor):
        path = option.removeprefix("--use-list=")
        for _ in range(2):  # pg_restore may open it more than once
            text = subprocess.run(
                ["/bin/cat", path],
                pass_fds=(descriptor,),
                capture_output=True,
                check=True,
                timeout=10,
            )
            assert text.stdout == b"7;\n9;\n"


def test_pg_restore_reads_a_file_by_itself(tmp_path: Path) -> None:
    fake = tools(tmp_path / "bin", 'cat "${2#--use-list=}" "$3"')
    (tmp_path / "dump").write_bytes(b"from the file")
    source = Source(stream=Failing(), path=tmp_path / "dump")
    assert run(source, fake) == b"7;\n9;\nfrom the file"


def test_pg_restore_is_fed_where_there_is_no_file(tmp_path: Path) -> None:
    assert run(Source(stream=io.BytesIO(WHOLE)), tools(tmp_path, "cat")) == WHOLE


@pytest.mark.parametrize("script", ["cat", "exec head -c 10", "exec <&-; echo done"])
def test_pg_restore_success_on_a_stream_that_breaks_is_none(tmp_path: Path, script: str) -> None:
    with pytest.raises(StorageError, match="went away"):
        run(Source(stream=Failing(WHOLE)), tools(tmp_path, script))


def test_pg_restore_without_data_is_fed_the_table_of_contents_only(tmp_path: Path) -> None:
    far = archive(Made(1, "TABLE DATA", "t", data=b"x" * 20_000_000))
    known = read_toc(io.BytesIO(far))
    fake = tools(tmp_path / "bin", "wc -c")
    table, rows = (entry(7, "TABLE"),), (entry(1, "TABLE DATA"),)
    for wanted, whole in ((table, False), (rows, True)):
        source = Source(stream=io.BytesIO(far), toc=known)
        with pg_restore(source, wanted, tools=fake) as running:
            fed = int(b"".join(running.output()))
            running.finish()
        assert (fed == len(far)) is whole


@pytest.mark.parametrize("wanted", [entry(7, "TABLE"), entry(1, "TABLE DATA")])
def test_pg_restore_of_another_table_of_contents_is_refused(tmp_path: Path, wanted: Entry) -> None:
    other = read_toc(io.BytesIO(archive(Made(1, "TABLE DATA", "u", data=b"x"))))
    source = Source(stream=io.BytesIO(WHOLE), toc=other)
    with pg_restore(source, (wanted,), tools=tools(tmp_path / "bin", "cat")) as running:
        for _ in running.output():
            pass  # how much comes out before it is ended is a matter of luck
        with pytest.raises(DamagedError, match="not the one that was verified"):
            running.finish()


def test_pg_restore_that_fails_early_ends_the_feeding(tmp_path: Path) -> None:
    stream = Endless()
    with pytest.raises(ToolFailedError, match="no such thing"):
        run(Source(stream=stream), tools(tmp_path, "echo 'x: error: no such thing' >&2; exit 3"))
    assert stream.closed


def test_pg_restore_left_early_ends_child_and_feeding(tmp_path: Path) -> None:
    source = Source(stream=Endless())
    with (
        pytest.raises(OperationFailedError, match="enough"),
        pg_restore(source, LIST, tools=tools(tmp_path, "exec sleep 60")) as running,
    ):
        raise OperationFailedError("enough")
    assert running.child.poll() is not None
    assert not any(t.name == "feed" for t in threading.enumerate())
    assert source.stream.closed
