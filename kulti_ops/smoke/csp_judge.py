"""What a page's Content-Security-Policies come to together. Pure.

Several policies are enforced together, so a danger exists only where each of
them permits it. `strict` adds the rules of the profile kulti (see `grade.DIVERGENCES`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kulti_ops.smoke.csp import (
    BROAD,
    KNOWN,
    NONCE_OR_HASH,
    REPORT_DIRECTIVES,
    Policy,
    is_broad,
    is_shared_host,
    is_source,
)
from kulti_ops.smoke.results import Judgement, Result

if TYPE_CHECKING:
    from collections.abc import Callable

CHECK = "content-security-policy"
SHORTEST_POLICY = 6  # "img-src" without one letter: the reference's bound
PASSIVE = ("img-src", "media-src")
INLINE = frozenset({"'unsafe-inline'", "data:"})
_NONCE_OR_HASH_PREFIX = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")


def judge_csp(
    policies: tuple[Policy, ...],
    *,
    report_only: bool,
    https: bool,
    strict: bool,
    stale_nonces: frozenset[str] = frozenset(),
) -> Judgement:
    """Judge the policies of one response together.

    `stale_nonces` were seen on two fetches: in the strict profile they are none.
    """
    if any(_is_broken(policy, strict=strict) for policy in policies):
        return _judgement(Result.CSP_INVALID, "it cannot be understood as it was meant")
    enforced = tuple(policy for policy in policies if policy.directives)
    if not enforced:
        absent = Result.CSP_REPORT_ONLY if report_only else Result.CSP_ABSENT
        return _judgement(absent, "reported only, not enforced" if report_only else "no policy")
    views = tuple(_View(policy, strict=strict, stale=stale_nonces) for policy in enforced)
    if any(view.dynamic and not view.has_token for view in views):
        return _judgement(Result.CSP_INVALID, "'strict-dynamic' needs a nonce or a hash")
    result = _worst_danger(views, https=https, strict=strict) or _merit(views)
    if any(policy.duplicates for policy in policies):
        result = _with_duplicates(result, strict=strict)
    return _judgement(result, _explain(result), notes=_notes(views, strict=strict))


class _View:
    """One policy's lists as browsers that know CSP level 3 apply them."""

    def __init__(self, policy: Policy, *, strict: bool, stale: frozenset[str]) -> None:
        stale_lower = frozenset(nonce.lower() for nonce in stale) if strict else frozenset()
        names = ("script-src", "script-src-elem", "script-src-attr") if strict else ("script-src",)
        styles = ("style-src", "style-src-elem", "style-src-attr") if strict else ("style-src",)

        def is_token(source: str) -> bool:
            if not strict:
                return source.startswith(_NONCE_OR_HASH_PREFIX)
            return bool(NONCE_OR_HASH.fullmatch(source)) and source not in stale_lower

        def applied(sources: tuple[str, ...], *, script: bool) -> frozenset[str]:
            return _applied(sources, is_token, script=script)

        script = policy.sources("script-src")
        self.dynamic = "'strict-dynamic'" in script
        self.has_token = any(map(is_token, script))
        self.policy = policy = policy if strict else _rewritten(policy, applied)
        self.script = frozenset().union(*(applied(policy.sources(n), script=True) for n in names))
        self.style = frozenset().union(*(applied(policy.sources(n), script=False) for n in styles))
        self.objects = frozenset(policy.sources("object-src"))

    @property
    def active(self) -> frozenset[str]:
        """Every source that is not only for pictures and sound."""
        skipped = {*PASSIVE, "script-src"}
        others = (n for n in self.policy.directives if n not in skipped)
        return self.script.union(*(self.policy.sources(name) for name in others))

    @property
    def passive(self) -> frozenset[str]:
        """The sources of pictures and sound, where the policy rules them."""
        ruled = {*self.policy.directives}
        lists = (self.policy.sources(n) for n in PASSIVE if {n, "default-src"} & ruled)
        return frozenset(source for sources in lists for source in sources)


def _applied(
    sources: tuple[str, ...], is_token: Callable[[str], bool], *, script: bool
) -> frozenset[str]:
    """Return a list without what a nonce or hash, and 'strict-dynamic' with one, switch off."""
    if not any(map(is_token, sources)):
        return frozenset(sources)
    kept = {s for s in sources if s != "'unsafe-inline'"}
    if script and "'strict-dynamic'" in kept:
        kept = {s for s in kept if not s.startswith(tuple(BROAD)) and s != "'self'"}
    return frozenset(kept)


