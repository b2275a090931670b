"""A workflow for GitHub Actions. Pure.

Runners have no IPv6: the workflow goes through the session pooler. They keep nothing, so
`backup schedule status` knows no runs there: freshness and the receivers watch. Their
schedules are UTC, and a run of theirs may begin late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.backup.schedule.install import RenderedFile
from kulti_ops.errors import UsageError

if TYPE_CHECKING:
    from kulti_ops.backup.schedule.spec import Schedule

LONGEST_JOB_MINUTES = 350  # hosted runners end a job after 360
PATH = ".github/workflows/backup.yml"

_WORKFLOW = """\
name: backup
on:
  schedule:
{crons}
  workflow_dispatch:
    inputs:
      schedule:
        description: Which schedule to run
        type: choice
        options: [{names}]
permissions: {{}}
concurrency:
  group: kulti-backup
  cancel-in-progress: false
jobs:
  backup:
    runs-on: ubuntu-latest
    timeout-minutes: {minutes}
    permissions:
      contents: read
    env:
      SCHEDULE: >-
        ${{{{ inputs.schedule
{choices} }}}}
      SUPABASE_PROJECT_REF: ${{{{ secrets.SUPABASE_PROJECT_REF }}}}
      SUPABASE_DB_PASSWORD: ${{{{ secrets.SUPABASE_DB_PASSWORD }}}}
      # runners have no IPv6, which the direct host needs: the session pooler, port 5432
      KULTI_OPS_POOLER_HOST: ${{{{ secrets.KULTI_OPS_POOLER_HOST }}}}
      KULTI_OPS_STORAGE: ${{{{ secrets.KULTI_OPS_STORAGE }}}}
      KULTI_OPS_S3_REGION: ${{{{ secrets.KULTI_OPS_S3_REGION }}}}
      AWS_ACCESS_KEY_ID: ${{{{ secrets.AWS_ACCESS_KEY_ID }}}}
      AWS_SECRET_ACCESS_KEY: ${{{{ secrets.AWS_SECRET_ACCESS_KEY }}}}
      KULTI_OPS_ENCRYPT_TO: ${{{{ secrets.KULTI_OPS_ENCRYPT_TO }}}}
      KULTI_OPS_IDENTITY: ${{{{ secrets.KULTI_OPS_IDENTITY }}}}
      KULTI_OPS_PING_URL: ${{{{ secrets.KULTI_OPS_PING_URL }}}}
      KULTI_OPS_SSLROOTCERT: ${{{{ github.workspace }}}}/supabase-ca.crt
{settings}
    steps:
      - uses: actions/checkout@v4
        with:
          repository: OWNER/kulti-ops
          persist-credentials: false
      - env:
          SUPABASE_CA: ${{{{ secrets.SUPABASE_CA }}}}
        run: printf '%s' "$SUPABASE_CA" > supabase-ca.crt
      # brings the PostgreSQL 17 client too: pinned, with its hash
      - run: make .venv/.runtime
      # annotates what is wrong, and adds a section to the job's summary
      - run: .venv/bin/kulti-ops backup schedule run "$SCHEDULE" --format github
"""


def render_github(
    schedules: tuple[Schedule, ...], *, max_runtime_minutes: float
) -> tuple[RenderedFile, ...]:
    """Return the workflow.

    Raises: UsageError when the times are not UTC.
    """
    if {schedule.zone.upper() for schedule in schedules} != {"UTC"}:
        raise UsageError(
            f"GitHub's schedules are UTC, these are {schedules[0].zone}",
            hint="give the times in UTC: --zone UTC",
        )
    text = _WORKFLOW.format(
        crons="\n".join(f'    - cron: "{s.crontab}"  # {s.words}' for s in schedules),
        names=", ".join(s.name for s in schedules),
        minutes=round(min(max_runtime_minutes, LONGEST_JOB_MINUTES)),
        choices="\n".join(
            f"        || github.event.schedule == '{s.crontab}' && '{s.name}'" for s in schedules
        ),
        settings="\n".join(
            f'      KULTI_OPS_SCHEDULE_{s.name.upper()}: "{s.text}"' for s in schedules
        ),
    )
    return (RenderedFile(path=PATH, text=text),)
