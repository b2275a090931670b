"""HTTP: the one adapter over aiohttp; bounded, without surprises, with its time accounted for.

Redirects are never followed by themselves. Credentials stay on their origin. A name that
leads to a private address is refused unless the caller named it. Bodies are read and
unpacked up to a bound. Failures have a kind each; nothing here judges an answer.
"""

from kulti_ops.http.addresses import own_loopback
from kulti_ops.http.client import Client, Policy, open_client, redirected, tls_context
from kulti_ops.http.failure import ExchangeError, Failure
from kulti_ops.http.patience import Patience, fetch_patiently
from kulti_ops.http.threads import in_thread

__all__ = (
    "Client",
    "ExchangeError",
    "Failure",
    "Patience",
    "Policy",
    "fetch_patiently",
    "in_thread",
    "open_client",
    "own_loopback",
    "redirected",
    "tls_context",
)
