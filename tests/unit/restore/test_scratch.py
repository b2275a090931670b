"""What a scratch server's sessions are told about the machine they share."""

from __future__ import annotations

import pytest

from kulti_ops.restore.scratch import session_options


@pytest.mark.parametrize(
    ("jobs", "cores", "workers"),
    [(2, 2, 0), (1, 2, 1), (2, 8, 3), (8, 2, 0), (1, 1, 0), (3, 8, 1)],
)
def test_session_options_leave_parallel_workers_the_cores_that_jobs_leave(
    jobs: int, cores: int, workers: int
) -> None:
    assert session_options(jobs=jobs, cores=cores) == (
        f"-c max_parallel_workers_per_gather={workers} "
        f"-c max_parallel_maintenance_workers={workers}"
    )