def _rewritten(policy: Policy, applied: Callable[..., frozenset[str]]) -> Policy:
    """Return a policy as the reference reads it: what is switched off is off for every directive.

    Scripts and styles may share the list of default-src with all that falls back to it.
    """
    directives = dict(policy.directives)
    for name, script in (("script-src", True), ("style-src", False)):
        ruling = name if name in directives else "default-src"
        if ruling in directives:
            sources = replace(policy, directives=directives).sources(ruling)
            directives[ruling] = tuple(sorted(applied(sources, script=script)))
    return replace(policy, directives=directives)


def _worst_danger(views: tuple[_View, ...], *, https: bool, strict: bool) -> Result | None:
    """Return the first danger, in the reference's order, that every policy permits."""

    def insecure(sources: frozenset[str]) -> bool:
        return https and any(source.startswith(("http:", "ftp:")) for source in sources)

    def broad(sources: frozenset[str]) -> bool:
        return any(map(is_broad, sources)) if strict else bool(sources & BROAD)

    dangers: tuple[tuple[Result, Callable[[_View], bool]], ...] = (
        (
            Result.CSP_UNSAFE_INLINE,
            lambda v: bool(v.script & INLINE) or broad(v.script) or broad(v.objects),
        ),
        (Result.CSP_INSECURE, lambda v: insecure(v.active)),
        (Result.CSP_SHARED_SCRIPT_HOST, lambda v: strict and any(map(is_shared_host, v.script))),
        (Result.CSP_UNSAFE_EVAL, lambda v: "'unsafe-eval'" in v.script | v.style),
        (Result.CSP_INSECURE_PASSIVE, lambda v: insecure(v.passive)),
        (Result.CSP_UNSAFE_STYLE, lambda v: bool(v.style & INLINE) or broad(v.style)),
    )
    return next((result for result, danger in dangers if all(map(danger, views))), None)


def _merit(views: tuple[_View, ...]) -> Result:
    ruled = (v.policy.sources("default-src") for v in views if "default-src" in v.policy.directives)
    none = any(sources == ("'none'",) for sources in ruled)
    return Result.CSP_DEFAULT_NONE if none else Result.CSP_NO_UNSAFE


def _with_duplicates(result: Result, *, strict: bool) -> Result:
    """Return what duplicate report directives make of a result; strictly, never a better one."""
    passing = {Result.CSP_NO_UNSAFE, Result.CSP_DEFAULT_NONE, Result.CSP_UNSAFE_STYLE}
    if not strict:
        passing.add(Result.CSP_INSECURE_PASSIVE)
    return Result.CSP_DUPLICATES if result in passing else result


def is_malformed(policy: Policy) -> bool:
    """Tell whether the reference reads a policy, and any beside it, not at all."""
    return policy.length < SHORTEST_POLICY or bool(policy.duplicates - REPORT_DIRECTIVES)


def _is_broken(policy: Policy, *, strict: bool) -> bool:
    if is_malformed(policy):
        return True
    if not strict:
        return False
    if not policy.is_readable:
        return True
    if not policy.in_meta and not KNOWN & policy.directives.keys():
        return True
    return any(
        not is_source(source.lower())
        for name, sources in policy.directives.items()
        if name.removesuffix("-elem").removesuffix("-attr").endswith("-src")
        or name in {"frame-ancestors", "base-uri", "form-action"}
        for source in sources
    )


def _notes(views: tuple[_View, ...], *, strict: bool) -> tuple[str, ...]:
    if not strict:
        return ()
    shared = sorted({s for v in views for s in v.script if is_shared_host(s)})
    notes = [f"script-src admits {host}: anybody can have such a name" for host in shared]
    if any("base-uri" not in v.policy.directives and v.has_token for v in views):
        notes.append("without base-uri an injected <base> moves relative scripts elsewhere")
    return tuple(notes)


def _explain(result: Result) -> str:
    return {
        Result.CSP_UNSAFE_INLINE: "inline or any host's scripts or objects are allowed "
        "(or script-src and object-src are missing)",
        Result.CSP_INSECURE: "scripts, styles or frames over http are allowed",
        Result.CSP_SHARED_SCRIPT_HOST: "scripts from a host that anybody can have are allowed",
        Result.CSP_UNSAFE_EVAL: "'unsafe-eval' is allowed",
        Result.CSP_INSECURE_PASSIVE: "pictures or sound over http are allowed",
        Result.CSP_UNSAFE_STYLE: "inline styles only are allowed",
        Result.CSP_DUPLICATES: "report directives stand twice",
        Result.CSP_DEFAULT_NONE: "nothing unsafe, and default-src 'none'",
    }.get(result, "nothing unsafe is allowed")


def _judgement(result: Result, detail: str, *, notes: tuple[str, ...] = ()) -> Judgement:
    return Judgement(check=CHECK, result=result, detail=detail, notes=notes)
