"""What lies on the disk: the cache, tables of many rows, locks, downloads, archives and cards.

Imports `checks`, `course` and `bars` alone: everything that reads or writes stands on it.
"""
