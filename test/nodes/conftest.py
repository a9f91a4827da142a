"""Many nodes on one PostgreSQL server, which is the test's own to stop and to cut off."""
import os
import sys

import pytest

TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TEST, folder) for folder in ('api', 'crash', 'nodes')]

from cluster import Cluster       # noqa: E402
from node import Node             # noqa: E402


@pytest.fixture(scope='session')
def contract():
    from contract import Contract
    return Contract()


@pytest.fixture
def cluster(monkeypatch):
    """A server of its own; store.py works on it."""
    cluster = Cluster()
    monkeypatch.setenv('PURSER_TEST_STORE', 'postgresql')
    monkeypatch.setenv('PURSER_TEST_POSTGRES', cluster.address)
    yield cluster
    # Those that a failed test left.
    for node in Node.started:
        if node.alive():
            node.process.kill()
            node.process.wait()
    Node.started.clear()
    cluster.remove()
