"""An embedded or scratch PostgreSQL server: adapter to the server's programs.

`server_installation` makes the embedded PostgreSQL usable, `PgServer` is one server,
`scratch_server` one that cleans up after itself. Knows no command line, no feature.
"""

from kulti_ops.pgserver.account import (
    Account,
    check_enterable,
    free_bytes,
    make_enterable_dir,
    server_account,
)
from kulti_ops.pgserver.install import server_installation
from kulti_ops.pgserver.scratch import (
    ScratchOptions,
    coming_scratch_server,
    reap_scratch,
    scratch_server,
)
from kulti_ops.pgserver.server import PgServer
from kulti_ops.pgserver.spec import (
    SCRATCH_SETTINGS,
    ServerSpec,
    pick_free_port,
    port_is_free,
    socket_path_fits,
)

__all__ = (
    "SCRATCH_SETTINGS",
    "Account",
    "PgServer",
    "ScratchOptions",
    "ServerSpec",
    "check_enterable",
    "coming_scratch_server",
    "free_bytes",
    "make_enterable_dir",
    "pick_free_port",
    "port_is_free",
    "reap_scratch",
    "scratch_server",
    "server_account",
    "server_installation",
    "socket_path_fits",
)
