"""Equal nodes on one server: killed, stopped for longer than their lease, and all the same
nothing is lost or done twice (invariants I1 to I10, I15, I24).

PURSER_ROUNDS says how many times a node is killed or stopped (3); PURSER_SEED repeats a run."""
import os
import random
import signal
import time

import store
from client import Client, together, until
from installation import Installation
from node import Load, Node, check_books

ROUNDS = int(os.environ.get('PURSER_ROUNDS', '3'))
LEASE_S = 10


def start_nodes(folder, count):
    first = Node(folder, 'node0')
    nodes = [first] + [Node(folder, 'node%d' % i, first) for i in range(1, count)]
    for node in nodes:
        node.start()
    return nodes


def stop_all(nodes):
    for node in nodes:
        assert node.stop() == 0


def runs(first):
    return {row['id']: row for row in store.run(
        first.data, 'purser.db', 'SELECT id, node, lapses_ms, batches FROM runs')}


def runs_of(first, node):
    """A run names its node's process."""
    return {id: row for id, row in runs(first).items()
            if row['node'].endswith(' %d' % node.process.pid)}


def test_a_payment_goes_on_at_another_node(cluster, tmp_path, contract):
    nodes = start_nodes(tmp_path, 2)
    key = nodes[0].key()
    one, other = (Client(node, key, contract) for node in nodes)
    payment = one.pay(capture_method='manual', key='the-key').expect(201)
    assert other.get('/v1/payments/' + payment['id']).expect(200) == payment
    again = other.pay(capture_method='manual', key='the-key')
    assert again.raw == one.pay(capture_method='manual', key='the-key').raw
    captured = other.act(payment, 'capture').expect(200)
    assert captured['status'] == 'captured'
    assert one.act(payment, 'refunds').expect(201)['status'] == 'succeeded'
    assert len(one.pages('/v1/events')) == len(other.pages('/v1/events')) > 6
    stop_all(nodes)
    assert nodes[0].doctor().returncode == 0


def test_a_caller_hears_what_another_node_brought(cluster, tmp_path, contract):
    """Both nodes look for what is due, and the callers wait at one of them."""
    nodes = start_nodes(tmp_path, 2)
    key = nodes[0].key()
    one, other = (Client(node, key, contract) for node in nodes)
    names = ['key-%d' % i for i in range(8)]
    for name in names:
        one.pay('4000000000000259', key=name, prefer='respond-async').expect(202)
    begin = time.monotonic()
    answers = together(*[lambda name=name: other.pay('4000000000000259', key=name, prefer='wait=25')
                         for name in names])
    assert {answer.status for answer in answers} == {201}
    assert time.monotonic() - begin < 15
    stop_all(nodes)


def disturb(node, seeded):
    """kill -9 and a new start, or SIGSTOP: short, or longer than the lease."""
    if seeded.random() < 0.6:
        node.process.kill()
        node.process.wait()
        time.sleep(seeded.uniform(0, 2))
        node.start()
        return 'killed'
    node.process.send_signal(signal.SIGSTOP)
    time.sleep(seeded.choice([0.5, LEASE_S + 3]))
    node.process.send_signal(signal.SIGCONT)
    return 'stopped'


def test_nodes_killed_and_stopped_under_load(cluster, tmp_path):
    seed = int(os.environ.get('PURSER_SEED', random.SystemRandom().randint(1, 10**9)))
    print('PURSER_SEED=%d' % seed)
    seeded = random.Random(seed)
    nodes = start_nodes(tmp_path, 3)
    load = Load(nodes, nodes[0].key(), seed=seed)
    for _ in range(ROUNDS):
        load.start()
        time.sleep(seeded.uniform(0.3, 1.5))
        print(disturb(seeded.choice(nodes), seeded))
        load.finish()
    load.for_a_while(1)
    check_books(nodes[0], seeded.choice(nodes), load)
    stop_all(nodes)
    print('%d answers kept' % len(load.acknowledged))


def test_a_node_that_was_stopped_goes_on_under_another_run(cluster, tmp_path):
    """And commits nothing under the one that it had."""
    nodes = start_nodes(tmp_path, 2)
    load = Load(nodes, nodes[0].key())
    load.start()
    time.sleep(1)
    nodes[1].process.send_signal(signal.SIGSTOP)
    before = runs_of(nodes[0], nodes[1])
    assert len(before) == 2 and sum(row['batches'] for row in before.values()) > 0
    time.sleep(LEASE_S + 3)
    nodes[1].process.send_signal(signal.SIGCONT)
    until(lambda: nodes[1].pays(load.key), 10, 'a payment at the node that was stopped')
    load.finish()
    load.for_a_while(1)
    after = runs_of(nodes[0], nodes[1])
    for id, row in before.items():
        # A batch was perhaps on its way when it was stopped; no other came.
        assert after[id]['batches'] <= row['batches'] + 1
        assert after[id]['lapses_ms'] <= row['lapses_ms'] + LEASE_S * 1000
    fresh = [row for id, row in after.items() if id not in before]
    assert len(fresh) == 2 and sum(row['batches'] for row in fresh) > 0
    assert [line for line in nodes[1].log() if line['event'] == 'run.replaced']
    check_books(nodes[0], nodes[1], load)
    stop_all(nodes)


def test_what_a_dead_node_was_sending_is_asked_about_by_another(cluster, tmp_path, contract):
    """The payer's answer was lost with the node: the other one asks the gateway when the lease
    is over."""
    nodes = start_nodes(tmp_path, 2)
    key = nodes[0].key()
    one, other = (Client(node, key, contract) for node in nodes)
    payment = one.pay('4000000000000259', prefer='respond-async').expect(202)
    until(lambda: nodes[0].sandbox_rows('SELECT id FROM sandbox_operations'), 5, 'the call')
    nodes[0].process.kill()
    nodes[0].process.wait()
    assert other.settles(payment, seconds=LEASE_S + 10)['status'] == 'captured'
    stop_all(nodes[1:])
    assert nodes[0].doctor().returncode == 0


def test_ten_nodes_start_at_once_on_empty_books(cluster, tmp_path):
    first = Node(tmp_path, 'node0')
    # On books that are left aside: only its keys are wanted, which all of them have to share.
    Installation.start(first, PURSER_STORE='sqlite:' + first.data)
    assert first.stop() == 0
    nodes = [first] + [Node(tmp_path, 'node%d' % i, first) for i in range(1, 10)]
    store.address(first.data)
    together(*[node.start for node in nodes])
    assert len(store.run(first.data, 'purser.db', 'SELECT id FROM merchants')) == 1
    assert len(store.run(first.data, 'purser.db', 'SELECT version FROM schema_versions')) == 1
    key = first.key()
    assert all(node.pays(key) for node in nodes)
    stop_all(nodes)
