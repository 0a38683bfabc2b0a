"""The transfer itself: features, probes, training, the five ways, what they leave behind and how it is shared.

Imports `nets`, `data`, `figures` and what is below them.
"""
