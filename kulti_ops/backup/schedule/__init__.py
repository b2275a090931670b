"""When backups are made: schedules, what to install for them, what became of their runs."""
