"""What is due at once is found by every node, and taken up by one."""
import time

import store
from client import Client, until
from node import Node

PAYMENTS = 120
NODES = 3


def found(nodes):
    return sum(node.metrics()['purser_due_found_total'] for node in nodes)


def cancelled(first):
    return store.run(first.data, 'purser.db',
                     "SELECT count(*) AS n FROM payments WHERE status = 'cancelled'")[0]['n']


def test_gap_10_what_three_nodes_find_due_is_taken_up_once(cluster, tmp_path, contract):
    first = Node(tmp_path, 'node0').start()
    nodes = [first] + [Node(tmp_path, 'node%d' % i, first).start() for i in range(1, NODES)]
    client = Client(first, first.key(), contract)
    for _ in range(PAYMENTS):
        client.authorized()
    before = found(nodes)
    for done in range(PAYMENTS // 4, PAYMENTS + 1, PAYMENTS // 4):
        store.run(first.data, 'purser.db', "UPDATE payments SET due_ms = 1, expires_ms = 1 WHERE id"
                  " IN (SELECT id FROM payments WHERE status = 'authorized' LIMIT %d)"
                  % (PAYMENTS // 4))
        until(lambda done=done: cancelled(first) == done, 10, '%d at their end' % done)
    time.sleep(0.5)
    taken = found(nodes) - before
    print('%d due, %d taken up' % (PAYMENTS, taken))
    assert PAYMENTS <= taken <= PAYMENTS * 1.5, taken
    for node in nodes:
        assert node.stop() == 0
    assert first.doctor().returncode == 0
