"""What the stand-in shows to the one person who is signed in: the test account's own reads.

The account is the host with most recordings; its answers have the platform's shapes.
"""

from __future__ import annotations

from typing import Any

from kulti_ops.db import connect, own_target, translated
from kulti_ops.platform import surface

COOKIE_NAME = "sb-sandbox-auth-token"
_PAGE = 20
_PERSON = (
    "SELECT p.id, p.credits_balance, p.total_credits_earned, p.total_credits_spent,"
    " p.credits_updated_at FROM public.profiles p"
    " ORDER BY (SELECT count(*) FROM public.recordings r JOIN public.sessions s"
    " ON s.id = r.session_id WHERE s.host_id = p.id) DESC, p.id LIMIT 1"
)
_TRANSACTIONS = (
    "SELECT id, amount, balance_after, type, created_at, count(*) OVER () FROM"
    " public.credit_transactions WHERE user_id = %s ORDER BY created_at DESC, id LIMIT %s"
)
_RECORDINGS = (
    "SELECT r.id, r.session_id, r.status, r.duration, r.created_at, count(*) OVER () FROM"
    " public.recordings r JOIN public.sessions s ON s.id = r.session_id"
    " WHERE s.host_id = %s ORDER BY r.created_at DESC, r.id LIMIT %s"
)


def ask_account(database_url: str) -> dict[str, Any]:
    """Return the bodies of the account's routes, by path.

    Raises: KultiError when the database cannot be asked.
    """
    target = own_target(database_url, "the sandbox")
    with (
        connect(target, application="sandbox web", timeout_s=2) as connection,
        translated("the test account"),
    ):
        connection.execute("SET statement_timeout = '2s'")
        person = connection.execute(_PERSON).fetchall()[0]
        spent = connection.execute(_TRANSACTIONS, (person[0], _PAGE)).fetchall()
        made = connection.execute(_RECORDINGS, (person[0], _PAGE)).fetchall()
    total = made[0][5] if made else 0
    return {
        surface.BALANCE: {
            "credits_balance": person[1],
            "total_credits_earned": person[2],
            "total_credits_spent": person[3],
            "credits_updated_at": person[4].isoformat() if person[4] else None,
            "stats": {},
        },
        surface.TRANSACTIONS: {
            "transactions": [_row(("id", "amount", "balance_after", "type"), row) for row in spent],
            "count": spent[0][5] if spent else 0,
            "limit": _PAGE,
            "offset": 0,
        },
        surface.RECORDINGS: {
            "recordings": [_row(("id", "session_id", "status", "duration"), row) for row in made],
            "pagination": {
                "limit": _PAGE,
                "offset": 0,
                "total": total,
                "hasMore": total > len(made),
            },
        },
    }


def _row(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    """Return one row; ids as text, and when it was made."""
    values = (v if isinstance(v, int | str | None) else str(v) for v in row)
    return {**dict(zip(names, values, strict=False)), "created_at": row[4].isoformat()}
