"""The drawn world: pictures of any size, made from a name, a class, an index and a seed.

Imports `checks` alone; it knows nothing of networks, disks or lessons.
"""
