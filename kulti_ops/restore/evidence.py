"""The drill's evidence as Markdown: for the file that auditors and colleagues read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.clock import iso
from kulti_ops.progress import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.restore.drill import Drill


def render_evidence(drill: Drill, manifest: Manifest, *, now: datetime) -> str:
    """Return the report of one drill."""
    return "\n".join(_lines(drill, manifest, now)) + "\n"


def _lines(drill: Drill, manifest: Manifest, now: datetime) -> Iterator[str]:
    source = manifest.source
    yield f"# Restore drill: {drill.status}"
    yield ""
    yield f"- backup: `{manifest.backup_id}`, {size(manifest.size_bytes)}"
    yield f"- snapshot: {iso(manifest.snapshot_at)}; drilled: {iso(now)}"
    where = f"{source.host}:{source.port}/{source.database}"
    yield f"- source: `{where}`, PostgreSQL {source.server_version}"
    rto = "not measured" if drill.rto_s is None else f"{drill.rto_s:.1f} s"
    yield f"- recovery time: {rto}"
    yield ""
    yield "## Phases"
    yield ""
    yield from _table(("phase", "seconds"), ((k, f"{v:.2f}") for k, v in drill.phases_s.items()))
    yield ""
    yield "## Checks"
    yield ""
    rows = ((r.id, str(r.status), r.summary) for r in drill.results)
    yield from _table(("check", "verdict", "finding"), rows)
    yield ""
    yield "## Tables"
    yield ""
    tables = (
        (t.name, f"{t.rows}", _match(match=t.match, order_differs=t.order_differs))
        for t in drill.tables
    )
    yield from _table(("table", "rows", "bytes"), tables)
    yield ""
    yield "## Left out, explained"
    yield ""
    yield from _table(("entry", "reason"), drill.explained)
    yield ""
    yield "## Not covered by any dump"
    yield ""
    yield from (f"- {name}" for name in manifest.not_covered)


def _match(*, match: bool, order_differs: bool) -> str:
    if not match:
        return "DIFFERENT"
    return "equal, in another order" if order_differs else "equal"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(_cell(text) for text in row) + " |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\r", "").replace("\n", " ")
