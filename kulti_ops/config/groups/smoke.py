"""Smoke tests of a deploy."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from kulti_ops.config.groups.group import Folder, Group, listed, names
from kulti_ops.platform.surface import SIZE_LIMITED


class SmokeSettings(Group):
    """Smoke tests of a deploy."""

    TITLE: ClassVar[str] = "Smoke tests"

    app_url: str | None = Field(
        None,
        validation_alias=names("NEXT_PUBLIC_APP_URL"),
        description="The site that smoke tests look at.",
        examples=["https://kulti.example"],
    )
    private_hosts: str = Field(
        "",
        validation_alias=names("KULTI_OPS_PRIVATE_HOSTS"),
        description="Hosts that may lead to private addresses, comma-separated.",
        examples=["staging.kulti.example"],
    )
    cafile: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_CAFILE"),
        description="PEM file of a CA that smoke tests trust instead of the system's.",
        examples=["/etc/kulti-ops/ca.pem"],
    )
    http_url: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_HTTP_URL"),
        description="The site's http side, where it is not on port 80 of the same host.",
        examples=["http://staging.kulti.example:8080"],
    )
    hms_app_secret: SecretStr | None = Field(
        None,
        validation_alias=names("HMS_APP_SECRET"),
        description="Secret that signs the video vendor's webhooks; proves that signed ones pass.",
        examples=["SECRET"],
    )
    protection_bypass: SecretStr | None = Field(
        None,
        validation_alias=names("VERCEL_AUTOMATION_BYPASS_SECRET"),
        description="Lets smoke tests into protected preview deployments.",
        examples=["SECRET"],
    )
    test_account_cookie: SecretStr | None = Field(
        None,
        validation_alias=names("KULTI_OPS_TEST_ACCOUNT_COOKIE"),
        description="Cookie header of a signed-in test account, NAME=VALUE; NAME=VALUE: smoke "
        "tests then read its balance, transactions and recordings.",
        examples=["sb-PROJECT-auth-token=VALUE"],
    )
    status_pages: str = Field(
        "",
        validation_alias=names("KULTI_OPS_STATUS_PAGES"),
        description="Vendors' status pages as name=url, comma-separated. "
        "Default: those of all six vendors.",
        examples=["supabase=https://status.supabase.com"],
    )
    page_budget_s: float = Field(
        2.0,
        gt=0,
        validation_alias=names("KULTI_OPS_PAGE_BUDGET_S"),
        description="Seconds that a page may take (median).",
    )
    api_budget_s: float = Field(
        0.5,
        gt=0,
        validation_alias=names("KULTI_OPS_API_BUDGET_S"),
        description="Seconds that an API answer may take (median).",
    )
    latency_samples: int = Field(
        5,
        ge=5,
        le=1000,
        validation_alias=names("KULTI_OPS_LATENCY_SAMPLES"),
        description="How often the probe latency asks each route; from 20 on there is a p95, from "
        "100 on a p99.",
    )
    cert_warn_percent: float = Field(
        20.0,
        ge=0,
        le=100,
        validation_alias=names("KULTI_OPS_CERT_WARN_PERCENT"),
        description="Share of a certificate's lifetime below which it is a warn, in per cent.",
    )
    cert_crit_percent: float = Field(
        10.0,
        ge=0,
        le=100,
        validation_alias=names("KULTI_OPS_CERT_CRIT_PERCENT"),
        description="Share of a certificate's lifetime below which it is crit, in per cent.",
    )
    min_grade: str = Field(
        "B",
        validation_alias=names("KULTI_OPS_MIN_GRADE"),
        pattern=r"^(A\+|A|A-|B\+|B|B-|C\+|C|C-|D\+|D|D-|F)$",
        description="Grade of the security headers from which smoke run is content.",
    )
    size_limited: str = Field(
        ",".join(SIZE_LIMITED),
        validation_alias=names("KULTI_OPS_SIZE_LIMITED"),
        pattern=r"^/[^,\s]*(\s*,\s*/[^,\s]*)*$",
        description="Routes that refuse bodies of more than 10,240 characters, comma-separated.",
    )
    baseline_latency_percent: float = Field(
        50.0,
        ge=0,
        validation_alias=names("KULTI_OPS_BASELINE_LATENCY_PERCENT"),
        description="How much slower than the baseline a route's median may be, in per cent; "
        "0.1 s more is never a finding.",
    )
    baseline_size_percent: float = Field(
        50.0,
        ge=0,
        validation_alias=names("KULTI_OPS_BASELINE_SIZE_PERCENT"),
        description="How much larger or smaller than in the baseline a page may be, in per cent; "
        "10 kB are never a finding.",
    )
    version_header: str = Field(
        "x-kulti-version",
        validation_alias=names("KULTI_OPS_VERSION_HEADER"),
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header in which the site tells its commit, for smoke wait.",
    )
    hsts_preloaded: str = Field(
        "",
        validation_alias=names("KULTI_OPS_HSTS_PRELOADED"),
        description="Hosts known to be on the browsers' HSTS preload list, comma-separated.",
        examples=["kulti.example"],
    )

    @property
    def private_host_names(self) -> frozenset[str]:
        """Hosts that may lead to private addresses."""
        return listed(self.private_hosts)

    @property
    def hsts_preloaded_hosts(self) -> frozenset[str]:
        """Hosts known to be on the HSTS preload list."""
        return listed(self.hsts_preloaded)

    @property
    def size_limited_paths(self) -> tuple[str, ...]:
        """Routes that refuse large bodies."""
        return tuple(path.strip() for path in self.size_limited.split(","))
