"""Failures that other senders of webhooks had, one after the other, and what purser does instead.
docs/webhooks.md has the list of all; those about receivers are in test_webhook_faults.py."""
import os
import shutil
import sqlite3
import struct
import threading
import time

import pytest

import store
from client import Client, together, until
from fault_sink import FaultSink, delayed, reply
from installation import Installation, serving
from stopped_thread import stopped_thread
from test_operating import metrics
from test_webhook_faults import (LONG, certificates, endpoint, only_try,    # noqa: F401
                                 path, read, send, sink, tried)


from fault_server import GOAWAY, H2, FaultServer, frame, greet_tls, h2_ok

pytestmark = store.sqlite_only      # the faults are put into files; PostgreSQL's are in test/nodes

@pytest.fixture(scope='module')
def server(tmp_path_factory, certificates):
    with serving(tmp_path_factory.mktemp('purser') / 'data', PURSER_WEBHOOK_ADDRESSES='any',
                 PURSER_WEBHOOK_CA_FILE=certificates.ca) as server:
        yield server


def backlog(client, made):
    return client.get('/v1/webhook_endpoints/' + made['id']).expect(200)['backlog']


def run(server, sql, *values):
    return store.run(server.data, 'purser.db', sql, *values)


def test_what_stands_still_is_seen_though_the_api_answers(server, client, endpoint):
    """A worker silently stopped reading its queue, and the API went on to say 202."""
    made = endpoint()
    assert metrics(client)['purser_webhooks_late_seconds'] == 0
    with stopped_thread(server.process.pid, 'deliveries'):
        delivery = send(client, made)
        until(lambda: metrics(client)['purser_webhooks_late_seconds'] >= 1, 15, 'the alarm')
        assert read(client, delivery)['attempt_count'] == 0
    assert tried(client, delivery)['status'] == 'delivered'
    until(lambda: metrics(client)['purser_webhooks_late_seconds'] == 0, 5)


def test_the_books_alone_are_what_is_needed(tmp_path, contract, sink, path):
    """A queue beside the books was restarted empty: what waited was in limbo."""
    first = Installation(tmp_path / 'data').start(PURSER_WEBHOOK_ADDRESSES='any')
    client = Client(first, first.key(), contract)
    made = client.post('/v1/webhook_endpoints', {'url': sink.url(path), 'per_minute': 1,
                                                 'filter': {'shops': ['none']}}).expect(201)
    waiting = [send(client, made) for _ in range(4)]
    sink.wait(1, path)
    first.process.kill()
    first.process.wait()
    other = tmp_path / 'other'
    other.mkdir(mode=0o700)
    for name in os.listdir(first.data):
        if name.startswith('purser.db') or name.endswith('.key'):
            shutil.copy2(os.path.join(first.data, name), other / name)
    second = Installation(other)
    run(second, 'UPDATE webhook_endpoints SET per_minute = 0')
    second.start(PURSER_WEBHOOK_ADDRESSES='any')
    client = Client(second, client.key, contract)
    for delivery in waiting:
        assert tried(client, delivery)['status'] == 'delivered'
    assert second.stop() == 0


def test_an_event_that_was_asked_for_twice_is_told_once(client, sink, path, endpoint):
    """A repeated request passed a check that another one had not reached yet."""
    made = endpoint(filter={'events': ['invoice.created']})
    calls = [lambda: client.post('/v1/invoices', {'amount': 7, 'currency': 'EUR'},
                                 key='the-same-' + path[1:])] * 6
    together(*calls)
    until(lambda: sink.at(path) and backlog(client, made)['count'] == 0, 10)
    client.post('/v1/invoices', {'amount': 7, 'currency': 'EUR'}, key='the-same-' + path[1:])
    listed = client.get('/v1/webhook_deliveries?webhook_endpoint=' + made['id']).expect(200)
    assert len(listed['data']) == 1 and len(sink.at(path)) == 1


