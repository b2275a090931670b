from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kulti_ops.report import Verdict
from kulti_ops.smoke.environment import judge_environment, jwt_claims
from kulti_ops.smoke.variables import VARIABLES

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
REF = "abcdefghijklmnopqrst"


def jwt(**claims: Any) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join([*texts, "c2lnbmF0dXJl"])


GOOD = {
    "NEXT_PUBLIC_SUPABASE_URL": f"https://{REF}.supabase.co",
    "NEXT_PUBLIC_SUPABASE_ANON_KEY": jwt(role="anon", ref=REF, exp=4_000_000_000),
    "SUPABASE_SERVICE_ROLE_KEY": jwt(role="service_role", ref=REF, exp=4_000_000_000),
    "NEXT_PUBLIC_HMS_APP_ID": "0123456789abcdef01234567",
    "HMS_APP_ACCESS_KEY": "canary-access-key",
    "HMS_APP_SECRET": "canary-app-secret",
    "HMS_TEMPLATE_ID": "0123456789abcdef01234568",
    "ANTHROPIC_API_KEY": "sk-ant-canary-0123456789",
    "NEXT_PUBLIC_APP_URL": "https://kulti.example",
    "NODE_ENV": "production",
    "UPSTASH_REDIS_REST_URL": "https://canary.upstash.io",
    "UPSTASH_REDIS_REST_TOKEN": "canary-redis-token",
    "NEXT_PUBLIC_SENTRY_DSN": "https://0123456789abcdef@o1.ingest.sentry.io/42",
}


def findings(**changes: str) -> dict[str, Verdict]:
    """Return what is neither ok nor skipped."""
    results = judge_environment({**GOOD, **changes}, now=NOW)
    for result in results:
        text = f"{result.summary} {result.evidence} {result.rows} {result.next}"
        assert "canary" not in text
        assert "eyJ" not in text
    fine = {Verdict.OK, Verdict.SKIPPED}
    return {r.id: r.status for r in results if r.status not in fine}


def test_environment_that_is_complete_has_no_findings() -> None:
    assert findings() == {}


