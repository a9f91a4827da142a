"""The short form for ./check: one node is killed, one is stopped for longer than its lease, and
while it is the server crashes time and again in the middle of a commit. PURSER_SHORT_RESTARTS
says how often (20); PURSER_SEED repeats a run."""
import os
import random
import signal
import threading
import time

from client import until
from cluster import Way
from node import Load, Node, check_books

RESTARTS = int(os.environ.get('PURSER_SHORT_RESTARTS', '20'))
LEASE_S = 10


def crash_in_a_commit(cluster, way, seeded):
    """The server crashes just before it hears of a commit, when it does, or up to 2 ms after."""
    before, pause = seeded.random() < 0.3, seeded.uniform(0, 0.002)
    crashed = threading.Event()

    def crash(pass_on):
        if not before:
            pass_on()
            time.sleep(pause)
        cluster.crash()
        crashed.set()
        if before:
            pass_on()

    way.at_commit = crash
    assert crashed.wait(20), 'nobody committed'
    cluster.stop()
    cluster.again()


def test_three_nodes_and_a_server_that_is_restarted(cluster, tmp_path):
    seed = int(os.environ.get('PURSER_SEED', random.SystemRandom().randint(1, 10**9)))
    print('PURSER_SEED=%d' % seed)
    seeded = random.Random(seed)
    way = Way(cluster)
    first = Node(tmp_path, 'node0', way=way).start()
    killed, stopped = (Node(tmp_path, name, first, way).start() for name in ('node1', 'node2'))
    load = Load([first, killed, stopped], first.key(), seed=seed)
    load.start()
    time.sleep(0.5)
    killed.process.kill()
    killed.process.wait()
    stopped.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    killed.start()
    for _ in range(RESTARTS):
        crash_in_a_commit(cluster, way, seeded)
        until(lambda: first.pays(load.key), 10, 'a payment after the restart')
    print('%d restarts in %.1f s' % (RESTARTS, time.monotonic() - begin))
    time.sleep(max(0, begin + LEASE_S + 2 - time.monotonic()))
    stopped.process.send_signal(signal.SIGCONT)
    for node in (first, killed, stopped):
        until(lambda node=node: node.pays(load.key), 10, 'a payment at each node')
    load.finish()
    load.for_a_while(0.5)
    assert [line for line in stopped.log() if line['event'] == 'run.replaced']
    check_books(first, killed, load)
    for node in (first, killed, stopped):
        assert node.stop() == 0
    way.close()
    print('%d answers kept' % len(load.acknowledged))
