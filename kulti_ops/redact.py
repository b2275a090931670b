"""Redaction: take secrets and personal data out of text before it leaves the process.

Pure values. Whatever prints, logs, reports or sends foreign text passes it
through here; nothing here decides what is printed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
_SHORTEST_SECRET = 6  # shorter values would mask ordinary words

_SECRET_PATTERNS = (
    # user:password@ of a URL: the password may itself hold any character but / and white space
    (
        re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]+(?=@)", re.IGNORECASE),
        rf"\g<head>{MASK}",
    ),
    (
        re.compile(
            r"(?P<head>\b[\w-]*(?:password|passwd|pwd|secret|token|apikey|api_key|authorization)"
            r"[\"']?\s*[=:]\s*(?:bearer\s+|basic\s+)?)(?P<quote>[\"']?)[^\s\"'&,;]+",
            re.IGNORECASE,
        ),
        rf"\g<head>\g<quote>{MASK}",
    ),
    (re.compile(r"\bbearer\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), f"Bearer {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"\b(?:sbp|sk-ant|sk|vercel|ghp)[_-][A-Za-z0-9_-]{12,}"), MASK),
    (re.compile(r"AGE-SECRET-KEY-[A-Z0-9]+", re.IGNORECASE), MASK),
    (re.compile(r"\bAKIA[A-Z0-9]{16}\b"), MASK),
)

_PERSONAL_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<email>"),
    (re.compile(r"(?<![\w.])\+\d{7,15}\b"), "<phone>"),
    (re.compile(r"(?m)^\s*(?:DETAIL|CONTEXT|QUERY|STATEMENT):.*$"), "<server detail removed>"),
    (re.compile(r"Key \([^)]*\)=\(.*?\)(?= (?:already|is|conflicts)|\.?$)"), "Key (...)=(...)"),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with known secrets and anything shaped like one masked."""
    for secret in sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern, replacement in _SECRET_PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_personal(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` also without e-mail addresses, phone numbers and servers' row data."""
    text = redact(text, secrets)
    for pattern, replacement in _PERSONAL_PATTERNS:
        text = pattern.sub(replacement, text)
    return text