@pytest.mark.parametrize("name", [v.name for v in VARIABLES if v.need == "required"])
def test_environment_required_variable_missing_or_placeholder_is_critical(name: str) -> None:
    for value in ("", "  ", f"your_{name.lower()}", "<value>", "changeme"):
        assert findings(**{name: value}).get(name) is Verdict.CRIT


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"NEXT_PUBLIC_APP_URL": "http://kulti.example"}, "NEXT_PUBLIC_APP_URL"),
        ({"NEXT_PUBLIC_APP_URL": "https://localhost:5555"}, "NEXT_PUBLIC_APP_URL"),
        ({"NEXT_PUBLIC_APP_URL": "https://127.0.0.1"}, "NEXT_PUBLIC_APP_URL"),
        ({"NEXT_PUBLIC_APP_URL": "https://10.1.2.3"}, "NEXT_PUBLIC_APP_URL"),
        ({"NEXT_PUBLIC_APP_URL": "kulti.example"}, "NEXT_PUBLIC_APP_URL"),
        ({"NEXT_PUBLIC_SUPABASE_ANON_KEY": GOOD["SUPABASE_SERVICE_ROLE_KEY"],
          "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_canary"},
         "NEXT_PUBLIC_SUPABASE_ANON_KEY public-secrets"),
        ({"SUPABASE_SERVICE_ROLE_KEY": GOOD["NEXT_PUBLIC_SUPABASE_ANON_KEY"]},
         "SUPABASE_SERVICE_ROLE_KEY public-secrets"),
        ({"SUPABASE_SERVICE_ROLE_KEY": jwt(role="service_role", exp=1)},
         "SUPABASE_SERVICE_ROLE_KEY"),
        ({"SUPABASE_SERVICE_ROLE_KEY": jwt(role="service_role", ref="another")},
         "SUPABASE_SERVICE_ROLE_KEY"),
        ({"SUPABASE_SERVICE_ROLE_KEY": "canary-no-jwt"}, "SUPABASE_SERVICE_ROLE_KEY"),
        ({"ANTHROPIC_API_KEY": "canary-without-prefix"}, "ANTHROPIC_API_KEY"),
        ({"HMS_APP_SECRET": "canary-with-space "}, "HMS_APP_SECRET"),
        ({"NODE_ENV": "prod"}, "NODE_ENV"),
        ({"HLS_THRESHOLD": "many"}, "HLS_THRESHOLD"),
        ({"UPSTASH_REDIS_REST_TOKEN": ""}, "UPSTASH_REDIS_REST_TOKEN pairs"),
        ({"TWILIO_AUTH_TOKEN": "canary-twilio"}, "pairs"),
        ({"SUPABASE_ACCESS_TOKEN": "sbp_canary0123456789012345", "VERCEL": "1"},
         "SUPABASE_ACCESS_TOKEN"),
        ({"NEXT_PUBLIC_STRIPE_SECRET": "canary-any"}, "public-secrets"),
        ({"NEXT_PUBLIC_HELPER": GOOD["HMS_APP_SECRET"]}, "public-secrets"),
        ({"NEXT_PUBLIC_AI": "sk-ant-canary-1"}, "public-secrets"),
        ({"NEXT_PUBLIC_HELPER": f"x/{GOOD['HMS_APP_SECRET']}/y"}, "public-secrets"),
        ({"HMS_APP_SECRET": "'canary-in-quotes'"}, "HMS_APP_SECRET"),
        ({"HMS_APP_SECRET": '"canary-in-quotes"'}, "HMS_APP_SECRET"),
        ({"HMS_APP_SECRET": "canary-line\ncanary-line"}, "HMS_APP_SECRET"),
        ({"NEXT_PUBLIC_APP_URL": "https://u:canary-pw@kulti.example"}, "NEXT_PUBLIC_APP_URL"),
        ({"SUPABASE_SERVICE_ROLE_KEY": jwt(role="service_role", exp="1")},
         "SUPABASE_SERVICE_ROLE_KEY"),
        ({"SUPABASE_SERVICE_ROLE_KEY": jwt(role="service_role", exp=True)},
         "SUPABASE_SERVICE_ROLE_KEY"),
    ],
)  # fmt: skip
def test_environment_fault_is_named_and_no_other(changes: dict[str, str], expected: str) -> None:
    assert findings(**changes) == dict.fromkeys(expected.split(), Verdict.CRIT)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"HMS_TEMPLATE_ID": "canary-template"}, "HMS_TEMPLATE_ID"),
        ({"NEXT_PUBLIC_SENTRY_DSN": ""}, "NEXT_PUBLIC_SENTRY_DSN"),
        ({"HMS_APP_ACCESS_KEY": GOOD["HMS_APP_SECRET"]}, "same-secret"),
        ({"GEMINI_API_KEY": "your_gemini_key"}, "GEMINI_API_KEY"),
    ],
)
def test_environment_doubt_is_a_warning(changes: dict[str, str], expected: str) -> None:
    assert findings(**changes) == {expected: Verdict.WARN}


def test_environment_of_development_may_use_localhost() -> None:
    assert findings(
        NODE_ENV="development",
        NEXT_PUBLIC_APP_URL="http://localhost:5555",
        NEXT_PUBLIC_SUPABASE_URL="http://127.0.0.1:54321",
        UPSTASH_REDIS_REST_URL="",
        UPSTASH_REDIS_REST_TOKEN="",
        NEXT_PUBLIC_SENTRY_DSN="",
    ) == {}  # fmt: skip


@pytest.mark.parametrize("text", ["", "eyJ", "eyJhIjoxfQ.!!.x", "eyJh.eyJh.x", "a.b.c"])
def test_jwt_that_is_none_claims_nothing(text: str) -> None:
    assert jwt_claims(text) is None


def test_environment_page_lists_every_variable() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "env.md"
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([a-z ]+) \|$", page.read_text(), flags=re.MULTILINE)
    assert rows == [(variable.name, str(variable.need)) for variable in VARIABLES]
