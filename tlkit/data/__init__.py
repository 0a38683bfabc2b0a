"""Datasets: photo sets and drawn sets as splits, picture files of any kind, augmentation.

Imports `disk`, `world` and what is below them.
"""
