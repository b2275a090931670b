"""`sandbox`: start, status, stop, destroy, break, heal."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.shared import ask
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.sandbox.lifecycle import SandboxInfo

app = group("sandbox", "A local Kulti to practise on.")

DirOption = Annotated[
    Path | None,
    typer.Option("--dir", help="Folder of the sandbox.", show_default="the XDG state folder"),
]


@command(
    app,
    "start",
    examples=(
        "kulti-ops sandbox start",
        "kulti-ops sandbox start --scale 1 --dir ./kulti --port 54320",
        "kulti-ops sandbox start --web",
        "DATABASE_URL=$(kulti-ops sandbox start) kulti-ops backup create",
    ),
    exits="4 the folder or the embedded server cannot be used; 5 the server failed; "
    "6 the folder holds something else, or a sandbox of another scale or port",
)
def start(
    run: Invocation,
    dir: DirOption = None,  # noqa: A002 - the option's name
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale",
            help="How much data; 1 is 1 GB.",
            min=0.001,
            max=40,
            show_default="0.01",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", help="Loopback port.", min=1024, max=65535, show_default="a free one"
        ),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Also serve a stand-in of the site, over http and https.")
    ] = False,
) -> Outcome:
    """Start a local Kulti: the platform's roles, schema and made-up data on PostgreSQL 17.

    It keeps running when the shell ends. A second start finds it, a stopped or killed
    one comes back with its data. Off a terminal, stdout is the URL for postgres only.
    """
    from kulti_ops.sandbox import lifecycle

    info = lifecycle.start(
        _folder(run, dir),
        places=lifecycle.Places(
            cache_dir=run.settings.cache_path, data_home=run.settings.sandbox_data_path
        ),
        now=run.now,
        scale=scale,
        port=port,
        progress=run.progress,
    )
    if web:
        from kulti_ops.sandbox.web.lifecycle import start_web

        run.progress.step("starting the stand-in of the site")
        start_web(info.dir, database_url=info.database_url, now=run.now)
    return _outcome(info, plain=info.database_url)


@command(
    app,
    "status",
    examples=("kulti-ops sandbox status", "kulti-ops sandbox status --format json"),
    exits="4 the folder is another account's; 5 its state is damaged",
)
def status(run: Invocation, dir: DirOption = None) -> Outcome:  # noqa: A002
    """Show whether the sandbox runs, and the URLs to connect to it."""
    from kulti_ops.sandbox import lifecycle

    folder = _folder(run, dir)
    info = lifecycle.status(folder)
    if info is None:
        return Outcome(
            data={"state": "absent", "dir": str(folder)},
            human=f"no sandbox in {folder}\nnext     kulti-ops sandbox start",
        )
    return _outcome(info)


@command(
    app,
    "stop",
    examples=("kulti-ops sandbox stop",),
    exits="5 there is no sandbox, or it does not stop; 6 the folder holds something else",
)
def stop(run: Invocation, dir: DirOption = None) -> Outcome:  # noqa: A002
    """Stop the sandbox and keep its data for the next start."""
    from kulti_ops.sandbox import lifecycle

    return _outcome(lifecycle.stop(_folder(run, dir)))


@command(
    app,
    "destroy",
    examples=("kulti-ops sandbox destroy --yes",),
    exits="5 there is no sandbox; 6 not confirmed, or the folder holds something else",
)
def destroy(
    run: Invocation,
    dir: DirOption = None,  # noqa: A002
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> Outcome:
    """Stop the sandbox and remove all of it."""
    from kulti_ops.sandbox import lifecycle

    folder = _folder(run, dir)
    lifecycle.require(folder)
    ask(run, f"destroy the sandbox in {folder} and all its data?", yes=yes)
    lifecycle.destroy(folder)
    return Outcome(
        data={"state": "absent", "dir": str(folder)}, human=f"destroyed the sandbox in {folder}"
    )


@command(
    app,
    "break",
    examples=("kulti-ops sandbox break", "kulti-ops sandbox break lock-chain"),
    exits="2 no such scenario; 5 no sandbox runs; 6 it is staged already",
)
def break_(
    run: Invocation,
    scenario: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO]", help="What to stage; lists them without.")
    ] = None,
    dir: DirOption = None,  # noqa: A002
) -> Outcome:
    """Stage an incident for real in the running sandbox; heal takes it back.

    Sessions that hold locks live in a process of their own, which ends with heal, stop or
    destroy.
    """
    from kulti_ops.sandbox import faults
    from kulti_ops.sandbox.faults.web import SMOKE

    folder = _folder(run, dir)
    if scenario is None:
        staged = {broken.scenario.name for broken in faults.staged_in(folder)}
        rows = tuple(
            {"scenario": s.name, "title": s.title, "staged": s.name in staged, "look": s.look}
            for s in faults.SCENARIOS.values()
        )
        return Outcome(data={"scenarios": rows}, table=rows)
    done = faults.stage(folder, scenario)
    web = _web_data(folder) if done.look == SMOKE else None
    look = _smoke(web) if web else done.look
    return Outcome(
        data={
            "scenario": done.name,
            "title": done.title,
            "look": look,
            "faults": _staged(folder),
        },
        human=f"staged   {done.title}\nlook     {look}\n"
        f"heal     kulti-ops sandbox heal {done.name}{_dir_option(dir)}",
    )


def _dir_option(folder: Path | None) -> str:
    """Return the option that names the same sandbox again."""
    return "" if folder is None else f" --dir {shlex.quote(str(folder))}"


@command(
    app,
    "heal",
    examples=("kulti-ops sandbox heal", "kulti-ops sandbox heal lock-chain"),
    exits="2 no such scenario; 5 no sandbox runs, or the scenario is not staged",
)
def heal(
    run: Invocation,
    scenario: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO]", help="What to heal; all without.")
    ] = None,
    dir: DirOption = None,  # noqa: A002
) -> Outcome:
    """Take back what break has staged."""
    from kulti_ops.sandbox import faults

    folder = _folder(run, dir)
    names = [healed.name for healed in faults.heal(folder, scenario)]
    return Outcome(
        data={"healed": names, "faults": _staged(folder)},
        human=f"healed   {', '.join(names) or 'nothing'}",
    )


def _staged(folder: Path) -> list[str]:
    from kulti_ops.sandbox import faults

    return [broken.scenario.name for broken in faults.staged_in(folder)]


def _folder(run: Invocation, given: Path | None) -> Path:
    return (given or run.settings.sandbox_path).absolute()


def _outcome(info: SandboxInfo, *, plain: str | None = None) -> Outcome:
    return Outcome(data=_data(info), human=_text(info), plain=plain, reveals_secrets=True)


def _data(info: SandboxInfo) -> dict[str, Any]:
    from kulti_ops.clock import iso

    return {
        "state": info.state,
        "database_url": info.database_url,
        "admin_url": info.admin_url,
        "dir": str(info.dir),
        "data_dir": str(info.data_dir),
        "port": info.port,
        "scale": info.scale,
        "pid": info.pid,
        "built_at": iso(info.built_at) if info.built_at else None,
        "started_at": iso(info.started_at) if info.started_at else None,
        "web": _web_data(info.dir),
    }


def _web_data(folder: Path) -> dict[str, Any] | None:
    from kulti_ops.sandbox.web.lifecycle import web_info

    found = web_info(folder)
    if found is None:
        return None
    return {
        "url": found.url,
        "http_url": found.http_url,
        "status_url": found.status_url,
        "cafile": str(found.cafile),
        "env_file": str(found.env_file),
        "webhook_secret": found.webhook_secret,
        "account_cookie": found.account_cookie,
        "faults": found.faults,
        "pid": found.pid,
    }


def _smoke(web: dict[str, Any]) -> str:
    """Return the command that looks at the stand-in and at nothing else."""
    from shlex import quote

    return f"kulti-ops smoke run --base-url {web['url']} --env-file {quote(web['env_file'])}"


def _text(info: SandboxInfo) -> str:
    lines = [f"sandbox  {info.state}, scale {info.scale:g}, in {info.dir}"]
    if info.data_dir.parent != info.dir:
        lines.append(f"         its data are in {info.data_dir}, where root's server can go")
    if info.state == "running":
        lines += [
            f"postgres        {info.database_url}",
            f"supabase_admin  {info.admin_url}",
            f"next     DATABASE_URL='{info.database_url}' kulti-ops backup create",
        ]
    else:
        lines.append("next     kulti-ops sandbox start")
    web = _web_data(info.dir)
    if web is not None:
        lines += [f"site            {web['url']} (CA: {web['cafile']})", f"smoke    {_smoke(web)}"]
        lines += [f"broken          {', '.join(web['faults'])}"] if web["faults"] else []
    return "\n".join(lines)
