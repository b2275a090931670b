"""Leases: objects that say who is at work, and since when they were last heard of.

Whoever holds one writes it again every `beat_s`. One that was not written for `stale_s`
is dead, by the server's clock alone: its Date header against its own LastModified. A
holder on this very machine is dead as soon as its process is. A lease is taken with a
conditional upload where the server has those; where it has none, two who take the same
one at the same time are told apart by looking again after a moment.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import KultiError, NotFoundError, StorageError
from kulti_ops.storage.s3.client import LOST_RACE, NOT_OFFERED, AnswerError

if TYPE_CHECKING:
    from kulti_ops.storage.s3.client import S3Client

LIMIT_BYTES = 4096
TRIES = 4


@dataclass(frozen=True, kw_only=True)
class LeaseTimes:
    """How often a holder is heard of, when it counts as dead, and how long to let others speak."""

    beat_s: float = 20
    stale_s: float = 120
    settle_s: float = 1


@dataclass(frozen=True, kw_only=True)
class Holder:
    """What a lease says; `age_s` by the server's clock."""

    nonce: str
    text: str
    age_s: float
    etag: str
    gone: bool

    def dead(self, times: LeaseTimes) -> bool:
        """Whether the holder is surely not at work any more."""
        return self.gone or self.age_s > times.stale_s


class HeldError(StorageError):
    """Somebody living holds the lease."""


