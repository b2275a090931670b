"""Telemetry, received for real: by a small endpoint on loopback that reads Sentry's envelopes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops import telemetry
from tests.sentry import items_of

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
CANARY = "canary-secret-31337"


class Endpoint(ThreadingHTTPServer):
    """Takes envelopes in and keeps their items."""

    daemon_threads = True

    def __init__(self) -> None:
        self.items: list[tuple[str, dict[str, Any]]] = []
        self.raw: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def dsn(self) -> str:
        return f"http://publickey@127.0.0.1:{self.server_port}/42"

    def events(self) -> list[dict[str, Any]]:
        return [item for kind, item in self.items if kind == "event"]


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "")
        plain = gzip.decompress(body) if encoding == "gzip" else body
        self.server.raw.append(plain.decode())
        self.server.items += items_of(plain)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def run(tmp_path: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.unit.edge_program", "fake", *arguments],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(REPOSITORY),
            **settings,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_telemetry_bug_arrives_scrubbed_with_its_steps(tmp_path: Path, endpoint: Endpoint) -> None:
    done = run(
        tmp_path,
        "bug",
        KULTI_OPS_SENTRY_DSN=endpoint.dsn,
        KULTI_OPS_ENVIRONMENT="staging",
        DATABASE_URL=f"postgresql://postgres:{CANARY}@db.example:5432/app",
    )
    assert done.returncode == 1
    (event,) = endpoint.events()
    exception = event["exception"]["values"][-1]
    assert exception["type"] == "ValueError"
    assert event["environment"] == "staging"
    assert event["release"].startswith("kulti-ops@")
    assert event["tags"]["command"] == "fake bug"
    frames = exception["stacktrace"]["frames"]
    assert frames[-1]["function"] == "bug"
    assert all("vars" not in frame for frame in frames)
    steps = [crumb["message"] for crumb in event["breadcrumbs"]["values"]]
    assert steps[0] == "opening the door"
    sent = "\n".join(endpoint.raw)
    values = json.dumps([exception["value"], steps, event.get("extra"), event.get("contexts")])
    for secret in (CANARY, f"local-{CANARY}"):
        assert secret not in sent
    for personal in ("plain-secret-word", "jane", "491701234567"):
        assert personal not in values
    assert os.uname().nodename not in str(event.get("server_name"))
    assert "sys.argv" not in sent


def test_telemetry_without_a_dsn_loads_and_sends_nothing(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    done = run(tmp_path, "bug", SENTRY_DSN=endpoint.dsn, SENTRY_SPOTLIGHT=endpoint.dsn)
    assert done.returncode == 1
    assert endpoint.raw == []


def test_telemetry_expected_error_is_not_sent(tmp_path: Path, endpoint: Endpoint) -> None:
    done = run(tmp_path, "settings", KULTI_OPS_SENTRY_DSN=endpoint.dsn)
    assert done.returncode == 0
    assert endpoint.events() == []


@pytest.mark.parametrize("dsn", ["no dsn", "http://127.0.0.1/1", "http://k@127.0.0.1:port/1"])
def test_telemetry_unusable_dsn_fails_no_command(tmp_path: Path, dsn: str) -> None:
    done = run(tmp_path, "settings", "--format", "json", KULTI_OPS_SENTRY_DSN=dsn)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"] == {"jobs": 2}
    assert done.stderr == ""


@contextmanager
def dead_endpoint() -> Iterator[str]:
    """Accept connections and never answer."""
    with closing(create_server(("127.0.0.1", 0), backlog=5)) as listener:
        yield f"http://key@127.0.0.1:{listener.getsockname()[1]}/1"


def test_telemetry_dead_endpoint_delays_the_end_by_two_seconds_at_most(tmp_path: Path) -> None:
    with dead_endpoint() as dsn:
        started = time.monotonic()
        done = run(tmp_path, "bug", KULTI_OPS_SENTRY_DSN=dsn)
        took_s = time.monotonic() - started
    assert done.returncode == 1
    assert took_s < telemetry.FLUSH_TIMEOUT_S + 2.5  # the start of the program and a slow machine
    assert "bug of kulti-ops" in done.stderr


@pytest.mark.parametrize(
    ("dsn", "endpoint"),
    [
        ("https://key@o1.example/42", ("o1.example", 443)),
        ("http://key@127.0.0.1:9000/42", ("127.0.0.1", 9000)),
        ("https://o1.example/42", None),
        ("o1.example", None),
        ("", None),
        ("https://key@o1.example/", None),
    ],
)
def test_telemetry_endpoint_of_a_dsn(dsn: str, endpoint: tuple[str, int] | None) -> None:
    assert telemetry.endpoint(dsn) == endpoint


def test_telemetry_samples_a_tenth_of_the_traces() -> None:
    assert telemetry.TRACE_SAMPLE_RATE == 0.1


def test_scrub_goes_through_an_event() -> None:
    event = {
        "message": f"postgresql://u:{CANARY}@h/d for jane@x.example",
        "exception": {"values": [{"value": "a secret-word"}]},
        "count": 3,
    }
    shown = telemetry.scrub(event, ["secret-word"])
    assert CANARY not in str(shown)
    assert "jane" not in str(shown)
    assert shown["exception"]["values"][0]["value"] == "a ***"
    assert shown["count"] == 3
