"""Servers that are killed and raced while they pay at the real purser-sim over the wire: one on
SQLite, and three on one PostgreSQL server."""
import os
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, folder)
                for folder in ('api', 'sim', 'crash', 'nodes', 'gateways_wire')]

from client import Client                             # noqa: E402
from cluster import Cluster                           # noqa: E402
from contract import Contract                         # noqa: E402
from installation import Installation                 # noqa: E402
from node import Node                                 # noqa: E402
from simulator import Simulator                       # noqa: E402
from till import EpaymentTill, HyperswitchTill        # noqa: E402

NODES = 3


class Place:
    """Nodes on the same books, and both gateways, which do whatever they are asked: what they
    should have refused stands in their ledger."""

    def __init__(self, folder, cluster):
        self.sim = Simulator(folder, '--lenient')
        self.nodes = [Node(folder, 'node0') if cluster else Installation(folder / 'node0')]
        if cluster:
            self.nodes += [Node(folder, 'node%d' % i, self.nodes[0]) for i in range(1, NODES)]
        self.first = self.nodes[0]
        self.data = self.first.data

    def start(self):
        for node in self.nodes:
            node.start()
        self.key = self.first.key()
        self.clients = [Client(node, self.key, Contract()) for node in self.nodes]
        self.hyperswitch = HyperswitchTill(self.clients[0], self.sim)
        self.epayment = EpaymentTill(self.clients[0], self.sim)
        self.tills = (self.hyperswitch, self.epayment)
        self.epayment.save_card()
        self.epayment.comes_to({'object': 'payment', 'id': self.epayment.payments[0]}, 'captured')

    def end(self):
        """They leave books that hold every invariant."""
        for node in self.nodes:
            assert node.alive(), 'a node died:\n' + node.log_tail()
        deep = self.first.doctor()
        assert deep.returncode == 0, deep.stdout + deep.stderr
        for node in self.nodes:
            assert node.stop() == 0, node.log_tail()

    def clear(self):
        for node in self.nodes:
            if node.alive():
                node.process.kill()
                node.process.wait()
        self.sim.end()


@pytest.fixture(scope='session', params=['sqlite', 'postgresql'])
def place(request, tmp_path_factory):
    on_server = request.param == 'postgresql'
    changes = pytest.MonkeyPatch()
    cluster = Cluster() if on_server else None
    changes.setenv('PURSER_TEST_STORE', request.param)
    if cluster:
        changes.setenv('PURSER_TEST_POSTGRES', cluster.address)
    place = Place(tmp_path_factory.mktemp(request.param), cluster)
    try:
        place.start()
        yield place
        place.end()
    finally:
        place.clear()
        if cluster:
            cluster.remove()
        changes.undo()
