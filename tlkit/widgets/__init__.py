"""What moves in a notebook: controls, panels, live runs, the page for a projector, uploads.

Imports `study`, `folders` and what is below them.
"""
