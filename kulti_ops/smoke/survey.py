"""What a look at a site's routes came to. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kulti_ops.smoke.grade import Grade


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """A route that gave no answer, and why."""

    url: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The page itself, the other routes, and the routes that gave no answer.

    `is_kept_out` says that the page is a gatekeeper's, and no other route was looked at.
    """

    page: Grade
    others: tuple[Grade, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    is_kept_out: bool = False
