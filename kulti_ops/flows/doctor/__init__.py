"""The doctor: whether this machine is ready, one verdict and one next step per question.

Looks at everything and changes nothing; the only things it writes are probes in the
tool's own folders, which it removes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kulti_ops import config
from kulti_ops.flows.doctor import (
    database,
    encryption,
    network,
    places,
    routine,
    settings,
    tools,
)
from kulti_ops.flows.doctor.check import ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.config import Settings
    from kulti_ops.flows.doctor.check import Answer
    from kulti_ops.report import CheckResult


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the questions are asked of; how names are resolved can be replaced."""

    settings: Settings
    env_file: Path | None
    now: datetime
    resolve: network.Resolve = network.addresses_of
    route: network.HasRoute = network.has_route


def run_doctor(around: Surroundings) -> tuple[CheckResult, ...]:
    """Ask every question, in the order in which they are worth mending."""
    looked = database.look(around.settings, now=around.now)
    return tuple(ask(check_id, question) for check_id, question in _questions(around, looked))


def _questions(
    around: Surroundings, looked: database.Looked
) -> tuple[tuple[str, Callable[[], Answer]], ...]:
    chosen, survey = around.settings, looked.survey
    client_tools = partial(
        tools.client_tools,
        chosen,
        server_major=looked.server_major,
        search_path=config.search_path(),
    )
    ipv6 = partial(network.ipv6, looked.target, resolve=around.resolve, route=around.route)
    return (
        ("settings", partial(settings.settings, around.env_file)),
        ("client-tools", client_tools),
        ("embedded-server", partial(tools.embedded_server, chosen)),
        ("database", partial(database.database, looked)),
        ("server-version", partial(database.server_version, looked)),
        ("connection-kind", partial(database.connection_kind, looked)),
        ("ipv6", ipv6),
        ("role-rights", partial(database.role_rights, looked)),
        ("clock", partial(database.clock, looked)),
        ("storage", partial(places.storage, chosen, around.now)),
        ("encryption", partial(encryption.encryption, chosen)),
        ("free-space", partial(places.free_space, chosen, survey)),
        ("state-folder", partial(places.state_folder, chosen)),
        ("scratch", partial(places.scratch, chosen, survey)),
        ("sentry", partial(network.sentry, chosen)),
        ("schedule", partial(routine.schedule, chosen)),
        ("notifications", partial(routine.notifications, chosen)),
    )
