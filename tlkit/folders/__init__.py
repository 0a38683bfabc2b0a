"""Your own pictures: folders, tables and zips of any naming, arrays and datasets, become a split, with a report.

Imports `data` and what is below it.
"""
