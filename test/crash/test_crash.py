"""kill -9 at random moments under load: nothing acknowledged is lost, nothing is done twice,
and nothing needs a hand afterwards (invariants I1-I10 and I24).

PURSER_KILLS says how often (50); PURSER_SEED repeats a run's decisions.
"""
import http.client
import json
import os
import random
import subprocess
import time

import books
from installation import Installation, binary, environment
from load import Worker

KILLS = int(os.environ.get('PURSER_KILLS', '50'))
WORKERS = 8
SETTLE_S = 60

# How far along a payment is: a later look may show the same or more, never less.
FINAL = ('captured', 'verified', 'cancelled', 'failed')


def read(server, key, path):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    try:
        connection.request('GET', path, headers={'Authorization': 'Bearer ' + key})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def check_acknowledged(server, key, acknowledged):
    """Everything that was answered 2xx is there, in that state or a later one."""
    for name, seen in acknowledged.items():
        status, now = read(server, key, '/v1/%ss/%s' % (seen['object'], name))
        assert status == 200, '%s was acknowledged and is gone: %s' % (name, now)
        assert now['updated_at'] >= seen['updated_at'], (seen, now)
        if seen['object'] == 'payment':
            assert now['version'] >= seen['version'], (seen, now)
            assert now['amount_captured'] >= seen['amount_captured'], (seen, now)
            if seen['status'] in FINAL:
                assert now['status'] == seen['status'], (seen, now)
        elif seen['object'] == 'instrument':
            if seen['status'] in ('removed', 'failed'):
                assert now['status'] == seen['status'], (seen, now)
        elif seen.get('status', 'pending') != 'pending':
            assert now['status'] == seen['status'], (seen, now)


def keep(acknowledged, answers):
    for answer in answers:
        known = acknowledged.get(answer['id'])
        newer = known is None or answer.get('version', 0) >= known.get('version', 0)
        if newer and answer['updated_at'] >= (known or answer)['updated_at']:
            acknowledged[answer['id']] = answer


def kill_while_starting(data, seeded):
    """A start that is cut off is no different from any other moment."""
    process = subprocess.Popen([binary(), 'serve', '--data', data, '--listen', '127.0.0.1:0'],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=environment(data))
    time.sleep(seeded.uniform(0, 0.08))
    process.kill()
    process.wait()


def loaded_round(server, key, seeded, unanswered):
    """Load, then kill -9 in the middle of it. Returns the workers."""
    share = [unanswered[i::WORKERS] for i in range(WORKERS)]
    workers = [Worker(server, key, seeded.random(), share[i], seconds=30) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    time.sleep(seeded.expovariate(1 / 0.25))
    server.process.kill()
    server.process.wait()
    for worker in workers:
        worker.join()
        assert not worker.surprises, worker.surprises
    return workers


def settle(server):
    """Waits until nothing is in flight; nobody lends a hand."""
    end = time.monotonic() + SETTLE_S
    while books.open_operations(server.data):
        assert time.monotonic() < end, books.open_operations(server.data)
        time.sleep(0.2)


def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path):
    seed = int(os.environ.get('PURSER_SEED', random.SystemRandom().randint(1, 10**9)))
    print('PURSER_SEED=%d' % seed)
    seeded = random.Random(seed)
    server = Installation(tmp_path / 'data')
    server.start()
    key = server.key()
    acknowledged, unanswered = {}, []
    for _ in range(KILLS):
        workers = loaded_round(server, key, seeded, unanswered)
        unanswered = [request for worker in workers for request in worker.unanswered]
        fresh = {}
        for worker in workers:
            keep(acknowledged, worker.answered)
            keep(fresh, worker.answered)
        if seeded.random() < 0.2:
            kill_while_starting(server.data, seeded)
        server.start()
        check_acknowledged(server, key, {name: acknowledged[name] for name in fresh})
    settle(server)
    check_acknowledged(server, key, acknowledged)
    assert books.differences(server.data) == []
    assert books.cards_that_differ(server.data) == []
    assert not [row for row in books.payments(server.data).values()
                if row['status'] in ('authorizing', 'capturing', 'cancelling')]
    doctor = server.doctor()
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert server.stop() == 0
    print('%d kills, %d payments, %d acknowledged answers kept, saved cards: %s'
          % (KILLS, len(books.payments(server.data)), len(acknowledged),
             books.cards_by_status(server.data)))


def test_every_key_had_one_effect(tmp_path):
    """Requests without an answer are repeated after the crash: still one payment per key."""
    seeded = random.Random(7)
    server = Installation(tmp_path / 'data')
    server.start()
    key = server.key()
    worker = Worker(server, key, 1, [], seconds=0.01)
    requests = [worker.next_request(None) for _ in range(40)]
    for _ in range(3):
        for target in loaded_round(server, key, seeded, list(requests)):
            assert not target.surprises
        server.start()
    last = Worker(server, key, 2, list(requests), seconds=20)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    for request in requests:
        assert last.send(connection, request) is not None
    claims = books.rows(server.data, 'purser.db',
                        'SELECT count(*) AS n, count(DISTINCT payment) AS distinct_payments'
                        ' FROM claims WHERE payment IS NOT NULL AND refund IS NULL'
                        ' AND success_status = 201')[0]
    assert claims['n'] == claims['distinct_payments']
    assert server.stop() == 0
