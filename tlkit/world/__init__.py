"""The drawn world: pictures of any size, made from a name, a class, an index and a seed.

Imports `checks` alone; it knows nothing of networks, disks or lessons.
"""

WORLD = 1  # raised when any picture changes: older ones, and maps measured on them, are not used then
