"""A caller at one node hears at once what another node brought, and a little later without LISTEN
and NOTIFY, or behind a pooler that keeps nobody's connection."""
import statistics
import threading
import time

import store
from client import Client, until
from cluster import Hold
from node import Node, check_books, Load
from pooler import Pooler, needs_pooler

POLL_S = 0.5
TIMES = 6


def two_nodes(tmp_path, way=None, before=lambda first: None, **settings):
    first = Node(tmp_path, 'node0', way=way)
    before(first)
    first.start(**settings)
    return first, Node(tmp_path, 'node1', first, way=way).start(**settings)


def wait_for_the_other(cluster, nodes, contract, name):
    """Seconds from when the other node goes on until the caller here has the answer."""
    here, there = (Client(node, nodes[0].key(), contract) for node in nodes)
    table = store.schema(nodes[0].data) + '.sandbox_operations'
    answers = []

    def wait():
        answers.append((here.pay(key=name, prefer='wait=25'), time.monotonic()))

    with Hold(cluster, table) as hold:
        there.pay(key=name, prefer='respond-async').expect(202)
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.7)
        assert not answers
        begin = time.monotonic()
        hold.release()
    waiting.join(20)
    answer, end = answers[0]
    assert answer.expect(201)['status'] == 'captured'
    return end - begin


def waits(cluster, nodes, contract):
    return [wait_for_the_other(cluster, nodes, contract, 'key-%d' % i) for i in range(TIMES)]


def stop(nodes):
    for node in nodes:
        assert node.stop() == 0
    assert nodes[0].doctor().returncode == 0


def events(node):
    return [line['event'] for line in node.log() if line['event'].startswith('hints.')]


def test_a_caller_is_woken_by_another_node(cluster, tmp_path, contract):
    nodes = two_nodes(tmp_path)
    until(lambda: all(events(node) == ['hints.on'] for node in nodes), 5, 'listening')
    took = waits(cluster, nodes, contract)
    assert statistics.median(took) < POLL_S / 4, took
    assert nodes[1].metrics()['purser_hints_sent_total'] >= TIMES
    assert nodes[0].metrics()['purser_hints_heard_total'] >= TIMES
    print('woken after %s ms' % [round(seconds * 1000) for seconds in took])
    stop(nodes)


def test_without_hints_a_caller_is_looked_up(cluster, tmp_path, contract):
    nodes = two_nodes(tmp_path, PURSER_HINTS='off')
    took = waits(cluster, nodes, contract)
    assert max(took) < 2 * POLL_S + 1, took
    assert nodes[1].metrics()['purser_hints_sent_total'] == 0
    assert not events(nodes[0])
    print('looked up after %s ms' % [round(seconds * 1000) for seconds in took])
    stop(nodes)


@needs_pooler
def test_behind_a_pooler_a_caller_is_looked_up(cluster, tmp_path, contract):
    pooler = Pooler(cluster)
    nodes = two_nodes(tmp_path, pooler, pooler.keep_schema)
    took = waits(cluster, nodes, contract)
    assert max(took) < 2 * POLL_S + 1, took
    assert events(nodes[0]) == ['hints.off'] and events(nodes[1]) == ['hints.off']
    stop(nodes)
    pooler.close()


def test_listening_goes_on_after_a_restart_of_the_server(cluster, tmp_path, contract):
    nodes = two_nodes(tmp_path)
    until(lambda: all(events(node) == ['hints.on'] for node in nodes), 5, 'listening')
    cluster.stop()
    until(lambda: all('hints.away' in events(node) for node in nodes), 5, 'the loss')
    cluster.again()
    until(lambda: all(events(node)[-1] == 'hints.on' for node in nodes), 10, 'listening again')
    key = nodes[0].key()
    until(lambda: all(node.pays(key) for node in nodes), 10, 'payments')
    took = waits(cluster, nodes, contract)
    assert statistics.median(took) < POLL_S / 4, took
    stop(nodes)


def test_words_of_strangers_do_nothing(cluster, tmp_path):
    """Whoever may connect to the database may notify."""
    node = Node(tmp_path, 'node').start()
    until(lambda: events(node) == ['hints.on'], 5, 'listening')
    channel = "'purser_' || to_hex(hashtext('%s'))" % store.schema(node.data)
    for hint in ['', '0', '0123456', 'zzzzzzzz', '01234567' * 900, '\xff' * 80, '01234567']:
        cluster.as_superuser("SELECT pg_notify(%s, '%s')" % (channel, hint))
    until(lambda: node.metrics()['purser_hints_heard_total'] >= 2, 5, 'what was well formed')
    load = Load([node], node.key())
    load.for_a_while(0.3)
    check_books(node, node, load)
    assert node.stop() == 0
