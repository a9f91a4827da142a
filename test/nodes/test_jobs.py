"""Jobs of several nodes: a pause holds for all, and a run with an interval is made by one, under a
lease that lapses with its node."""
import signal
import time

import store
from client import Client, until
from installation import purser
from node import Node

KEEP = ('--retention-days', '31')


def rows(first, sql):
    return store.run(first.data, 'purser.db', sql)


def runs_of(nodes, job):
    return sum(line.get('event') == 'job.done' and line.get('job') == job
               for node in nodes for line in node.log())


def rests(first):
    """The last run of `prune` is over, and the next is ahead."""
    row, = rows(first, "SELECT due_ms, run FROM jobs WHERE name = 'prune'")
    return row['due_ms'] > time.time() * 1000 and not any(bytes(row['run'] or b''))


def test_jobs_of_two_nodes(cluster, tmp_path, contract):
    first = Node(tmp_path, 'node0').start(*KEEP)
    second = Node(tmp_path, 'node1', first).start(*KEEP)
    nodes = [first, second]
    client = Client(first, first.key(), contract)
    operator = Client(second, first.key(scopes='operator'), contract)

    # Paused by the one, left alone by both, resumed by the other.
    operator.post('/v1/jobs/expire/pause', {'note': 'x'}).expect(200)
    payment = client.pay(None).expect(201)
    rows(first, 'UPDATE payments SET due_ms = 1, expires_ms = 1')
    for node in nodes:
        looked = node.metrics()['purser_job_ran_at_seconds{job="checkouts"}']
        until(lambda: node.metrics()['purser_job_ran_at_seconds{job="checkouts"}'] > looked + 2, 20,
              'looks')
    assert client.read(payment)['status'] == 'created'
    assert purser('jobs', 'resume', 'expire', '--data', first.data).returncode == 0
    until(lambda: client.read(payment)['status'] == 'cancelled', 20, 'the clock')

    # Due for both, made by one.
    until(lambda: runs_of(nodes, 'prune') == 1 and rests(first), 20, 'the first run')
    rows(first, "UPDATE jobs SET due_ms = 1 WHERE name = 'prune'")
    until(lambda: runs_of(nodes, 'prune') == 2 and rests(first), 20, 'the second run')

    # Held by a node that is gone: its lease lapses, and the other begins anew.
    rows(first, "UPDATE jobs SET due_ms = 1, run = (SELECT id FROM runs WHERE node LIKE '%% %d'"
                " ORDER BY id DESC LIMIT 1) WHERE name = 'prune'" % second.process.pid)
    held = rows(first, "SELECT run FROM jobs WHERE name = 'prune'")[0]['run']
    assert held is not None
    second.process.send_signal(signal.SIGKILL)
    second.process.wait()
    assert runs_of([first], 'prune') + runs_of([second], 'prune') == 2
    until(lambda: runs_of(nodes, 'prune') == 3, 30, 'the lease to lapse')
    assert rows(first, "SELECT run FROM jobs WHERE name = 'prune'")[0]['run'] != held
    assert first.stop() == 0
    assert first.doctor().returncode == 0
