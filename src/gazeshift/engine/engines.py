"""The engines by name."""

from gazeshift.engine.local import local
from gazeshift.engine.ray_cluster import ray_cluster
from gazeshift.engine.work import Engine

ENGINES: dict[str, Engine] = {"local": local, "ray": ray_cluster}
"""Each does the items of any work, some at a time."""
