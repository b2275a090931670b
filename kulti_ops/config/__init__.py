"""Settings: the only reader of the environment.

Environment first, then `--env-file`, then `.env` in the working directory. The
platform's own names are accepted where they exist; the tool's are `KULTI_OPS_*`.
"""

import os

# pydantic would search every installed distribution for plugins of its own: a twentieth of a start
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from kulti_ops.config.environment import base_environment, libpq_environment, search_path
from kulti_ops.config.files import (
    ExposedFile,
    exposed_files,
    load_settings,
    named_variable,
    nearest_name,
    settings_files,
    unknown_names,
    variables_of,
)
from kulti_ops.config.model import SettingInfo, Settings, describe, variable_names

__all__ = (
    "ExposedFile",
    "SettingInfo",
    "Settings",
    "base_environment",
    "describe",
    "exposed_files",
    "libpq_environment",
    "load_settings",
    "named_variable",
    "nearest_name",
    "search_path",
    "settings_files",
    "unknown_names",
    "variable_names",
    "variables_of",
)
