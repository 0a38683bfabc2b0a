"""Experiments over many draws: comparisons, the decision map, advice, how transferable a stage is,
and what stands a shift.

Imports `transfer` and what is below it.
"""
