"""Sentry for this tool's own unexpected errors; silent without a DSN.

What is sent is scrubbed before it leaves: no local variables, no arguments, no
secrets, no row data of server messages, no e-mail addresses or phone numbers.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from kulti_ops import __version__
from kulti_ops.redact import redact_personal, redact_server

if TYPE_CHECKING:
    from collections.abc import Collection

    from kulti_ops.config import Settings

RELEASE = f"kulti-ops@{__version__}"
TRACE_SAMPLE_RATE = 0.1  # the platform's own sampling
FLUSH_TIMEOUT_S = 2.0
# Members that hold what an exception or somebody said: a server's words may quote a row.
_SAID = frozenset({"value", "message", "formatted"})
# Members of an event that are ours or random; a release looks like an e-mail address.
_KEPT = frozenset({"release", "event_id", "trace_id", "span_id", "timestamp", "start_timestamp"})

_transaction: Any = None


def start(settings: Settings, *, command: str, secrets: Collection[str]) -> None:
    """Start sending when a DSN is set; a DSN that cannot be used is ignored with no effect.

    `secrets` is looked at when something is sent: it may still grow.
    """
    global _transaction  # noqa: PLW0603 - sentry_sdk's client is itself global to the process
    if settings.sentry_dsn is None or _transaction is not None:
        return
    _load()
    import sentry_sdk
    from sentry_sdk.utils import BadDsn

    try:
        _init(settings, dsn=settings.sentry_dsn.get_secret_value(), secrets=secrets)
    except (BadDsn, ValueError):
        return  # `doctor` reports it; a broken DSN must not stop a restore
    sentry_sdk.set_tag("command", command)
    _transaction = sentry_sdk.start_transaction(op="command", name=command)
    _transaction.__enter__()


def _load() -> None:
    """Import the SDK without its look at eventlet, which warns at every fork from then on."""
    modules: dict[str, Any] = sys.modules
    hide = "eventlet" not in modules
    if hide:
        modules["eventlet"] = None  # imports of it fail as if it were not installed
    try:
        import sentry_sdk  # noqa: F401 - for its effect
    finally:
        if hide:
            del modules["eventlet"]


def _init(settings: Settings, *, dsn: str, secrets: Collection[str]) -> None:
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        release=RELEASE,
        environment=settings.environment,
        traces_sample_rate=TRACE_SAMPLE_RATE,
        auto_enabling_integrations=False,
        default_integrations=False,
        include_local_variables=False,
        server_name="",
        spotlight=False,
        before_send=lambda event, _hint: scrub(event, secrets),
        before_send_transaction=lambda event, _hint: scrub(event, secrets),
        before_breadcrumb=lambda crumb, _hint: scrub(crumb, secrets),
    )


def step(text: str) -> None:
    """Leave a breadcrumb for the steps of a command."""
    if _transaction is not None:
        import sentry_sdk

        sentry_sdk.add_breadcrumb(category="step", message=text)


def capture(error: BaseException) -> None:
    """Send an unexpected error."""
    if _transaction is not None:
        import sentry_sdk

        sentry_sdk.capture_exception(error)


def endpoint(dsn: str) -> tuple[str, int] | None:
    """Return the host and port that a DSN sends to, None when it is no DSN."""
    _load()
    from sentry_sdk.utils import BadDsn, Dsn

    try:
        parsed = Dsn(dsn)
    except (BadDsn, ValueError):
        return None
    return parsed.host, parsed.port


def envelope_endpoint(dsn: str) -> tuple[str, str] | None:
    """Return the URL that takes envelopes and the header that admits them; None for no DSN."""
    _load()
    from sentry_sdk.consts import EndpointType
    from sentry_sdk.utils import BadDsn, Dsn

    try:
        auth = Dsn(dsn).to_auth(RELEASE.replace("@", "/"))
    except (BadDsn, ValueError):
        return None
    return auth.get_api_url(EndpointType.ENVELOPE), auth.to_header()


def finish(*, status: str) -> None:
    """End the command's transaction and wait shortly for what was sent to leave."""
    if _transaction is not None:
        import sentry_sdk

        _transaction.set_status(status)
        _transaction.__exit__(None, None, None)
        sentry_sdk.flush(timeout=FLUSH_TIMEOUT_S)


def scrub(value: Any, secrets: Collection[str] = ()) -> Any:  # noqa: ANN401 - any JSON value
    """Return an event with every text in it redacted."""
    if isinstance(value, str):
        return redact_personal(value, secrets)
    if isinstance(value, dict):
        return {key: _scrub_member(key, item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(item, secrets) for item in value]
    return value


def _scrub_member(key: object, item: Any, secrets: Collection[str]) -> Any:  # noqa: ANN401
    if key in _KEPT:
        return item
    if key in _SAID and isinstance(item, str):
        return redact_server(item, secrets)
    return scrub(item, secrets)
