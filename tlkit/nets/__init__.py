"""Networks: backbones cut in named stages, their weights, freezing, and where to compute.

Imports `disk` and what is below it.
"""