@pytest.mark.parametrize('table', ['webhook_deliveries', 'webhook_messages', 'events'])
def test_what_cannot_be_written_is_not_promised(server, client, sink, path,
                                                endpoint, table):
    """It answered 201 though its queue had refused the event."""
    made, key = endpoint(filter={'events': ['invoice.created']}), 'kept-' + path[1:]
    run(server, 'CREATE TRIGGER refuse BEFORE INSERT ON %s BEGIN'
        " SELECT RAISE(ABORT, 'refused'); END" % table)
    try:
        answer = client.post('/v1/invoices', {'amount': 9, 'currency': 'EUR'}, key=key)
        assert answer.status >= 500, answer.raw
    finally:
        run(server, 'DROP TRIGGER refuse')
    assert backlog(client, made)['count'] == 0
    before = len(client.pages('/v1/invoices'))
    client.post('/v1/invoices', {'amount': 9, 'currency': 'EUR'}, key=key).expect(201)
    assert len(client.pages('/v1/invoices')) == before + 1
    sink.wait(1, path)


def test_books_that_cannot_be_read_for_a_while_end_no_worker(server, client, sink, path,
                                                             endpoint):
    """After so many errors in a row a scheduler ended, and nothing but a restart helped."""
    delivery, _ = only_try(client, endpoint())
    run(server, 'ALTER TABLE webhook_messages RENAME TO webhook_messages_away')
    try:
        client.post('/v1/webhook_deliveries/%s/redeliver' % delivery['id'], {}).expect(202)
        until(lambda: [line['event'] for line in server.log()].count('webhooks.unread') >= 3, 15)
    finally:
        run(server, 'ALTER TABLE webhook_messages_away RENAME TO webhook_messages')
    assert len(sink.wait(2, path)) == 2
    assert tried(client, delivery, 2)['status'] == 'delivered'


def test_what_happens_while_an_endpoint_is_disabled_is_held(client, sink, path, endpoint):
    """Events for a disabled destination were gone, and nothing told that there had been any."""
    made = endpoint(filter={'events': ['invoice.created']})
    where = '/v1/webhook_endpoints/' + made['id']
    client.post(where + '/disable', {}).expect(200)
    told = [client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)['id']
            for _ in range(3)]
    held = client.get('/v1/webhook_deliveries?webhook_endpoint=' + made['id']).expect(200)['data']
    assert [(d['status'], d['attempt_count']) for d in held] == [('pending', 0)] * 3
    assert {d['invoice'] for d in held} == set(told)
    client.post('/v1/webhook_deliveries/%s/redeliver' % held[0]['id'], {}).expect(202)
    assert backlog(client, made)['count'] == 3 and not sink.at(path)
    client.post(where + '/enable', {}).expect(200)
    sink.wait(3, path)
    until(lambda: backlog(client, made)['count'] == 0, 5)


@pytest.mark.skipif(not LONG, reason='the backlog is looked at every 5 s: PURSER_WEBHOOKS_LONG')
def test_one_that_is_never_tried_raises_the_alarm(server, client, sink, path, endpoint):
    """Its bytes are gone from the books: nothing can be sent, and nobody is blamed for it."""
    made = endpoint()
    before = run(server, 'SELECT id FROM webhook_messages')
    run(server, 'CREATE TRIGGER lose AFTER INSERT ON webhook_messages BEGIN'
        ' DELETE FROM webhook_messages WHERE id = NEW.id; END')
    delivery = send(client, made)
    run(server, 'DROP TRIGGER lose')
    until(lambda: metrics(client)['purser_webhooks_untried_seconds'] >= 2, 20)
    assert read(client, delivery)['attempt_count'] == 0 and not sink.at(path)
    assert len(run(server, 'SELECT id FROM webhook_messages')) == len(before)
    run(server, 'DELETE FROM webhook_deliveries WHERE id = ?', store.id_bytes(delivery['id']))
    until(lambda: metrics(client)['purser_webhooks_untried_seconds'] == 0, 20)


