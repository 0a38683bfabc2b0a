"""The back office: what makes the course again and publishes it. `python -m tools --help` lists the commands.

Imports `tlkit`, and is never imported by it.
"""
