"""The rules by which an entry of an archive runs in a hosted project or does not. Pure.

Every decision of the plan names one of them; the reference page is written from this
table. A rule says what happens, why, and what follows for whoever uses the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NO_RIGHT = "42501"  # insufficient_privilege
_TO_ONESELF = "0LP01"  # invalid_grant_operation: back to one's own grantor
# What a materialized view's query meets when a function of it needs a search path, and what
# rights on a part of an extension meet that is not there.
_NOT_FOUND = frozenset({"42P01", "42883", "42704"})


class Fate(StrEnum):
    """What becomes of an entry."""

    RUN = "run"
    TRY = "try"  # runs; a refusal for lack of rights is explained, and then it is lost
    SKIP = "skip"  # nothing is lost by it, or it is left out on purpose
    LOST = "lost"  # cannot come back this way


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: to what it applies, what happens, why, and what follows.

    `excused` are the SQLSTATEs with which a `try` may fail; `residual` says that somebody
    with more rights can run the entry's own text afterwards.
    """

    name: str
    fate: Fate
    applies_to: str
    reason: str
    follows: str = ""
    excused: frozenset[str] = frozenset()
    residual: bool = False


RUN = Rule(
    name="run",
    fate=Fate.RUN,
    applies_to="everything that no other rule names",
    reason="belongs to the customer",
)
SESSION = Rule(
    name="session",
    fate=Fate.SKIP,
    applies_to="ENCODING, STDSTRINGS, SEARCHPATH",
    reason="only prepares a session",
)
DATABASE = Rule(
    name="database",
    fate=Fate.SKIP,
    applies_to="DATABASE and its comment",
    reason="belongs to the project's database, not to its contents",
)
DATABASE_RIGHTS = Rule(
    name="database-rights",
    fate=Fate.LOST,
    applies_to="ACL of the DATABASE",
    reason="rights on the database itself are the project's",
    follows="who may connect and make temporary tables is what the project lets them",
    residual=True,
)
DATABASE_SETTING = Rule(
    name="database-setting",
    fate=Fate.LOST,
    applies_to="DATABASE PROPERTIES",
    reason="settings of the database are the project's; placeholders need a superuser",
    follows="code that reads these settings finds none",
    residual=True,
)
EXISTS = Rule(
    name="exists",
    fate=Fate.SKIP,
    applies_to="whatever the target has under the same identity",
    reason="the target has it already",
)
VENDOR_PART = Rule(
    name="vendor-part",
    fate=Fate.SKIP,
    applies_to="defaults, row security, attachments of a vendor's table",
    reason="part of an object of the vendor's",
)
VENDOR_SCHEMA = Rule(
    name="vendor-schema-missing",
    fate=Fate.LOST,
    applies_to="SCHEMA of the vendor's that the target lacks",
    reason="a vendor's schema is never created as an ordinary role",
    follows="the feature is not there until it is switched on in the project",
)
VENDOR_OBJECT = Rule(
    name="vendor-object-missing",
    fate=Fate.LOST,
    applies_to="any other object in a vendor's schema that the target lacks",
    reason="only the vendor's role may create it",
    follows="it is missing unless the vendor's own service brings it",
    residual=True,
)
REALTIME = Rule(
    name="realtime",
    fate=Fate.SKIP,
    applies_to="everything in schemas realtime and _realtime",
    reason="the realtime service makes it by itself",
)
DEPENDS = Rule(
    name="depends",
    fate=Fate.LOST,
    applies_to="whatever depends on an object that cannot come back",
    reason="depends on what cannot come back",
    follows="it is missing too",
    residual=True,
)
MIGRATIONS = Rule(
    name="vendor-migrations",
    fate=Fate.SKIP,
    applies_to="rows of schema_migrations and migrations in a vendor's schema",
    reason="the vendor's own record of its migrations",
)
SESSIONS = Rule(
    name="sessions",
    fate=Fate.SKIP,
    applies_to="rows of live sessions and tokens in schema auth",
    reason="live sessions and tokens are left out (--with-sessions keeps them)",
    follows="everybody has to log in again",
)
SECRETS = Rule(
    name="vault",
    fate=Fate.LOST,
    applies_to="rows in schemas vault, pgsodium",
    reason="encrypted with a key that no dump holds",
    follows="the secrets have to be entered again",
)
JOBS = Rule(
    name="jobs",
    fate=Fate.LOST,
    applies_to="rows in schemas cron, net",
    reason="jobs belong to their extension and to their database",
    follows="jobs have to be scheduled again",
)
ROWS_OF_OTHERS = Rule(
    name="rows-present",
    fate=Fate.LOST,
    applies_to="rows of a vendor's table that holds rows in the target, or may not be looked at",
    reason="the target's table has rows of its own, or nobody may see whether it has",
    follows="the backup's rows of this table are not there",
)
ROWS_NO_RIGHT = Rule(
    name="rows-no-right",
    fate=Fate.LOST,
    applies_to="rows of a vendor's table that may not be written",
    reason="no right to INSERT",
    follows="the backup's rows of this table are not there",
)
ROWS_NO_TABLE = Rule(
    name="rows-no-table",
    fate=Fate.LOST,
    applies_to="rows of a vendor's table that the target lacks",
    reason="the target has no such table",
    follows="the backup's rows of this table are not there",
)
NO_ROWS = Rule(
    name="no-rows",
    fate=Fate.SKIP,
    applies_to="rows of a vendor's table that has none in the backup",
    reason="the backup has no rows of it",
)
ROWS_STAGED = Rule(
    name="rows-staged",
    fate=Fate.RUN,
    applies_to="rows of a vendor's table that lacks a column of the backup",
    reason="the columns that both have are loaded",
    follows="values of the missing columns are not there; they are counted",
)
ROWS_UNKNOWN = Rule(
    name="rows-unknown",
    fate=Fate.RUN,
    applies_to="rows of a vendor's table that this version does not know",
    reason="nobody knows what the rows of this table of the vendor's are; they are loaded",
    follows="if they are live sessions or tokens, these are back too: look at the table",
)
SEQUENCE_NO_RIGHT = Rule(
    name="sequence-no-right",
    fate=Fate.SKIP,
    applies_to="SEQUENCE SET of a vendor's sequence whose rows are left out, or that is missing",
    reason="none of its values is in use",
)
SEQUENCE_BEHIND = Rule(
    name="sequence-behind",
    fate=Fate.LOST,
    applies_to="SEQUENCE SET of a vendor's sequence that may not be set, though its rows are back",
    reason="no right to set it",
    follows="the vendor's service runs into values that are taken, until it is set",
    residual=True,
)
POLICY = Rule(
    name="vendor-policy",
    fate=Fate.TRY,
    applies_to="POLICY on a vendor's table",
    reason="needs the table's owner, or the right to its policies",
    follows="without it, what the policy allowed is refused",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
POLICY_DIFFERS = Rule(
    name="vendor-policy-differs",
    fate=Fate.TRY,
    applies_to="POLICY on a vendor's table that the target has with another text",
    reason="the target's policy of this name is another; replacing it needs the table's owner",
    follows="the target's policy stays: it may let through more, or less, than before",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
VENDOR_TRIGGER = Rule(
    name="vendor-trigger",
    fate=Fate.SKIP,
    applies_to="TRIGGER on a vendor's table that calls a function of the table's own schema",
    reason="the vendor's own trigger",
)
TRIGGER = Rule(
    name="custom-trigger",
    fate=Fate.RUN,
    applies_to="TRIGGER on a vendor's table that calls a function of the customer's",
    reason="belongs to the customer",
)
TRIGGER_DIFFERS = Rule(
    name="custom-trigger-differs",
    fate=Fate.LOST,
    applies_to="such a TRIGGER that the target has in another form",
    reason="the target's trigger of this name is another",
    follows="the target's trigger stays, and does what it does",
    residual=True,
)
VENDOR_FUNCTION_TRIGGER = Rule(
    name="vendor-function-trigger",
    fate=Fate.TRY,
    applies_to="TRIGGER on a vendor's table that calls a function of another vendor's schema",
    reason="made by the customer; needs the right to call the vendor's function",
    follows="what the trigger did is not done",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
TRIGGER_STATE = Rule(
    name="trigger-state",
    fate=Fate.LOST,
    applies_to="such a TRIGGER that is disabled, or enabled always or for replicas",
    reason="only the table's owner may set a trigger's state, and an enabled one would be a change",
    follows="the trigger is missing",
    residual=True,
)
TRIGGER_NO_RIGHT = Rule(
    name="trigger-no-right",
    fate=Fate.LOST,
    applies_to="such a TRIGGER without the TRIGGER right on the table",
    reason="no right to create triggers on this table",
    follows="what the trigger did is not done",
    residual=True,
)
VENDOR_COMMENT = Rule(
    name="vendor-comment",
    fate=Fate.SKIP,
    applies_to="COMMENT on an extension or on an object of the vendor's",
    reason="only the owner may comment on it, and it has its own",
)
COMMENT_OWNER = Rule(
    name="comment-needs-owner",
    fate=Fate.LOST,
    applies_to="COMMENT on a trigger or policy of the customer's on a vendor's table",
    reason="only the table's owner may comment on it",
    follows="the comment is missing",
    residual=True,
)
VENDOR_RIGHTS = Rule(
    name="vendor-rights",
    fate=Fate.SKIP,
    applies_to="ACL on an object of the vendor's",
    reason="rights on the vendor's objects are the target's own",
)
VENDOR_GRANTS = Rule(
    name="vendor-grants",
    fate=Fate.RUN,
    applies_to="grants on a vendor's object by the restoring role, or to roles of the customer's",
    reason="only what the target lacks is granted",
    residual=True,
)
GRANTS_NO_RIGHT = Rule(
    name="vendor-grants-no-right",
    fate=Fate.LOST,
    applies_to="such grants by a role of the vendor's",
    reason="only the vendor's role may grant this",
    follows="the role has fewer rights than before",
    residual=True,
)
EXTENSION_RIGHTS = Rule(
    name="extension-rights",
    fate=Fate.TRY,
    applies_to="ACL on a part of an extension outside the vendor's schemas",
    reason="whoever installed the extension owns its parts",
    follows="the roles have the rights that the extension gives by itself",
    excused=_NOT_FOUND | {NO_RIGHT, _TO_ONESELF},
    residual=True,
)
OWN_RIGHTS = Rule(
    name="own-rights",
    fate=Fate.RUN,
    applies_to="ACL on an object of the customer's that the target has already (schema public)",
    reason="brought to the backup's state: what the backup lacks is revoked",
)
GONE_ROLES = Rule(
    name="gone-roles",
    fate=Fate.RUN,
    applies_to="ACL that names a role of the vendor's which the target lacks",
    reason="granted without the roles that the target lacks",
)
DEFAULT_RIGHTS = Rule(
    name="default-rights-of-others",
    fate=Fate.SKIP,
    applies_to="DEFAULT ACL of a role that cannot be used",
    reason="default privileges of a role of the vendor's are the target's own",
)
EVENT_TRIGGER = Rule(
    name="event-trigger",
    fate=Fate.TRY,
    applies_to="EVENT TRIGGER",
    reason="needs a superuser, or the project's leave",
    follows="what it did after each statement is not done",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
EXTENSION = Rule(
    name="extension",
    fate=Fate.TRY,
    applies_to="EXTENSION that the target can install",
    reason="needs the project's leave unless it is trusted",
    follows="switch it on in the project, and restore again",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
NO_EXTENSION = Rule(
    name="extension-unavailable",
    fate=Fate.LOST,
    applies_to="EXTENSION that the target's server does not have",
    reason="the target's server does not have it",
    follows="nothing that needs it comes back",
)
EXTENSION_ELSEWHERE = Rule(
    name="extension-elsewhere",
    fate=Fate.LOST,
    applies_to="EXTENSION that the target has in another schema, if anything depends on it",
    reason="the target has it in another schema",
    follows="what names its parts by the old schema cannot come back: drop it, and plan again",
)
PUBLICATION = Rule(
    name="publication",
    fate=Fate.RUN,
    applies_to="PUBLICATION that exists and belongs to a role that can be used",
    reason="brought to the backup's state: what it publishes, and its tables",
)
PUBLICATION_ALL = Rule(
    name="publication-for-all-tables",
    fate=Fate.LOST,
    applies_to="PUBLICATION FOR ALL TABLES that the target has, but not for all tables",
    reason="only a superuser makes a publication for all tables",
    follows="subscribers hear of no table until tables are added to it",
    residual=True,
)
PUBLICATION_OF_OTHERS = Rule(
    name="publication-of-others",
    fate=Fate.SKIP,
    applies_to="PUBLICATION of the vendor's",
    reason="the vendor's own publication",
)
PUBLICATION_TABLE = Rule(
    name="publication-table",
    fate=Fate.LOST,
    applies_to="a customer's table in a publication that cannot be altered",
    reason="only the publication's owner may add a table",
    follows="subscribers do not hear of changes of this table",
    residual=True,
)
SUPERUSER = Rule(
    name="superuser",
    fate=Fate.TRY,
    applies_to="kinds of objects, and languages, that need a superuser",
    reason="needs a superuser, or the project's leave",
    follows="it is missing, and what depends on it",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
SERVER = Rule(
    name="foreign-server",
    fate=Fate.TRY,
    applies_to="SERVER, USER MAPPING",
    reason="needs the right to use the foreign-data wrapper",
    follows="it is missing, and the foreign tables that depend on it",
    excused=frozenset({NO_RIGHT}),
    residual=True,
)
SECURITY_LABEL = Rule(
    name="security-label",
    fate=Fate.TRY,
    applies_to="SECURITY LABEL",
    reason="needs the label's provider, which the project has to load",
    follows="the label is missing, and what its provider does by it",
    excused=frozenset({NO_RIGHT, "22023"}),
    residual=True,
)
LANGUAGE = Rule(
    name="language",
    fate=Fate.TRY,
    applies_to="PROCEDURAL LANGUAGE",
    reason="needs a superuser, and what the language is made of",
    follows="it is missing, and the functions in it",
    excused=frozenset({NO_RIGHT, "0A000"}),
    residual=True,
)
LEAKPROOF = Rule(
    name="leakproof",
    fate=Fate.RUN,
    applies_to="FUNCTION marked LEAKPROOF",
    reason="created without LEAKPROOF, which needs a superuser",
    follows="conditions with it are no longer moved below row security: slower, not weaker",
    residual=True,
)
REFRESH = Rule(
    name="refresh",
    fate=Fate.TRY,
    applies_to="MATERIALIZED VIEW DATA",
    reason="the query runs without a search path",
    follows="the view stays empty until it is refreshed by hand",
    excused=_NOT_FOUND,
    residual=True,
)
DANGLING = Rule(
    name="dangling-key",
    fate=Fate.RUN,
    applies_to="FK CONSTRAINT whose rows point to rows that are left out",
    reason="made NOT VALID: it holds for new rows only",
    follows="rows point to nothing until what they point to is there; then VALIDATE CONSTRAINT",
    residual=True,
)
DANGLING_PARTITIONED = Rule(
    name="dangling-key-of-partitions",
    fate=Fate.LOST,
    applies_to="such a FK CONSTRAINT of a partitioned table",
    reason="it cannot be made NOT VALID",
    follows="the foreign key is missing",
    residual=True,
)
PUBLIC_ONLY = Rule(
    name="public-only",
    fate=Fate.SKIP,
    applies_to="whatever belongs to a vendor's schema, with --public-only",
    reason="--public-only",
    follows="logins, files' rows and what hangs on the vendor's tables are not there",
)

# They run, and something is other than before all the same.
NOTEWORTHY = (ROWS_STAGED, ROWS_UNKNOWN, DANGLING, LEAKPROOF)

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
