"""What the platform's exports hold: one query each, columns chosen and named.

Tokens, stream keys and password hashes are in none of them. The queries take `since` and
`user`, either of which may be null.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExportKind(StrEnum):
    """What can be exported."""

    USERS = "users"
    CREDITS = "credits"
    SESSIONS = "sessions"
    RECORDINGS = "recordings"


_USERS = """
SELECT p.id, p.username, u.email, p.display_name, p.created_at
  FROM public.profiles p LEFT JOIN auth.users u ON u.id = p.id
 WHERE (%(since)s::timestamptz IS NULL OR p.created_at >= %(since)s)
   AND (%(user)s::uuid IS NULL OR p.id = %(user)s)
 ORDER BY p.created_at, p.id
"""

_CREDITS = """
SELECT t.id, t.user_id, p.username, t.amount, t.balance_after, t.type, t.source_session_id,
       t.metadata, t.created_at
  FROM public.credit_transactions t LEFT JOIN public.profiles p ON p.id = t.user_id
 WHERE (%(since)s::timestamptz IS NULL OR t.created_at >= %(since)s)
   AND (%(user)s::uuid IS NULL OR t.user_id = %(user)s)
 ORDER BY t.created_at, t.id
"""

# With a user: sessions hosted or taken part in.
_SESSIONS = """
SELECT s.id, s.room_code, s.title, s.description, s.status, s.category, s.is_public,
       s.host_id, h.username AS host_username, h.display_name AS host_display_name,
       (SELECT count(*) FROM public.session_participants c WHERE c.session_id = s.id)
           AS participants,
       s.total_credits_distributed, s.created_at, s.started_at, s.ended_at
  FROM public.sessions s LEFT JOIN public.profiles h ON h.id = s.host_id
 WHERE (%(since)s::timestamptz IS NULL OR s.created_at >= %(since)s)
   AND (%(user)s::uuid IS NULL OR s.host_id = %(user)s OR EXISTS (
       SELECT 1 FROM public.session_participants c
        WHERE c.session_id = s.id AND c.user_id = %(user)s))
 ORDER BY s.created_at, s.id
"""

# With a user: recordings of sessions that the user hosted.
_RECORDINGS = """
SELECT r.id, r.session_id, s.title AS session_title, s.host_id, h.username AS host_username,
       r.hms_recording_id, r.recording_url, r.duration, r.status, r.created_at
  FROM public.recordings r
  LEFT JOIN public.sessions s ON s.id = r.session_id
  LEFT JOIN public.profiles h ON h.id = s.host_id
 WHERE (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s)
   AND (%(user)s::uuid IS NULL OR s.host_id = %(user)s)
 ORDER BY r.created_at, r.id
"""

QUERIES: Mapping[ExportKind, str] = MappingProxyType(
    {
        ExportKind.USERS: _USERS,
        ExportKind.CREDITS: _CREDITS,
        ExportKind.SESSIONS: _SESSIONS,
        ExportKind.RECORDINGS: _RECORDINGS,
    }
)

# A person may have a login and no profile, or the other way round.
USER_EXISTS = """
SELECT EXISTS (SELECT 1 FROM public.profiles WHERE id = %(user)s)
    OR EXISTS (SELECT 1 FROM auth.users WHERE id = %(user)s)
"""
