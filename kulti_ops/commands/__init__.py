"""The command groups, one file each: parse, call one feature function, return its outcome."""
