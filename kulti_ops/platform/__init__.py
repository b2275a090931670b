"""Facts of the Kulti platform that several features rely on. Values only."""
