"""The primary is killed and its standby promoted. The address of the nodes names both, as
docs/nodes.md says, and nobody tells them anything."""
import os
import random
import time

import pytest

import store
from client import until
from load import create
from node import Load, Node, check_books

RETURN_S = 10
FAILOVERS = int(os.environ.get('PURSER_FAILOVERS', '1'))


class Both:
    """The way to whichever of the two takes writing."""

    def __init__(self, primary, standby):
        self.folders = primary.folder, standby.folder

    def address(self, address):
        for folder in self.folders:
            address = address.replace('host=' + folder, 'host=' + ','.join(self.folders))
        return address + '&target_session_attrs=read-write'


@pytest.fixture
def standby(cluster):
    standby = cluster.follow(synchronous=True)
    until(lambda: cluster.ask('SELECT sync_state FROM pg_stat_replication') == 'sync', 10, 'it')
    yield standby
    standby.remove()


def refused_meanwhile(node, key):
    """Not ready, and requests are refused so that they can be repeated."""
    ready = until(lambda: node.call(key, 'GET', '/readyz'), 15, 'an answer')
    request = create(random.Random(7))
    status, body = until(lambda: node.call(key, 'POST', request.target, request), 15, 'an answer')
    assert ready[0] == 503 and status == 503 and b'"retryable":true' in body, (ready, status, body)


def test_a_synchronous_standby_loses_nothing(cluster, standby, tmp_path, monkeypatch):
    way = Both(cluster, standby)
    first = Node(tmp_path, 'node0', way=way)
    nodes = [first.start(), Node(tmp_path, 'node1', first, way=way).start()]
    load = Load(nodes, first.key(), workers=3)
    load.for_a_while(0.5)
    load.start()
    time.sleep(0.8)
    cluster.stop()
    refused_meanwhile(first, load.key)
    assert first.call(load.key, 'GET', '/healthz')[0] == 200
    standby.promote()
    promoted = time.monotonic()
    for node in nodes:
        until(lambda node=node: node.pays(load.key), RETURN_S, 'a payment after the promotion')
        until(lambda node=node: node.call(load.key, 'GET', '/readyz')[0] == 200, RETURN_S, 'ready')
    print('back %.1f s after the promotion' % (time.monotonic() - promoted))
    load.finish()
    load.for_a_while(0.5)
    monkeypatch.setenv('PURSER_TEST_POSTGRES', standby.address)
    check_books(first, nodes[1], load)
    for node in nodes:
        assert node.stop() == 0
    print('%d answers kept' % len(load.acknowledged))
    assert store.run(first.data, 'purser.db', 'SELECT count(*) AS n FROM payments')[0]['n'] > 0
