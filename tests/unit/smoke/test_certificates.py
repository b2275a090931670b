from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kulti_ops.report import Verdict
from kulti_ops.smoke.certificates import Limits, covers, judge_tls, matches
from kulti_ops.tls import Certificate, Chain, Sight, Support

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
CERTIFICATE = Certificate(
    subject="CN=kulti.example",
    issuer="CN=root",
    names=("kulti.example",),
    not_before=NOW - timedelta(days=10),
    not_after=NOW + timedelta(days=80),
    key="EC",
    key_bits=256,
    signature_hash="sha256",
    is_self_signed=False,
)


def test_protocol_that_we_cannot_offer_is_unknown() -> None:
    good = Chain(code=0, message="")
    sight = Sight(
        host="kulti.example",
        port=443,
        certificate=CERTIFICATE,
        chain=good,
        chain_now=good,
        versions=(
            ("TLSv1.0", Support.UNKNOWN),
            ("TLSv1.1", Support.REFUSED),
            ("TLSv1.2", Support.ACCEPTED),
            ("TLSv1.3", Support.ACCEPTED),
        ),
    )
    results = {r.id: r for r in judge_tls(sight, now=NOW, limits=Limits())}
    assert results["protocols"].status is Verdict.UNKNOWN
    assert "TLSv1.0" in results["protocols"].summary
    assert {r.status for r in results.values()} == {Verdict.OK, Verdict.UNKNOWN}


@pytest.mark.parametrize(
    ("host", "name", "fits"),
    [
        ("kulti.example", "kulti.example", True),
        ("KULTI.example.", "kulti.EXAMPLE", True),
        ("www.kulti.example", "*.kulti.example", True),
        ("a.www.kulti.example", "*.kulti.example", False),
        ("kulti.example", "*.kulti.example", False),
        ("kulti.example", "*.example", False),
        ("a.example", "*.example", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "*.0.0.1", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("www.kulti.example", "w*.kulti.example", False),
    ],
)
def test_certificate_name_covers_a_host(host: str, name: str, *, fits: bool) -> None:
    assert matches(host, name) is fits


def test_certificate_covers_an_address_that_it_names_as_one_only() -> None:
    as_name = replace(CERTIFICATE, names=("127.0.0.1",))
    as_address = replace(CERTIFICATE, names=("kulti.example",), addresses=("127.0.0.1",))
    assert not covers(as_name, "127.0.0.1")
    assert covers(as_address, "127.0.0.1")
    assert covers(as_address, "kulti.example")
