"""A Ray cluster of two nodes on this machine, as they would be on two machines: a processor each, reached with a token."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
"""Ray takes 127.0.0.1 for the machine's address in its network, where these nodes do not listen."""


@dataclass
class Nodes:
    """The cluster.

    Attributes:
        cluster: Ray's own.
        second: the node that does not lead.
        environment: of a process that is to use it.
    """

    cluster: Any
    second: Any
    environment: dict[str, str]

    def kill_second(self) -> None:
        """Kill the second node, and start another."""
        self.cluster.remove_node(self.second, allow_graceful=False)
        self.second = self.cluster.add_node(num_cpus=1, node_ip_address=SECOND)


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """Two nodes for the time of the block."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    from ray.cluster_utils import Cluster  # noqa: PLC0415  # an extra

    first = {"num_cpus": 1, "include_dashboard": False, "node_ip_address": FIRST}
    cluster = Cluster(initialize_head=True, head_node_args=first)
    try:
        second = cluster.add_node(num_cpus=1, node_ip_address=SECOND)
        yield Nodes(cluster, second, {**os.environ, "RAY_ADDRESS": cluster.address})
    finally:
        cluster.shutdown()
