"""Every fault that must be staged, as data: `test_catalogue` fails when one has no test.

The words are the table's: a test claims a fault by `@pytest.mark.fault("…")`.
"""

from __future__ import annotations

DAMAGE = (
    "dump cut at 40 %",
    "dump cut at 60 %",
    "dump cut at 98 %",
    "dump cut by one byte",
    "dump one byte longer",
    "a byte flipped at twenty places over the set",
    "an artifact missing",
    "an artifact empty",
    "an artifact zeroed",
    "an artifact of another backup",
    "manifest edited",
    "manifest cut",
    "manifest empty",
    "manifest {}",
    "manifest of a newer schema",
    "manifest forged with a right digest",
    "inventory edited",
    "inventory cut",
    "inventory empty",
    "inventory {}",
    "inventory of a newer schema",
    "SHA256SUMS edited",
    "SHA256SUMS cut",
    "SHA256SUMS empty",
    "symlinks in place of artifacts",
    ".. in artifact names",
    "a critical table is gone whose name is part of another's",
)
KILLS = (
    "SIGKILL at every stage of a backup",
    "SIGTERM at every stage of a backup",
    "SIGINT at every stage of a backup",
    "killed at several byte offsets of the dump",
    "pg_dump killed",
    "pg_dump fails after writing everything",
    "pg_dump succeeds after writing nothing",
    "interrupt during verify",
    "interrupt during a drill",
    "SIGKILL during a drill",
    "interrupt during a restore",
    "SIGKILL at every stage of a prune",
    "interrupt during a prune",
)
DISK = (
    "disk full while dumping",
    "file-size limit while dumping",
    "disk full while restoring",
    "disk full while drilling",
    "unwritable storage",
    "storage vanished during the dump",
    "a file in place of the storage",
    "an empty storage",
    "unreadable storage",
)
SOURCE = (
    "server stopped during the dump",
    "TRUNCATE between snapshot and dump",
    "table rewritten between snapshot and dump",
    "an ALTER waits behind the dump",
    "ALTER DATABASE SET timezone and bytea_output at the source",
    "snapshot connection terminated",
    "idle_in_transaction_session_timeout on the role",
    "statement_timeout on the role",
    "wrong password",
    "unknown host",
    "closed port",
    "missing database",
    "port 6543",
    "role without rights on a table",
    "role without BYPASSRLS on a table with row security",
    "pg_dump older than the server",
    "DDL during the dump",
    "table dropped between preflight and dump",
    "table locked ACCESS EXCLUSIVE",
)
TARGET = (
    "server stopped during the restore",
    "a restore whose row order differs",
    "a hostile dump runs a program in the drill",
    "row data in a server's error detail",
    "restore into a non-empty database",
    "restore into the source",
    "restore with a missing extension",
    "restore with a missing role",
    "restore cut at many places",
    "restore of a damaged backup",
)
CONCURRENCY = (
    "two creates at once",
    "two prunes at once",
    "stale lock of a dead holder",
    "lock of a living holder",
    "two backups in one second",
    "clock set back",
    "strange labels",
)
OLD_SCRIPTS = (
    "old scripts: every valid backup fails its own checksum",
    "old scripts: SQL errors end in restored successfully",
    "old scripts: a restore over a changed database says success",
    "old scripts: a cut dump appears valid",
    "old scripts: rows executed as SQL after a refused COPY",
    "old scripts: grants are lost",
    "old scripts: a dropped table is not noticed",
    "old scripts: about 3 records for half a million",
    "old scripts: schema-only, empty and junk files are valid",
    "old scripts: a full disk leaves partial files for ever",
    "old scripts: everything older than seven days is deleted",
    "old scripts: dumps are world-readable",
    "old scripts: temporary files with predictable names",
    "old scripts: a missing database returns 0",
)

ENCRYPTED = (
    "encrypted: a byte flipped at header, middle and last chunk",
    "encrypted: cut by one byte",
    "encrypted: cut at a chunk's boundary",
    "encrypted: one byte longer",
    "encrypted: another backup's, for the same recipient",
    "encrypted: wrong identity",
    "encrypted: no identity",
    "encrypted: storage full while sealing",
)

FAULTS = (*ENCRYPTED, *DAMAGE, *KILLS, *DISK, *SOURCE, *TARGET, *CONCURRENCY, *OLD_SCRIPTS)
