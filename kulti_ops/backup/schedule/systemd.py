"""A hardened service, and a timer per schedule. Pure.

The service may write its own folders only, gains no rights, and keeps the namespaces and
system calls that a drill's scratch server needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.backup.schedule.install import UNIT_NAME, RenderedFile, preparation
from kulti_ops.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.backup.schedule.install import Setup
    from kulti_ops.backup.schedule.spec import Schedule

FOLDER = "/etc/systemd/system"
_STOP_SECONDS = 120  # a run that is stopped ends its children and takes away what it wrote
_HOMES = ("/home", "/root", "/run/user")

# What systemd-analyze security knows of, except: private users and a private network (the
# database is elsewhere), writable and executable memory (ctypes), namespaces (see below).
_HARDENING = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
# A drill's scratch server gets a network of its own, which nothing can reach.
RestrictNamespaces=user net"""


def render_systemd(schedules: tuple[Schedule, ...], setup: Setup) -> tuple[RenderedFile, ...]:
    """Return the service and the timers.

    Raises: UsageError when a path is not absolute.
    """
    return (_service(schedules, setup), *(_timer(schedule) for schedule in schedules))


def _service(schedules: tuple[Schedule, ...], setup: Setup) -> RenderedFile:
    program, *words = setup.command("%i")
    arguments = [word if word == "%i" else _word(word) for word in words]
    command = " ".join((_executable(program), *arguments))
    timers = " ".join(f"{UNIT_NAME}-{s.name}.timer" for s in schedules)
    lines = [
        "# Scheduled backups of Kulti.",
        *(f"# {line}" for line in preparation(schedules, setup, folders=_others(setup))),
        f"# Then: systemctl daemon-reload && systemctl enable --now {timers}",
        "",
        "[Unit]",
        "Description=Kulti backup, schedule %i",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"User={setup.user}",
        f"ExecStart={command}",
        f"TimeoutStartSec={round(setup.max_runtime_minutes)}min",
        f"TimeoutStopSec={_STOP_SECONDS}",
        "KillMode=mixed",
        *_managed(setup),
        *(f"ReadWritePaths={_word(str(folder))}" for folder in _others(setup)),
        _HARDENING.format(home=_home(setup)),
    ]
    return RenderedFile(path=f"{FOLDER}/{UNIT_NAME}@.service", text="\n".join(lines) + "\n")


def _managed(setup: Setup) -> tuple[str, ...]:
    """Return the lines for the folders that systemd makes: below /var/lib and /var/cache."""
    lines: list[str] = []
    for folder, base, name in _kinds(setup):
        if folder.is_relative_to(base):
            lines.append(f"{name}Directory={_word(str(folder.relative_to(base)))}")
            lines.append(f"{name}DirectoryMode=0700")
    return tuple(lines)


def _others(setup: Setup) -> tuple[Path, ...]:
    """Return the folders that the account writes and systemd does not make."""
    managed = [folder for folder, base, _ in _kinds(setup) if folder.is_relative_to(base)]
    return tuple(
        folder
        for folder in (setup.state_dir, setup.cache_dir, *setup.folders)
        if not any(folder.is_relative_to(other) for other in managed)
    )


def _kinds(setup: Setup) -> tuple[tuple[Path, str, str], ...]:
    return (
        (setup.state_dir, "/var/lib", "State"),
        (setup.cache_dir, "/var/cache", "Cache"),
    )


def _home(setup: Setup) -> str:
    """Return how homes are closed: where something of ours is in one, they can be read."""
    paths = (
        *setup.program,
        setup.env_file,
        *map(str, (setup.state_dir, setup.cache_dir, *setup.folders)),
    )
    inside = any(path == home or path.startswith(f"{home}/") for path in paths for home in _HOMES)
    return "read-only" if inside else "yes"


def _timer(schedule: Schedule) -> RenderedFile:
    lines = [
        "[Unit]",
        f"Description=Kulti backup, {schedule.words}",
        "",
        "[Timer]",
        f"OnCalendar={schedule.calendar}",
        "# a time that passed while the machine was off is made up for",
        "Persistent=true",
        "RandomizedDelaySec=5min",
        f"Unit={UNIT_NAME}@{schedule.name}.service",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    path = f"{FOLDER}/{UNIT_NAME}-{schedule.name}.timer"
    return RenderedFile(path=path, text="\n".join(lines) + "\n")


def _executable(path: str) -> str:
    """Return a program's path, in which `$` means nothing.

    Raises: UsageError when systemd takes no such path, however it is quoted.
    """
    if any(c in path for c in "\"'\\"):
        raise UsageError(f"systemd starts no program whose path holds quotes: {path}")
    return _word(path).replace("$$", "$")


def _word(text: str) -> str:
    """Return a word as unit files quote it; `%` and `$` mean something to systemd."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(c in escaped for c in " \t'\";\\") else escaped
