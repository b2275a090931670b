"""The sandbox: a local Kulti on an embedded PostgreSQL to practise and test on."""
