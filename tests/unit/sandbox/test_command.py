"""What `sandbox` says to type next."""

from __future__ import annotations

from pathlib import Path

from kulti_ops.commands.sandbox import _dir_option


def test_sandbox_of_a_folder_is_named_again_in_the_next_command() -> None:
    assert _dir_option(Path("/srv/my box")) == " --dir '/srv/my box'"


def test_sandbox_of_the_usual_folder_needs_no_option() -> None:
    assert _dir_option(None) == ""
