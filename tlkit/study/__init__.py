"""Experiments over many draws: comparisons, the decision map, advice, how transferable a stage is.

Imports `transfer` and what is below it.
"""
