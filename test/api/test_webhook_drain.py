"""A large backlog at an endpoint that is back: it comes at a rate that begins low, and holds up
nothing else. A sender that let all of it loose at once delayed everybody for hours."""
import os
import time

import pytest

import store
from client import Client, until
from fault_sink import FaultSink, reply
from installation import serving

FIRST = 16              # a second, doubled every second (delivery_targets.c)
DOUBLINGS = 8
BACKLOG = 140           # 112 of them fit into the first three seconds
LONG = os.environ.get('PURSER_WEBHOOKS_LONG')
ANY = {'PURSER_WEBHOOK_ADDRESSES': 'any'}


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / 'data', **ANY) as server:
        yield server


@pytest.fixture
def client(server, contract):
    return Client(server, server.key(), contract)


@pytest.fixture
def sink():
    sink = FaultSink()
    yield sink
    sink.close()


def endpoint(client, sink, path, **members):
    body = {'url': sink.url(path), 'filter': {'events': ['invoice.created']}, **members}
    return client.post('/v1/webhook_endpoints', body).expect(201)


def invoices(client, count):
    return [client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)['id']
            for _ in range(count)]


def tries(server, made):
    """When each try at the endpoint began, by the books, and what it was answered."""
    rows = store.run(server.data, 'purser.db',
                     'SELECT a.started_ms, a.http_status, d.created_ms FROM webhook_attempts AS a'
                     ' JOIN webhook_deliveries AS d ON d.id = a.delivery WHERE d.endpoint = ?'
                     ' ORDER BY a.started_ms', store.id_bytes(made['id']))
    return [(row['started_ms'], row['http_status'], row['created_ms']) for row in rows]


def allowed(since_ms):
    """How many tries the ramp lets begin in its first so many milliseconds."""
    count, second = 0, 0
    while since_ms > 0 and second < DOUBLINGS:
        count += FIRST * 2 ** second * min(since_ms, 1000) / 1000
        since_ms, second = since_ms - 1000, second + 1
    return count


def check_ramp(began, name, more=1):
    """No moment had more tries behind it than the ramp allows, which began a little before the
    first of them; `more` had begun already."""
    peak = 0
    for n, at in enumerate(began):
        if at - began[0] < DOUBLINGS * 1000:
            assert n <= allowed(at - began[0] + 300) + more, (n, at - began[0])
        peak = max(peak, sum(at - 1000 < other <= at for other in began))
    print('%s: %d tries in %.1f s, at most %d in a second, %d in the first'
          % (name, len(began), (began[-1] - began[0]) / 1000, peak,
             sum(at < began[0] + 1000 for at in began)))


def drained(client, made):
    where = '/v1/webhook_endpoints/' + made['id']
    return client.get(where).expect(200)['backlog']['count'] == 0


def watch_others(client, sink, made, path, done):
    """Sends something to another endpoint again and again; how long each took."""
    lags, end = [], time.time() + 60
    while not done():
        assert time.time() < end, 'the backlog does not end'
        begin = time.time()
        client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
        lags.append(sink.wait(len(lags) + 1, path)[-1].at - begin)
        time.sleep(0.05)
    return lags


def test_what_is_found_at_a_start_comes_at_a_ramp(server, client, sink):
    """Purser was away for an hour. What is new meanwhile need not wait for the end of the old."""
    made = endpoint(client, sink, '/slow', per_minute=1)
    other = endpoint(client, sink, '/other', filter={'shops': ['none']})
    invoices(client, BACKLOG)
    assert server.stop() == 0
    store.run(server.data, 'purser.db', 'UPDATE webhook_deliveries SET due_ms = ?'
              ' WHERE due_ms IS NOT NULL', int((time.time() - 3600) * 1000))
    store.run(server.data, 'purser.db', 'UPDATE webhook_endpoints SET per_minute = 0')
    before = len(sink.at('/slow'))
    server.start(**ANY)
    sink.wait(before + 1, '/slow')
    invoices(client, 1)
    lags = watch_others(client, sink, other, '/other', lambda: drained(client, made))
    came = tries(server, made)[before:]
    assert len(came) == BACKLOG + 1 - before
    check_ramp([at for at, _, _ in came], 'found at a start')
    newest = max(created for _, _, created in came)
    place = [created for _, _, created in came].index(newest)
    print('what was new came as number %d; another endpoint waited %.3f s at most'
          % (place, max(lags)))
    assert place < BACKLOG / 2
    assert max(lags) < 2
    assert 'webhooks.untried' not in {line['event'] for line in server.log()}


@pytest.mark.skipif(not LONG, reason='takes the pauses of a dead endpoint: PURSER_WEBHOOKS_LONG')
def test_a_receiver_that_is_back_is_asked_at_a_ramp(server, client, sink):
    """It was away, purser was not. A failure on the way up begins the ramp anew."""
    state = {'status': 500, 'count': 0}

    def plan(connection, request):
        state['count'] += state['status'] == 200
        return reply(503 if state['count'] == 60 else state['status'])(connection, request)
    sink.plans['/slow'] = plan
    made = endpoint(client, sink, '/slow', at_once=4)
    other = endpoint(client, sink, '/other', filter={'shops': ['none']})
    invoices(client, BACKLOG)
    until(lambda: len(tries(server, made)) >= 10, 20)
    state['status'] = 200
    failed = len(sink.at('/slow'))
    sink.wait(failed + 1, '/slow', seconds=60)
    lags = watch_others(client, sink, other, '/other', lambda: state['count'] >= BACKLOG - 60)
    came = tries(server, made)
    came = came[next(n for n, row in enumerate(came) if row[1] == 200):]
    again = next(n for n, row in enumerate(came) if row[1] == 503)
    check_ramp([at for at, _, _ in came[:again]], 'back')
    check_ramp([at for at, _, _ in came[again:]], 'after a failure', more=4)
    print('another endpoint waited %.3f s at most' % max(lags))
    assert max(lags) < 2