def test_what_a_rate_holds_back_is_counted_as_late(server, client, sink, path, endpoint):
    """Throttled messages were left out of the alarm that would have shown how late they were."""
    made = endpoint(per_minute=1)
    for _ in range(3):
        send(client, made)
    sink.wait(1, path)
    name = 'purser_webhook_oldest_undelivered_seconds{endpoint="%s"}' % made['id']
    until(lambda: metrics(client).get(name, 0) >= 1, 15)
    left = backlog(client, made)
    assert left['count'] == 2 and left['untried_at'] == left['oldest_at']


def test_an_old_secret_signs_until_its_day_is_over(server, client, sink, path, endpoint):
    """A sender went on to sign with keys that had ended."""
    made = endpoint()
    client.post('/v1/webhook_endpoints/%s/rotate_secret' % made['id'], {}).expect(200)
    send(client, made)
    assert len(sink.wait(1, path)[0].headers['webhook-signature'].split(' ')) == 2
    until(lambda: backlog(client, made)['count'] == 0, 5)
    run(server, 'UPDATE webhook_endpoints SET old_until_ms = ?, updated_ms = updated_ms + 1'
        ' WHERE id = ?', int(time.time() * 1000) - 1, store.id_bytes(made['id']))
    send(client, made)
    assert len(sink.wait(2, path)[1].headers['webhook-signature'].split(' ')) == 1


def goaway(connection, stream):
    """It has seen this stream, and says no more."""
    connection.send(frame(GOAWAY, 0, 0, struct.pack('>II', stream, 0)))
    return False


def test_a_stream_that_may_have_been_taken_is_not_sent_again_at_once(client, endpoint,
                                                                     certificates):
    """HTTP/2: after a GOAWAY only streams beyond its last one are known not to have been seen."""
    serve = H2(goaway)
    with FaultServer(greet_tls(*certificates.good, alpn=('h2', 'http/1.1')), serve) as receiver:
        serve.server = receiver
        delivery, attempt = only_try(client, endpoint(url=receiver.url('/h2', 'https')))
        assert receiver.effects == {'h2': 1}
        assert (delivery['status'], attempt['http_status']) == ('pending', None)
        assert attempt['outcome'] in ('broken', 'not_http') and attempt['next_at']
        serve.answer = h2_ok
        client.post('/v1/webhook_deliveries/%s/redeliver' % delivery['id'], {}).expect(202)
        assert tried(client, delivery, 2)['status'] == 'delivered'


def test_a_long_backlog_is_parked_in_the_books(client, sink, path, endpoint):
    """A receiver that let each call run to its time limit filled the memory of the queue."""
    sink.plans[path] = delayed(30, reply())
    made = endpoint(url=sink.url(path), filter={'events': ['invoice.created']})
    for _ in range(100):
        client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)
    until(lambda: backlog(client, made)['count'] == 100, 10)
    assert sink.most_open[path] <= 4 and metrics(client)['purser_webhooks_in_flight'] <= 4
    other = endpoint(url=sink.url(path + '-other'))
    assert only_try(client, other)[0]['status'] == 'delivered'
    client.post('/v1/webhook_endpoints/%s/disable' % made['id'], {}).expect(200)


def test_no_transaction_is_open_while_a_receiver_thinks(server, client, sink, path,
                                                        endpoint):
    """One held its row locked during the call: the table swelled until its queue stood still."""
    think = threading.Event()
    sink.plans[path] = lambda connection, request: (think.wait(10), reply()(connection, request))
    delivery = send(client, endpoint())
    sink.wait(1, path)
    with sqlite3.connect(os.path.join(server.data, 'purser.db'), timeout=0) as books:
        until(lambda: books.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0] == 0, 2,
              'the books to be free of readers and writers')
    books.close()
    assert read(client, delivery)['attempt_count'] == 0     # it still thinks
    think.set()
    assert tried(client, delivery)['status'] == 'delivered'
