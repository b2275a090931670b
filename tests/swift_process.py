"""OpenStack Swift with its S3 interface in one folder: `python swift_process.py FOLDER`.

A process of its own, since Swift patches the interpreter's sockets. It writes rings and
configuration, forks one server per part, and prints the port once all of them answer;
it ends with whoever started it.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import eventlet  # noqa: E402 - it warns of itself

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True, time=True)

from eventlet import hubs, wsgi  # noqa: E402 - after the patching
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402

# Loaded once, before the parts are forked: each would take its time for the same.
LOADED = (
    *(f"swift.{part}.server" for part in ("account", "container", "obj", "proxy")),
    *(
        f"swift.common.middleware.{name}"
        for name in (
            *("catch_errors", "copy", "dlo", "slo", "symlink", "tempauth"),
            *("s3api.s3api", "versioned_writes"),
        )
    ),
)
BACKENDS = ("account", "container", "object")
SWIFT = """
[swift-hash]
swift_hash_path_suffix = kulti
[swift-constraints]
max_file_size = 5368709122
"""
BACKEND = """
[DEFAULT]
devices = {folder}/devices
mount_check = false
workers = 0
user = {user}
swift_dir = {folder}
disable_fallocate = true
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
PROXY = """
[DEFAULT]
workers = 0
user = {user}
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:s3api]
use = egg:swift#s3api
min_segment_size = 1
location = us-east-1
check_bucket_owner = false
allow_no_owner = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""


class _Quiet:
    """A logger for wsgi that says nothing."""

    def write(self, _line: str) -> None:
        """Drop it."""


class _Cache(dict[str, Any]):
    """What a memory cache does for the proxy: it saves two requests for each one."""

    def get(self, key: str, *_options: object, **_more: object) -> Any:
        """Return what is kept."""
        return super().get(key)

    def set(self, key: str, value: object, *_options: object, **_more: object) -> None:
        """Keep it."""
        self[key] = value

    def delete(self, key: str, *_options: object, **_more: object) -> None:
        """Forget it."""
        self.pop(key, None)


def serve(conf: Path, name: str, listener: socket.socket) -> None:
    """Serve one part for ever; its messages go nowhere."""
    loaded = loadapp(str(conf), global_conf={"log_name": name})
    cache = _Cache()

    def app(environ: dict[str, Any], start: Any) -> Any:
        environ["swift.cache"] = cache
        return loaded(environ, start)

    wsgi.server(
        listener,
        app,
        log=_Quiet(),
        log_output=False,
        protocol=SwiftHttpProtocol,
        url_length_limit=65536,
    )


def main(folder: Path) -> None:
    """Write the configuration, start the parts, wait for the end of the starter."""
    (folder / "devices" / "d1").mkdir(parents=True)
    listeners = {name: _listener() for name in (*BACKENDS, "proxy")}
    for name in BACKENDS:
        ring = RingBuilder(2, 1, 0)
        place = {"region": 1, "zone": 1, "ip": "127.0.0.1", "device": "d1", "weight": 1.0}
        ring.add_dev({**place, "port": listeners[name].getsockname()[1]})
        ring.rebalance()
        file = f"{name}.ring.gz"
        ring.get_ring().save(str(folder / file))
    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "swift.conf").write_text(SWIFT)
    utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    utils.validate_hash_conf()
    for module in LOADED:
        import_module(module)
    children = []
    for name, listener in listeners.items():
        conf = folder / f"{name}.conf"
        text = PROXY if name == "proxy" else BACKEND
        conf.write_text(text.format(folder=folder, name=name, user=user))
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            hubs.use_hub()  # not the parent's: its events would wake every part
            try:
                serve(conf, name, listener)
            except BaseException:  # noqa: BLE001 - the child must not go on as a second starter
                traceback.print_exc()
            finally:
                os._exit(1)
        children.append(pid)
    sys.stdout.write(f"{listeners['proxy'].getsockname()[1]}\n")
    sys.stdout.flush()
    try:
        sys.stdin.read()  # ends when the starter closes it or dies
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _listener() -> socket.socket:
    made = eventlet.listen(("127.0.0.1", 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]))
