from __future__ import annotations

import os
from pathlib import Path

import pytest

from kulti_ops import config
from kulti_ops.config import load_settings
from kulti_ops.errors import ConfigError

CANARY = "canary-secret-31337"
SECRETS = [s.variable for s in config.describe() if s.secret]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings in the environment, an empty working directory."""
    known = {name.upper() for name in config.variable_names().values()}
    for name in tuple(os.environ):
        if name.upper() in known or name.startswith(("PG", "KULTI_OPS_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_settings_environment_wins_over_env_file_over_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "KULTI_OPS_JOBS=3\nKULTI_OPS_RTO_MINUTES=3\nKULTI_OPS_RPO_HOURS=3\n"
    )
    extra = tmp_path / "extra.env"
    extra.write_text("KULTI_OPS_JOBS=4\nKULTI_OPS_RTO_MINUTES=4\n")
    monkeypatch.setenv("KULTI_OPS_JOBS", "5")
    settings = load_settings(env_file=extra)
    assert (settings.jobs, settings.rto_minutes, settings.rpo_hours) == (5, 4, 3)


def test_settings_empty_value_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("KULTI_OPS_JOBS=\nKULTI_OPS_RTO_MINUTES=7\nDATABASE_URL=\n")
    monkeypatch.setenv("KULTI_OPS_RTO_MINUTES", "")
    monkeypatch.setenv("SUPABASE_PROJECT_REF", "")
    settings = load_settings()
    assert (settings.jobs, settings.rto_minutes) == (2, 7)
    assert settings.database_url is None
    assert settings.supabase_project_ref is None


def test_settings_listen_to_their_variables_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in config.variable_names():
        if name.upper() not in config.variable_names().values():
            monkeypatch.setenv(name.upper(), "7")
    settings = load_settings()
    assert settings.model_fields_set == set()


def test_settings_of_another_program_in_dotenv_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HMS_APP_SECRET=x\nKULTI_OPS_JOBS=8\nexport PORT=5555\n")
    assert load_settings().jobs == 8


@pytest.mark.parametrize(
    "variable",
    [
        "SUPABASE_PROJECT_REF",
        "KULTI_OPS_SSLMODE",
        "KULTI_OPS_CONNECT_TIMEOUT_S",
        "KULTI_OPS_JOBS",
        "KULTI_OPS_RTO_MINUTES",
    ],
)
def test_settings_error_names_the_variable_and_never_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"-1 {CANARY}")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    error = caught.value
    assert variable in error.message
    assert CANARY not in f"{error.message} {error.hint} {error!r} {error.__cause__!r}"


def test_settings_error_names_every_fault_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULTI_OPS_JOBS", "many")
    monkeypatch.setenv("KULTI_OPS_SSLMODE", "prefer")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "KULTI_OPS_JOBS" in caught.value.message
    assert "KULTI_OPS_SSLMODE" in caught.value.message


@pytest.mark.parametrize("variable", SECRETS)
def test_settings_secret_is_in_no_representation(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, CANARY)
    settings = load_settings()
    assert CANARY not in f"{settings!r} {settings} {settings.model_dump()} "
    assert CANARY not in settings.model_dump_json()
    assert CANARY in settings.secret_values()


def test_settings_password_of_a_url_is_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p%40ss-word@h/d")
    monkeypatch.setenv("PGPASSWORD", "from-libpq")
    assert {"p%40ss-word", "p@ss-word", "from-libpq"} <= load_settings().secret_values()


def test_settings_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no settings file .*missing\.env"):
        load_settings(env_file=tmp_path / "missing.env")


def test_settings_file_that_is_no_text_is_an_error_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "binary.env"
    file.write_bytes(b"KULTI_OPS_JOBS=\xff\xfe\n")
    with pytest.raises(ConfigError):
        load_settings(env_file=file)


def test_settings_folder_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULTI_OPS_STATE_DIR", "~/ops")
    assert load_settings().state_path == Path.home() / "ops"


def test_settings_without_any_home_name_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("KULTI_OPS_STATE_DIR", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ConfigError, match="no home folder"):
        _ = config.load_settings().state_path


def test_settings_default_places_follow_xdg(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = load_settings()
    assert settings.storage_url == str(tmp_path / "data" / "kulti-ops" / "backups")
    assert settings.state_path == tmp_path / "state" / "kulti-ops"


def test_settings_production_names_hold_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_PROJECT_REF", "abcdefghijklmnopqrst")
    monkeypatch.setenv("KULTI_OPS_PRODUCTION", " DB.Kulti.example, ,other ")
    names = load_settings().production_names
    assert names == {"abcdefghijklmnopqrst", "db.kulti.example", "other"}


def test_unknown_names_are_found_in_environment_and_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KULTI_OPS_STORAG=x\nKULTI_OPS_JOBS=2\nPORT=1\n")
    extra = tmp_path / "extra.env"
    extra.write_text("KULTI_OPS_B=x\n")
    environ = {"KULTI_OPS_A": "", "KULTI_OPS_STORAGE": "/x", "OTHER": "x"}
    found = config.unknown_names(env_file=extra, environ=environ)
    assert found == ("KULTI_OPS_A", "KULTI_OPS_B", "KULTI_OPS_STORAG")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("KULTI_OPS_STORAG", "KULTI_OPS_STORAGE"),
        ("KULTI_OPS_RTO_MINUTE", "KULTI_OPS_RTO_MINUTES"),
        ("KULTI_OPS_DATABASE_URL", "DATABASE_URL"),
        ("KULTI_OPS_XYZZY", None),
    ],
)
def test_nearest_name_guesses_what_was_meant(name: str, nearest: str | None) -> None:
    assert config.nearest_name(name) == nearest


def test_exposed_files_are_those_with_secrets_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("REDIS=rediss://u:pass@h/0\nNEXT_PUBLIC_SUPABASE_ANON_KEY=x\nEMPTY_TOKEN=\n")
    file.chmod(0o640)
    assert [(e.path.name, e.secrets) for e in config.exposed_files()] == [(".env", ("REDIS",))]
    file.chmod(0o600)
    assert config.exposed_files() == ()


def test_base_environment_holds_no_secret_and_no_stray_libpq_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PGHOST", "PGPASSWORD", "SUPABASE_DB_PASSWORD", "DATABASE_URL", "ANY_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    environment = config.base_environment()
    assert CANARY not in environment.values()
    assert environment["LC_ALL"] == "C"


@pytest.mark.parametrize("line", ["KULTI_OPS_STORAGE /srv/backups", "A='never closed"])
def test_settings_file_that_was_named_may_hold_statements_only(tmp_path: Path, line: str) -> None:
    file = tmp_path / "kulti-ops.env"
    file.write_text(f"KULTI_OPS_JOBS=2\n{line}\n")
    with pytest.raises(ConfigError, match=r"kulti-ops\.env, line 2"):
        load_settings(env_file=file)


def test_settings_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "kulti-ops.env"
    file.write_bytes(b"KULTI_OPS_JOBS=\xff\n")
    with pytest.raises(ConfigError, match=r"kulti-ops\.env: it is no utf-8"):
        load_settings(env_file=file)
