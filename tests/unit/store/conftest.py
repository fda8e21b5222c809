"""The databases on which every test of the store runs."""

from support.databases import ann, db, empty, sort, still

__all__ = ["ann", "db", "empty", "sort", "still"]
