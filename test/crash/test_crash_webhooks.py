"""kill -9 at random moments under load, with endpoints that are told everything: no event that was
committed is lost, and what comes twice is what was on its way, under the same id with the same
bytes (invariant I7)."""
import collections
import http.client
import json
import os
import random
import time

from installation import Installation
from sink import Sink
from test_crash import KILLS, loaded_round

ROUNDS = max(5, KILLS // 10)
SETTLE_S = 60
ANY = {'PURSER_WEBHOOK_ADDRESSES': 'any'}


def call(server, key, method, path, body=None):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.request(method, path, json.dumps(body) if body else None,
                       {'Authorization': 'Bearer ' + key, 'Content-Type': 'application/json'})
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    connection.close()
    assert reply.status < 300, answer
    return answer


def feed(server, key):
    """All events, by their public ids."""
    events, after = {}, ''
    while True:
        page = call(server, key, 'GET', '/v1/events?limit=100' + after)
        events.update((event['id'], event) for event in page['data'])
        if page['next_cursor'] is None:
            return events
        after = '&after=' + page['next_cursor']


def settle(server, key, endpoints):
    end = time.monotonic() + SETTLE_S
    while True:
        left = [call(server, key, 'GET', '/v1/webhook_endpoints/' + made['id'])['backlog']['count']
                for made in endpoints.values()]
        if not any(left):
            return
        assert time.monotonic() < end, left
        time.sleep(0.2)


def check_received(came, events, made):
    """Everything came; what came again is what it was. Returns how much came again."""
    by_id = collections.defaultdict(list)
    for request in came:
        by_id[request['headers']['webhook-id']].append(request['body'])
    missing = set(events) - set(by_id)
    assert not missing, '%d of %d events never came: %s' % (len(missing), len(events), made['url'])
    assert set(by_id) <= set(events)
    for name, bodies in by_id.items():
        assert len(set(bodies)) == 1, 'the second time %s was another' % name
        assert json.loads(bodies[0])['data'] == events[name]['data']
    return len(came) - len(by_id)


def check_order(came, events):
    """In each invoice the first time that an event came follows that of the one before."""
    last = collections.defaultdict(int)
    seen = set()
    for request in came:
        name = request['headers']['webhook-id']
        event = events[name]
        if name not in seen:
            assert event['sequence'] > last[event['invoice']], event
            last[event['invoice']] = event['sequence']
        seen.add(name)


def test_kill_9_loses_no_event(tmp_path):
    seeded = random.Random(int(os.environ.get('PURSER_SEED', '11')))
    server, sink = Installation(tmp_path / 'data'), Sink()
    server.start(**ANY)
    key = server.key()
    at_once = 8
    endpoints = {
        path: call(server, key, 'POST', '/v1/webhook_endpoints',
                   {'url': sink.url(path), 'ordering': ordering, 'at_once': at_once})
        for path, ordering in [('/free', 'none'), ('/ordered', 'per_invoice')]}
    unanswered = []
    for _ in range(ROUNDS):
        workers = loaded_round(server, key, seeded, unanswered)
        unanswered = [request for worker in workers for request in worker.unanswered]
        server.start(**ANY)
    settle(server, key, endpoints)
    doctor = server.doctor()
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    events = feed(server, key)
    assert len(events) > 20 * ROUNDS
    for path, made in endpoints.items():
        # What was on its way, and what was taken while its record waited for a commit.
        assert check_received(sink.at(path), events, made) <= ROUNDS * 4 * at_once
    check_order(sink.at('/ordered'), events)
    print('%d kills, %d events, %s came again' % (ROUNDS, len(events), {
        path: len(sink.at(path)) - len(events) for path in endpoints}))
    assert server.stop() == 0
    sink.close()
