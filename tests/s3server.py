"""S3 servers for tests: a real one (OpenStack Swift), and moto for what Swift does not have."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.storage.s3.options import S3Options

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "kulti-backups"
LOCKED_BUCKET = "kulti-locked"  # on moto: with versions and object lock
# A file system in memory saves the waiting for disks.
PLACES = (Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/var/tmp"))


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A server on loopback with one bucket, and the keys to it."""

    endpoint: str
    access_key_id: str
    secret_access_key: str

    def options(self, prefix: str = "", **more: Any) -> S3Options:
        """Return the options of a storage below a prefix, a fresh one unless it is named."""
        wanted: dict[str, Any] = {
            "bucket": BUCKET,
            "prefix": f"{prefix or secrets.token_hex(6)}/",
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "attempts": 2,
            "timeout_s": 30,
        }
        return S3Options(**{**wanted, **more})

    def environment(self, url: str = "") -> dict[str, str]:
        """Return the variables by which the tool uses this server."""
        return {
            "KULTI_OPS_STORAGE": url or f"s3://{BUCKET}/{secrets.token_hex(6)}",
            "KULTI_OPS_S3_ENDPOINT": self.endpoint,
            "KULTI_OPS_S3_REGION": "us-east-1",
            "KULTI_OPS_S3_ATTEMPTS": "2",
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def boto(self) -> Any:
        """Return a client of its own, to look and to stage."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def keys(self, prefix: str) -> list[str]:
        """Return every key below a prefix, ours and hidden ones."""
        found = self.boto().list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")
        return [entry["Key"].removeprefix(f"{prefix}/") for entry in found.get("Contents", ())]

    def uploads(self, prefix: str) -> list[str]:
        """Return the keys of unfinished uploads below a prefix."""
        found = self.boto().list_multipart_uploads(Bucket=BUCKET, Prefix=f"{prefix}/")
        return [entry["Key"].removeprefix(f"{prefix}/") for entry in found.get("Uploads", ())]


@contextmanager
def swift_server() -> Iterator[S3Server]:
    """Run Swift as long as the context lasts; also ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="kulti-swift-", dir=_place_with_attributes()))
    script = Path(__file__).with_name("swift_process.py")
    try:
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [sys.executable, script, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={"PATH": os.environ["PATH"]},
            ) as child,
        ):
            assert child.stdout is not None
            port = child.stdout.readline().strip()
            assert port, (folder / "log").read_text()
            server = S3Server(
                endpoint=f"http://127.0.0.1:{port}",
                access_key_id="test:tester",
                secret_access_key="testing",
            )
            server.boto().create_bucket(Bucket=BUCKET)
            yield server
            child.communicate(timeout=30)  # closes its stdin, at which it ends
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place_with_attributes() -> Path:
    """Return a folder on a file system that keeps users' extended attributes: Swift needs them."""
    for place in PLACES:
        try:
            with tempfile.NamedTemporaryFile(dir=place) as file:
                os.setxattr(file.name, "user.kulti", b"1")
        except OSError:
            continue
        return place
    pytest.fail(f"none of {', '.join(map(str, PLACES))} keeps extended attributes")


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """Run moto in a thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        server = S3Server(
            endpoint=f"http://{host}:{port}", access_key_id="moto", secret_access_key="anything"
        )
        server.boto().create_bucket(Bucket=BUCKET)
        server.boto().create_bucket(Bucket=LOCKED_BUCKET, ObjectLockEnabledForBucket=True)
        yield server
    finally:
        running.stop()


@pytest.fixture(scope="session")
def swift() -> Iterator[S3Server]:
    """The real S3 server. Every test takes a prefix of its own."""
    with swift_server() as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """The pretended AWS: object lock, encryption, storage classes; checks no signature."""
    with moto_server() as server:
        yield server
