"""The versions of the tables, one file each in `versions`, run by `engram.store.migrate`.

A version that is released never changes. One that rebuilds a table on SQLite must not drop a table that others refer
to with CASCADE while foreign keys are on, or their rows go with it: make the new table, copy, and rename.
"""