class Lease:
    """One lease, once taken; `check` before anything that must not happen without it."""

    def __init__(self, client: S3Client, key: str, *, times: LeaseTimes) -> None:
        self.unsettled: set[str] = set()  # uploads that whoever finds the lease must abort
        self._client = client
        self._key = key
        self._times = times
        self._nonce = secrets.token_hex(8)
        self._etag = ""
        self._heard = 0.0
        self._lost = ""
        self._over = threading.Event()
        self._beating = threading.Lock()
        self._thread: threading.Thread | None = None

    def take(self) -> None:
        """Take the lease and keep it.

        Raises: HeldError naming the holder when it is somebody living's.
        """
        for attempt in range(TRIES):
            # an upload that insists on being the first needs nobody to look beforehand
            unseen = attempt == 0 and self._client.creates_once is True
            looked = _now_s()
            holder = None if unseen else look(self._client, self._key)
            if holder is not None and holder.nonce == self._nonce:
                # written before, only the answer was lost
                self._adopt(holder, looked)
                break
            if holder is not None and not holder.dead(self._times):
                raise HeldError(holder.text)
            if self._write_first(holder):
                break
        else:
            raise HeldError("others who take it at the same time")
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that the lease is still ours, also after this machine was asleep.

        Raises: StorageError when it is not, or nobody can tell.
        """
        if not self._lost and _now_s() - self._heard > 2 * self._times.beat_s:
            self._beat()
        if not self._lost and _now_s() - self._heard > self._times.stale_s / 2:
            self._lost = "it could not be renewed in time"
        if self._lost:
            raise StorageError(
                f"the lease {self._key} was lost: {self._lost}",
                hint="run it again; what was written is removed by the next run",
            )

    def release(self) -> None:
        """Give the lease up; one with unsettled uploads is left for the next run to find."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(self._client.options.timeout_s)
        if self._lost or self.unsettled:
            return
        try:
            if self._surely_ours() or self._is_ours():
                self._delete()
        except KultiError:
            return  # it goes stale by itself

    def _surely_ours(self) -> bool:
        """Return whether nobody can have taken it: it was written alone, and a moment ago."""
        fresh = _now_s() - self._heard <= 2 * self._times.beat_s
        return fresh and self._client.creates_once is True

    def _is_ours(self) -> bool:
        holder = look(self._client, self._key)
        return holder is not None and holder.nonce == self._nonce

    def _write_first(self, dead: Holder | None) -> bool:
        """Write the lease over nothing, or over a dead one; False when somebody was faster."""
        client = self._client
        if dead is None:
            condition = {} if client.creates_once is False else {"IfNoneMatch": "*"}
        elif client.replaces_known is not False:
            condition = {"IfMatch": dead.etag}
        else:
            self._delete()
            condition = {} if client.creates_once is False else {"IfNoneMatch": "*"}
        try:
            self._put(condition)
        except NotFoundError:
            return False  # the dead one was removed meanwhile
        except AnswerError as error:
            if error.code in LOST_RACE:
                return False
            if error.code not in NOT_OFFERED or not condition:
                raise
            if "IfMatch" in condition:
                client.replaces_known = False
            else:
                client.creates_once = False
            return False
        proven = client.replaces_known if "IfMatch" in condition else client.creates_once
        return (proven is True and (dead is None or "IfMatch" in condition)) or self._still_ours()

    def _still_ours(self) -> bool:
        """Look again after a moment: somebody may have written over it at the same time."""
        time.sleep(self._times.settle_s)
        return self._is_ours()

    def _keep(self) -> None:
        while not self._over.wait(self._times.beat_s):
            self._beat()

    def _beat(self) -> None:
        with self._beating:
            if self._over.is_set():
                return
            try:
                if not self._found_ours():
                    return
                known = self._client.replaces_known is True
                try:
                    self._put({"IfMatch": self._etag} if known else {})
                except AnswerError as error:
                    if error.code not in LOST_RACE:
                        raise
                    self._found_ours()  # lost to ourselves when only the answer got lost
            except KultiError:
                return  # the next beat tries again; `check` knows how long it was silent

    def _found_ours(self) -> bool:
        """Look at the lease: it is ours as it is there now, or it is lost."""
        looked = _now_s()
        holder = look(self._client, self._key)
        if holder is None or holder.nonce != self._nonce:
            self._lost = "it was taken over" if holder else "it was removed"
            return False
        self._adopt(holder, looked)
        return True

    def _adopt(self, holder: Holder, looked_s: float) -> None:
        """Go by what is stored: written by us, though the answer may never have come."""
        written_s = looked_s - max(holder.age_s, 0)
        self._etag, self._heard = holder.etag, max(self._heard, written_s)

    def _put(self, condition: dict[str, str]) -> None:
        body = json.dumps({"nonce": self._nonce, **_myself()}).encode()
        heard = _now_s()
        answer = self._client.call(
            "put_object",
            f"write the lease {self._key}",
            Key=self._client.key(self._key),
            Body=body,
            **self._client.options.encryption,
            **condition,
        )
        self._etag, self._heard = str(answer.get("ETag") or ""), heard

    def _delete(self) -> None:
        self._client.call(
            "delete_object", f"remove the lease {self._key}", Key=self._client.key(self._key)
        )


def look(client: S3Client, key: str) -> Holder | None:
    """Return who holds a lease, None when it is nobody's.

    Raises: StorageError when that cannot be told.
    """
    doing = f"read the lease {key}"
    try:
        answer = client.call("get_object", doing, Key=client.key(key))
        with client.translated(doing):
            body = answer["Body"].read(LIMIT_BYTES)
    except NotFoundError:
        return None
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    age_s = (answer.date - answer["LastModified"]).total_seconds()
    name = f"process {said.get('pid', '?')} on {said.get('host', 'an unknown host')}"
    return Holder(
        nonce=str(said.get("nonce")),
        text=f"{name}, last heard of {max(age_s, 0):.0f} s ago",
        age_s=age_s,
        etag=str(answer.get("ETag") or ""),
        gone=_is_gone(said),
    )


def _now_s() -> float:
    """Return a clock that goes on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "pid": pid,
        "machine": _machine(),
        "started": _started(pid),
    }


def _is_gone(said: dict[str, Any]) -> bool:
    """Return whether the holder was a process of this very machine and has ended."""
    pid, machine = said.get("pid"), _machine()
    if not machine or said.get("machine") != machine or not isinstance(pid, int):
        return False
    return _started(pid) != said.get("started")


def _machine() -> str:
    """Return what two processes share only when they see each other's pids; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty when there is none."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = state.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]
