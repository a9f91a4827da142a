"""The primary is killed and its standby promoted. The address of the nodes names both, as
docs/nodes.md says, and nobody tells them anything."""
import json
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
def lagging(cluster):
    standby = cluster.follow(synchronous=False)
    yield standby
    standby.remove()


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


def feed(node, key, after=None):
    """The ids of the events from there to the end of the feed."""
    ids, page = [], None
    while page is None or page:
        cursor = ids[-1] if ids else after
        status, body = node.call(key, 'GET', '/v1/events?limit=100'
                                 + ('&after=' + cursor if cursor else ''))
        assert status == 200, body
        page = [event['id'] for event in json.loads(body)['data']]
        ids += page
    return ids


def test_an_asynchronous_standby_loses_what_doctor_names(cluster, lagging, tmp_path, monkeypatch):
    """What was answered and is lost cannot come back, but no number is given twice: a reader of
    the feed who had read the lost events misses none of the new ones."""
    node = Node(tmp_path, 'node0', way=Both(cluster, lagging)).start()
    load = Load([node], node.key(), workers=3)
    load.for_a_while(0.5)
    until(lambda: cluster.ask('SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication')
          == 't', 10, 'the standby')
    kept = dict(load.acknowledged)
    lagging.stop_following()
    until(lambda: cluster.ask('SELECT count(*) FROM pg_stat_replication') == '0', 10, 'the gap')
    load.for_a_while(0.5)
    read = feed(node, load.key)
    cluster.stop()
    lagging.promote()
    until(lambda: node.pays(load.key), RETURN_S, 'a payment after the promotion')
    assert [line for line in node.log() if line['event'] == 'books.cut']
    monkeypatch.setenv('PURSER_TEST_POSTGRES', lagging.address)
    lost = [name for name, seen in load.acknowledged.items()
            if node.call(load.key, 'GET', '/v1/%ss/%s' % (seen['object'], name))[0] == 404]
    assert lost and not set(lost) & set(kept)
    load.acknowledged, load.unanswered = kept, []
    load.for_a_while(0.5)
    later = feed(node, load.key, read[-1])
    assert later and not set(read) & set(later)
    everything = feed(node, load.key)
    assert everything[-len(later):] == later
    assert len(everything) < len(read) + len(later)
    check_books(node, node, load)
    told = [line for line in node.doctor().stdout.splitlines() if ' history ' in line]
    assert told and 'warning' in told[0] and 'earlier point' in told[0], told
    assert node.stop() == 0
    print('%d of %d answers lost' % (len(lost), len(lost) + len(kept)))
