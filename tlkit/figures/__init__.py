"""Figures from arrays: every plot, in light and dark, with alt text.

Imports `data` and what is below it.
"""
