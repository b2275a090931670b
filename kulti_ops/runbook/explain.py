"""A diagnostic in plain words: for `explain`, and for its page of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.runbook.diagnostic import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.runbook.diagnostic import Diagnostic


def facts_of(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return what is known about a diagnostic, as plain values."""
    return {
        "name": diagnostic.id,
        "group": diagnostic.group,
        "title": diagnostic.title,
        "when": diagnostic.when,
        "explanation": diagnostic.explanation,
        "verdict": rule_text(diagnostic),
        "requires": tuple(str(r) for r in diagnostic.requires),
        "params": dict(diagnostic.params),
        "next": diagnostic.next,
        "triage": diagnostic.triage is not None,
        "sql": diagnostic.sql.rstrip() + ";",
    }


def rule_text(diagnostic: Diagnostic) -> str:
    """Return the verdict rule as a sentence."""
    rule = diagnostic.rule
    if rule.kind is Kind.INFO:
        return "measures only; nothing is judged"
    what = "the number of rows" if rule.kind is Kind.COUNT else rule.measure
    sign = "<" if rule.below else ">="
    levels = [("warn", rule.warn), ("crit", rule.crit)]
    return ", ".join(f"{level} when {what} {sign} {t:g}" for level, t in levels if t is not None)


def text_of(diagnostic: Diagnostic) -> str:
    """Return the explanation for a terminal."""
    lines = [
        f"{diagnostic.id} ({diagnostic.group}): {diagnostic.title}",
        "",
        f"when     {diagnostic.when}",
        f"verdict  {rule_text(diagnostic)}",
        f"reading  {diagnostic.explanation}",
    ]
    if diagnostic.requires:
        lines.append(f"needs    {', '.join(str(r) for r in diagnostic.requires)}")
    lines += [
        f"setting  {name} = {default} (KULTI_OPS_THRESHOLDS)"
        for name, default in diagnostic.params.items()
        if not name.endswith("_before")
    ]
    lines += [f"next     {diagnostic.next}", f"sql      kulti-ops runbook sql {diagnostic.id}"]
    return "\n".join(lines)


def page_of(diagnostic: Diagnostic) -> str:
    """Return the diagnostic's page of the reference, in Markdown."""
    lines = [
        f"# {diagnostic.id}",
        "",
        f"Group {diagnostic.group}. Good is: {diagnostic.title}.",
        "",
        "## When to use it",
        "",
        diagnostic.when,
        "",
        "## How to read it",
        "",
        diagnostic.explanation,
        "",
        f"- verdict: {rule_text(diagnostic)}",
    ]
    if diagnostic.requires:
        lines.append(f"- needs: {', '.join(f'`{r}`' for r in diagnostic.requires)}")
    params = [item for item in diagnostic.params.items() if not item[0].endswith("_before")]
    if params:
        listed = ", ".join(f"`{name}` = `{default}`" for name, default in params)
        lines.append(f"- settings (`KULTI_OPS_THRESHOLDS`): {listed}")
    asked = "yes" if diagnostic.triage is not None else "no"
    lines.append(f"- asked by `runbook triage`: {asked}")
    lines += ["", "## What to do next", "", f"    {diagnostic.next}", "", "## The query", ""]
    lines += ["```sql", diagnostic.sql.rstrip() + ";", "```", ""]
    return "\n".join(lines)


def index_of(diagnostics: Iterable[Diagnostic]) -> str:
    """Return the reference's page that lists all of them, in Markdown."""
    lines = [
        "# Diagnostics",
        "",
        "Made from `kulti_ops/runbook/diagnostics/` by `make docs`.",
        "`kulti-ops runbook explain NAME` shows the same in a terminal; thresholds are settings.",
    ]
    group = ""
    for diagnostic in diagnostics:
        if diagnostic.group != group:
            group = diagnostic.group
            lines += ["", f"## {group}", "", "| diagnostic | good is | verdict |", "|---|---|---|"]
        link = f"[{diagnostic.id}](diagnostics/{diagnostic.id}.md)"
        lines.append(f"| {link} | {diagnostic.title} | {rule_text(diagnostic)} |")
    return "\n".join(lines) + "\n"
