"""docs/reference/probes.md, held to the probes that there are."""

from __future__ import annotations

import re
from pathlib import Path

from kulti_ops.smoke.selection import IDS, TAGS, Selection

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "probes.md"


def test_probes_page_lists_every_id_with_its_tags() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([\w, ]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    assert tuple(name for name, _ in rows) == IDS
    for name, tags in rows:
        has = {tag for tag in TAGS if Selection(tag=tag).takes(name)}
        assert set(tags.split(", ")) == has, name
