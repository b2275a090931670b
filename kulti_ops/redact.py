"""Redaction: take secrets and personal data out of text before it leaves the process.

Pure values. Whatever prints, logs, reports or sends foreign text passes it
through here; nothing here decides what is printed. Values are masked before they
are rendered: a mask put into finished JSON could break it, and a secret that was
escaped or wrapped there would not be found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
# Repetitions before a fixed word are bounded: without, a long word costs quadratic time.
_SHORTEST_SECRET = 6  # shorter values would mask ordinary words

_NAME = (
    r"(?:password|passwd|pwd|secret|token|authorization|credentials?|api[_-]?key"
    r"|(?:access|private|secret|service|role|signing|encryption|auth)[_-]?key)"
)
_SECRET_KEY = re.compile(rf"{_NAME}$", re.IGNORECASE)

_SECRET_PATTERNS = (
    # user:password@ of a URL. A database's password may hold any character but white space, even
    # an @ or / that should have been encoded; of a web address only what stands before the path.
    (
        re.compile(
            r"(?P<head>\b(?:postgres(?:ql)?|rediss?|mysql|amqps?|mongodb(?:\+srv)?)://"
            r"[^\s:/@]*:)[^\s]+(?=@)",
            re.IGNORECASE,
        ),
        rf"\g<head>{MASK}",
    ),
    (
        re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]*:)[^\s/]+(?=@)", re.IGNORECASE),
        rf"\g<head>{MASK}",
    ),
    # name=value, name: value, "name": "value", as in settings, headers, query strings and conninfo
    (
        re.compile(
            rf"(?P<head>{_NAME}[\"']?\s*[=:]\s*(?:bearer\s+|basic\s+)?)"
            r"(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\s\"'&,;]+)",
            re.IGNORECASE,
        ),
        rf"\g<head>{MASK}",
    ),
    (re.compile(r"\bbearer\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), f"Bearer {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"\b(?:sbp|sb_secret|sk-ant|sk|vercel|ghp|sntrys)[_-][A-Za-z0-9_-]{12,}"), MASK),
    (re.compile(r"AGE-SECRET-KEY-[A-Z0-9]+", re.IGNORECASE), MASK),
    (re.compile(r"\bAKIA[A-Z0-9]{16}\b"), MASK),
)

_PERSONAL_PATTERNS = (
    # Everything after the server's primary message: row data may go on over several lines.
    (
        re.compile(r"(?ms)^\s*(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+):.*\Z"),
        "<server detail removed>",
    ),
    (re.compile(r"(?s)(invalid (?:input|value|byte)[^:\n]*: ).+"), r"\1<value>"),
    (re.compile(r"(?s)Key \([^)]*\)=\(.*?\)(?= (?:already|is|conflicts)|\.?\s*$)"), "Key (...)"),
    # role@host:port/database is what we call a database, and nobody's address
    (re.compile(r"[\w.+-]{1,64}@(?>[\w-]+(?:\.[\w-]+)+)(?!:\d+/)"), "<email>"),
    (re.compile(r"(?<![\w.+-])(?:\+|00)\d[\d ()/-]{5,18}\d\b"), "<phone>"),
    (re.compile(r"(?<![\w.:+-])\d{10,13}(?![\w.:-])"), "<phone>"),  # Supabase stores it bare
)

# `invalid input syntax for type integer: "…"`, `value "…" is out of range for type integer`:
# a name is quoted within a sentence, a value after a colon or after the word `value`.
_QUOTED_VALUE = re.compile(r"(?s)(?P<head>: |\bvalue )\".*\"")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with known secrets and anything shaped like one masked."""
    for secret in _longest_first(secrets):
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


def redact_server(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a server's primary message without the values of rows that some of them quote."""
    return _QUOTED_VALUE.sub(r"\g<head><value>", redact_personal(text, secrets))


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:  # noqa: ANN401 - any value
    """Return `value` with every text in it redacted, and what stands under a secret's name.

    Goes through mappings, sequences, sets and dataclasses; keys are kept.
    """
    known = tuple(secrets)
    if isinstance(value, str):
        return value if type(value) is not str else redact(value, known)  # an enum's word stays
    if isinstance(value, PurePath):
        text = str(value)
        return value if (shown := redact(text, known)) == text else shown
    if isinstance(value, Mapping):
        return {key: _redact_item(key, item, known) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(redact_value(item, known) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: redact_value(getattr(value, f.name), known) for f in fields(value)}
        return replace(value, **changed)
    return value


def _redact_item(key: object, item: Any, secrets: tuple[str, ...]) -> Any:  # noqa: ANN401
    if isinstance(key, str) and isinstance(item, str) and item and _SECRET_KEY.search(key):
        return MASK
    return redact_value(item, secrets)


def _longest_first(secrets: Iterable[str]) -> list[str]:
    """Return each secret and its form in a URL, so that a part never unmasks the whole."""
    forms = {form for s in secrets for form in (s, quote(s, safe=""), quote(s))}
    return sorted((f for f in forms if len(f) >= _SHORTEST_SECRET), key=len, reverse=True)
