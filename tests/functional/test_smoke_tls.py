"""`smoke tls` against real TLS servers, each with one thing wrong."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kulti_ops import tls
from kulti_ops.errors import OperationFailedError
from kulti_ops.http import ExchangeError, Failure, Policy, own_loopback
from kulti_ops.message import Request
from kulti_ops.smoke.probe import Site as ProbedSite
from kulti_ops.smoke.run import run_smoke
from kulti_ops.smoke.selection import Order, Selection
from tests.certs import DAY, Issued, issue, make_ca
from tests.functional.cli import document, kulti_ops, statuses
from tests.functional.test_http import fetch
from tests.functional.web import Site, answer, serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

CHECKS = ("chain", "hostname", "expiry", "protocols", "key")


@pytest.fixture(scope="module")
def root() -> Issued:
    return make_ca()


@pytest.fixture
def cafile(root: Issued, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(root.pem())
    return path


def serving(issued: Issued, folder: Path, **versions: ssl.TLSVersion) -> Any:
    context = issued.context(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, version in versions.items():
            setattr(context, name, version)
    return serve(lambda _: answer(), tls=context)


def look(site: Site, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    where = f"127.0.0.1:{site.port}"
    return kulti_ops(
        "smoke", "tls", where, "--cafile", "ca.pem", "--format", "json", *more, folder=folder
    )


def verdicts(issued: Issued, folder: Path, *more: str) -> dict[str, str]:
    with serving(issued, folder) as site:
        done = look(site, folder, *more)
    found = statuses(done)
    assert tuple(found) == CHECKS
    assert done.returncode == (10 if "crit" in found.values() else 0)
    return found


def only(check: str, verdict: str) -> dict[str, str]:
    return {**dict.fromkeys(CHECKS, "ok"), check: verdict}


@pytest.mark.usefixtures("cafile")
def test_tls_good_server_is_ok(root: Issued, tmp_path: Path) -> None:
    assert verdicts(issue(root, "good"), tmp_path) == dict.fromkeys(CHECKS, "ok")


@pytest.mark.usefixtures("cafile")
@pytest.mark.parametrize(
    ("begin", "end", "verdict"),
    [(-90, -1, "crit"), (1, 90, "crit"), (-80, 15, "warn"), (-95, 5, "crit"), (-79, 21, "ok")],
    ids=["expired", "not-yet", "below-20", "below-10", "above-20"],
)
def test_tls_expiry_is_judged_by_the_lifetime_left(
    root: Issued, tmp_path: Path, begin: int, end: int, verdict: str
) -> None:
    issued = issue(root, "dated", begin=begin * DAY, end=end * DAY)
    assert verdicts(issued, tmp_path) == only("expiry", verdict)


@pytest.mark.usefixtures("cafile")
def test_tls_expiry_limits_can_be_set(root: Issued, tmp_path: Path) -> None:
    issued = issue(root, "dated", begin=-60 * DAY, end=40 * DAY)
    assert verdicts(issued, tmp_path, "--warn-below", "50")["expiry"] == "warn"
    assert verdicts(issued, tmp_path, "--crit-below", "45", "--warn-below", "50") == only(
        "expiry", "crit"
    )


@pytest.mark.usefixtures("cafile")
def test_tls_wrong_host_is_named(root: Issued, tmp_path: Path) -> None:
    issued = issue(root, "127.0.0.1", names=("kulti.example", "*.kulti.example"))
    assert verdicts(issued, tmp_path) == only("hostname", "crit")


@pytest.mark.usefixtures("cafile")
def test_tls_self_signed_is_named(tmp_path: Path) -> None:
    issued = issue(None, "127.0.0.1")
    assert verdicts(issued, tmp_path) == only("chain", "crit")
    with serving(issued, tmp_path) as site:
        results = {r["id"]: r for r in document(look(site, tmp_path))["results"]}
    assert "self-signed" in results["chain"]["summary"]


@pytest.mark.usefixtures("cafile")
def test_tls_incomplete_chain_is_told_from_a_complete_one(root: Issued, tmp_path: Path) -> None:
    middle = issue(root, "middle", ca=True)
    assert verdicts(issue(middle, "whole"), tmp_path) == dict.fromkeys(CHECKS, "ok")
    cut = issue(middle, "cut", with_chain=False)
    assert verdicts(cut, tmp_path) == only("chain", "crit")
    with serving(cut, tmp_path) as site:
        results = {r["id"]: r for r in document(look(site, tmp_path))["results"]}
    assert "incomplete" in results["chain"]["summary"]


@pytest.mark.usefixtures("cafile")
def test_tls_expired_intermediate_is_the_chain_s_fault(root: Issued, tmp_path: Path) -> None:
    middle = issue(root, "middle", ca=True, end=-timedelta(hours=1))
    assert verdicts(issue(middle, "leaf"), tmp_path) == only("chain", "crit")


@pytest.mark.usefixtures("cafile")
def test_tls_small_key_is_named(root: Issued, tmp_path: Path) -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the point
    assert verdicts(issue(root, "small", key=small), tmp_path) == only("key", "crit")


@pytest.mark.usefixtures("cafile")
def test_tls_old_protocol_that_is_accepted_is_named(root: Issued, tmp_path: Path) -> None:
    with serving(issue(root, "old"), tmp_path, minimum_version=ssl.TLSVersion.TLSv1) as site:
        done = look(site, tmp_path)
    assert statuses(done) == only("protocols", "warn")
    assert document(done)["data"]["protocols"] == dict.fromkeys(
        ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"), "accepted"
    )


@pytest.mark.usefixtures("cafile")
def test_tls_only_old_protocols_are_critical(root: Issued, tmp_path: Path) -> None:
    versions = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
    with serving(issue(root, "old"), tmp_path, **versions) as site:
        assert statuses(look(site, tmp_path)) == only("protocols", "crit")


def test_tls_limits_the_wrong_way_round_are_refused(tmp_path: Path) -> None:
    done = kulti_ops(
        *("smoke", "tls", "localhost", "--warn-below", "5", "--crit-below", "50"), folder=tmp_path
    )
    assert (done.returncode, "--crit-below" in done.stderr) == (2, True)


@pytest.mark.usefixtures("cafile")
def test_tls_limits_that_are_set_hold_for_both_commands(root: Issued, tmp_path: Path) -> None:
    issued = issue(root, "dated", begin=-60 * DAY, end=40 * DAY)
    env = {"KULTI_OPS_CERT_WARN_PERCENT": "50", "KULTI_OPS_CERT_CRIT_PERCENT": "45"}
    with serving(issued, tmp_path) as site:
        shared = ("--cafile", "ca.pem", "--format", "json")
        alone = kulti_ops("smoke", "tls", site.url, *shared, folder=tmp_path, env=env)
        run = ("smoke", "run", "--only", "tls", "--base-url", site.url)
        env["KULTI_OPS_STATUS_PAGES"] = f"a={site.url}"
        within = kulti_ops(*run, *shared, folder=tmp_path, env=env)
    assert statuses(alone)["expiry"] == "crit"
    assert statuses(within) == {"tls": "crit"}


def test_tls_untrusted_ca_without_cafile_is_the_chain_s_fault(root: Issued, tmp_path: Path) -> None:
    with serving(issue(root, "good"), tmp_path) as site:
        done = kulti_ops(
            *("smoke", "tls", f"127.0.0.1:{site.port}", "--format", "json"), folder=tmp_path
        )
    assert statuses(done) == only("chain", "crit")


@pytest.fixture
def plain_site() -> Iterator[Site]:
    with serve(lambda _: answer()) as site:
        yield site


@pytest.mark.parametrize(
    ("host", "code", "word"),
    [
        ("127.0.0.1:PORT", 5, "no tls"),
        ("no-such.invalid", 5, "not known"),
        ("10.0.0.1", 6, "private"),
    ],
)
def test_tls_that_is_none_is_said_in_one_line(
    plain_site: Site, tmp_path: Path, host: str, code: int, word: str
) -> None:
    target = host.replace("PORT", str(plain_site.port))
    done = kulti_ops("smoke", "tls", target, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert word in done.stderr.lower()


@pytest.mark.usefixtures("cafile")
@pytest.mark.parametrize("fault", ["good", "expired", "wrong-host", "self-signed"])
def test_fetch_refuses_a_bad_certificate_and_times_a_good_one(
    root: Issued, tmp_path: Path, fault: str
) -> None:
    from kulti_ops.http import Policy, own_loopback

    issued = {
        "good": lambda: issue(root, "x"),
        "expired": lambda: issue(root, "x", end=-DAY),
        "wrong-host": lambda: issue(root, "x", names=("kulti.example",)),
        "self-signed": lambda: issue(None, "x"),
    }[fault]()
    with serving(issued, tmp_path) as site:
        policy = Policy(private_hosts=own_loopback(site.url), cafile=tmp_path / "ca.pem")
        if fault == "good":
            times = fetch(Request(url=site.url), policy).timings
            assert times.tls_s is not None
            assert times.connect_s is not None
            return
        with pytest.raises(ExchangeError) as caught:
            fetch(Request(url=site.url), policy)
    assert caught.value.failure is Failure.CERTIFICATE


@pytest.mark.usefixtures("cafile")
def test_headers_of_a_site_with_a_bad_certificate_have_no_hsts(
    root: Issued, tmp_path: Path
) -> None:
    context = issue(root, "x", end=-DAY).context(tmp_path)
    header = "Strict-Transport-Security: max-age=63072000"
    with serve(lambda _: answer("200 OK", header), tls=context) as site:
        done = kulti_ops(
            *("smoke", "headers", site.url, "--cafile", "ca.pem", "--format", "json"),
            folder=tmp_path,
        )
    checks = {check["id"]: check["result"] for check in document(done)["data"]["checks"]}
    assert checks["strict-transport-security"] == "hsts-invalid-cert"


def test_look_at_a_server_that_falls_silent_waits_for_it_once(
    root: Issued, cafile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_s: list[float] = []
    connect = socket.create_connection

    def noted(address: tuple[str, int], timeout: float) -> socket.socket:
        waits_s.append(timeout)
        return connect(address, timeout)

    monkeypatch.setattr(socket, "create_connection", noted)
    context = issue(root, "127.0.0.1").context(tmp_path)
    with silent_after(3, context) as port:
        sight = tls.look("127.0.0.1", port, cafile=cafile, private=True, timeout_s=1)
    assert (sight.chain.code, sight.chain_now.code) == (0, 0)
    assert set(dict(sight.versions).values()) == {tls.Support.UNKNOWN}
    assert waits_s[0] > 0.5
    assert waits_s[-1] == 0.001


@contextmanager
def silent_after(handshakes: int, context: ssl.SSLContext) -> Iterator[int]:
    """Shake hands so many times, and take every later connection without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as taken:

        def serve_some() -> None:
            for _ in range(handshakes):
                client, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(client, server_side=True):
                    pass
            with suppress(OSError):
                while True:
                    taken.enter_context(listener.accept()[0])

        thread = threading.Thread(target=serve_some)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_run_gives_the_look_at_tls_no_more_than_its_budget(
    root: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def look(*_: object, timeout_s: float, **__: object) -> tls.Sight:
        given.append(timeout_s)
        raise OperationFailedError("not asked")

    monkeypatch.setattr("kulti_ops.smoke.gate.look", look)
    with serving(issue(root, "127.0.0.1"), tmp_path) as site:
        order = Order(
            site=ProbedSite(base_url=site.url),
            policy=Policy(private_hosts=own_loopback(site.url)),
            status_pages={},
            selection=Selection(only=frozenset({"tls"})),
            budget_s=2,
        )
        asyncio.run(run_smoke(order, now=datetime.now(UTC)))
    assert given[0] <= 2
