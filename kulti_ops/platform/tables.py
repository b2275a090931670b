"""The tables whose loss can't be made good, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CriticalTable:
    """A table that every backup must hold, and what is lost without it."""

    identity: str
    reason: str


CRITICAL_TABLES = (
    CriticalTable(identity="auth.users", reason="the logins; profiles refer to them"),
    CriticalTable(identity="auth.identities", reason="how people sign in"),
    CriticalTable(identity="public.profiles", reason="identity, role and balance"),
    CriticalTable(identity="public.credit_transactions", reason="the audit ledger of credits"),
    CriticalTable(identity="public.credit_milestones", reason="stops double bonuses"),
    CriticalTable(identity="public.sessions", reason="the sessions and their settlement"),
    CriticalTable(identity="public.session_participants", reason="what credits are computed from"),
    CriticalTable(identity="public.invites", reason="access"),
    CriticalTable(identity="public.invite_uses", reason="access and referral"),
    CriticalTable(identity="public.recordings", reason="the only pointer to the video files"),
    CriticalTable(identity="public.messages", reason="the conversations"),
)
