"""Webhooks out, as a merchant sees them: endpoints, what comes, how it is signed, each try."""
import base64
import hashlib
import hmac
import itertools
import json
import subprocess
import time

import pytest

import store
from client import Client, card, until
from installation import serving
from sink import Sink

PATHS = ('/hook-%d' % n for n in itertools.count())


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp('purser') / 'data',
                 PURSER_WEBHOOK_ADDRESSES='any') as server:
        yield server


@pytest.fixture(scope='module')
def sink():
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture()
def path():
    return next(PATHS)


@pytest.fixture()
def endpoint(client, sink, path):
    """Makes endpoints at the test's own path, and deletes them after it."""
    made = []

    def make(**members):
        body = dict({'url': sink.url(path)}, **members)
        made.append(client.post('/v1/webhook_endpoints', body).expect(201))
        return made[-1]
    yield make
    for one in made:
        client.delete('/v1/webhook_endpoints/' + one['id'])


def delivery_of(client, endpoint, **filters):
    query = '&'.join('%s=%s' % pair for pair in
                     dict(filters, webhook_endpoint=endpoint['id']).items())
    return client.get('/v1/webhook_deliveries?' + query).expect(200)['data']


def attempts(client, delivery):
    return client.get('/v1/webhook_deliveries/' + delivery['id']).expect(200)['attempts']


def v1(secret, request):
    headers = request['headers']
    text = '%s.%s.' % (headers['webhook-id'], headers['webhook-timestamp'])
    key = base64.b64decode(secret.removeprefix('whsec_'))
    mac = hmac.new(key, text.encode() + request['body'], hashlib.sha256)
    return 'v1,' + base64.b64encode(mac.digest()).decode()


def openssl(tmp_path, pem, signature, body):
    (tmp_path / 'key.pem').write_text(pem)
    (tmp_path / 'signature').write_bytes(signature)
    (tmp_path / 'body').write_bytes(body)
    return subprocess.run(['openssl', 'dgst', '-sha256', '-verify', tmp_path / 'key.pem',
                           '-signature', tmp_path / 'signature', tmp_path / 'body'],
                          capture_output=True, text=True)


def test_a_payment_is_told_event_by_event(client, sink, path, endpoint):
    made = endpoint(description='Shop')
    assert made['secret'].startswith('whsec_') and made['status'] == 'enabled'
    payment = client.pay().expect(201)
    types = ['invoice.created', 'payment.created', 'payment.authorizing', 'payment.authorized',
             'payment.capturing', 'payment.captured', 'invoice.paid']
    came = sink.wait(len(types), path)
    assert sorted(json.loads(r['body'])['type'] for r in came) == sorted(types)
    events = {e['id']: e for e in client.pages('/v1/payments/%s/events' % payment['id'])}
    for request in came:
        body = json.loads(request['body'])
        headers = request['headers']
        assert headers['Content-Type'] == 'application/json'
        assert headers['webhook-signature'] == v1(made['secret'], request)
        assert abs(int(headers['webhook-timestamp']) - time.time()) < 60
        if headers['webhook-id'] in events:
            event = events[headers['webhook-id']]
            assert (body['type'], body['data']) == (event['type'], event['data'])
            assert body['timestamp'] == event['occurred_at']
    shown = until(lambda: len(delivery_of(client, made, status='delivered')) == len(types) and
                  delivery_of(client, made), 10, 'the record')
    tried = attempts(client, shown[0])
    assert len(tried) == 1 and tried[0]['outcome'] == 'delivered' and tried[0]['peer']
    assert tried[0]['http_status'] == 200 and tried[0]['next_at'] is None


def test_the_secret_is_shown_once(client, endpoint):
    made = endpoint()
    read = client.get('/v1/webhook_endpoints/' + made['id']).expect(200)
    assert read.pop('backlog') == {'count': 0, 'oldest_at': None, 'untried_at': None}
    assert read == dict(made, secret=None)
    listed = {e['id']: e for e in client.pages('/v1/webhook_endpoints')}
    assert listed[made['id']]['secret'] is None


def test_ed25519(client, sink, path, endpoint, tmp_path):
    made = endpoint(sign_v1a=True)
    client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
    request = sink.wait(1, path)[0]
    signatures = request['headers']['webhook-signature'].split(' ')
    assert signatures[0] == v1(made['secret'], request) and signatures[1].startswith('v1a,')
    key = base64.b64decode(made['public_key'].removeprefix('whpk_'))
    der = bytes.fromhex('302a300506032b6570032100') + key
    (tmp_path / 'key.der').write_bytes(der)
    (tmp_path / 'signature').write_bytes(base64.b64decode(signatures[1][4:]))
    text = '%s.%s.' % (request['headers']['webhook-id'], request['headers']['webhook-timestamp'])
    (tmp_path / 'text').write_bytes(text.encode() + request['body'])
    run = subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey',
                          tmp_path / 'key.der', '-rawin', '-in', tmp_path / 'text', '-sigfile',
                          tmp_path / 'signature'], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize('bits', [1024, 2048])
def test_hooker_flat(client, sink, path, endpoint, tmp_path, bits):
    made = endpoint(format='hooker-flat', rsa_bits=bits)
    assert made['retries'] == 'hooker'
    payment = client.pay(shop='55', metadata={'order_id': 'my_order_id'}).expect(201)
    invoice = client.get('/v1/invoices/' + payment['invoice']).expect(200)
    came = sink.wait(5, path)
    assert len(base64.b64decode(came[0]['headers']['X-Signature'])) == bits // 8
    told = {}
    for request in came:
        assert request['headers']['Content-Type'] == 'application/json; charset=utf-8'
        signature = base64.b64decode(request['headers']['X-Signature'])
        run = openssl(tmp_path, made['rsa_public_key_pem'], signature, request['body'])
        assert run.returncode == 0, run.stdout + run.stderr
        assert openssl(tmp_path, made['rsa_public_key_pem'], signature,
                       request['body'] + b' ').returncode != 0
        assert request['headers']['webhook-signature'] == v1(made['secret'], request)
        body = json.loads(request['body'])
        told[body['event_type'], body['status']] = request['body'].decode()
    assert set(told) == {('invoice', 'unpaid'), ('invoice', 'paid'), ('payment', 'pending'),
                         ('payment', 'processed'), ('payment', 'captured')}
    common = ('"shop_id":55,"amount":%d,"currency":"%s","created_at":"%s",'
              '"metadata":{"order_id":"my_order_id"},'
              % (payment['amount'], payment['currency'], invoice['created_at']))
    assert told['invoice', 'paid'] == (
        '{"event_type":"invoice","invoice_id":"%s","payment_id":null,' % payment['invoice']
        + common + '"status":"paid"}')
    assert told['payment', 'captured'] == (
        '{"event_type":"payment","invoice_id":"%s","payment_id":"%s",'
        % (payment['invoice'], payment['id']) + common + '"status":"captured"}')


def test_a_merchant_has_one_rsa_key(client, endpoint):
    """hooker gave the second endpoint of a merchant a key that it never signed with."""
    first, second = endpoint(format='hooker-flat'), endpoint(format='hooker-envelope')
    assert first['rsa_public_key'] == second['rsa_public_key']
    assert len(base64.b64decode(first['rsa_public_key'])) == 294


def test_hooker_envelope(client, sink, path, endpoint, tmp_path):
    made = endpoint(format='hooker-envelope')
    payment = client.pay(shop='12').expect(201)
    client.post('/v1/payments/%s/refunds' % payment['id'], {'amount': 100}).expect(201)
    told = {}
    for request in sink.wait(7, path):
        head = request['headers']['Content-Signature']
        assert head.startswith('alg=RS256; digest=') and head.endswith('==')
        signature = base64.urlsafe_b64decode(head.removeprefix('alg=RS256; digest='))
        run = openssl(tmp_path, made['rsa_public_key_pem'], signature, request['body'])
        assert run.returncode == 0, run.stdout + run.stderr
        body = json.loads(request['body'])
        told[body['eventType']] = body
    assert set(told) == {'InvoiceCreated', 'InvoicePaid', 'PaymentStarted', 'PaymentProcessed',
                         'PaymentCaptured', 'RefundCreated', 'RefundSucceeded'}
    captured = told['PaymentCaptured']
    assert list(captured) == ['eventID', 'occuredAt', 'topic', 'eventType', 'invoice', 'payment']
    assert captured['topic'] == 'InvoicesTopic' and captured['payment']['id'] == payment['id']
    assert captured['payment']['status'] == 'captured' and captured['invoice']['shopID'] == '12'
    assert told['RefundSucceeded']['refund']['amount'] == 100


def test_stripe_like_and_hmac_body(client, sink, path, endpoint):
    made = endpoint(format='stripe-like', signature_header='Shop-Signature')
    client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
    request = sink.wait(1, path)[0]
    parts = dict(p.split('=') for p in request['headers']['Shop-Signature'].split(','))
    key = base64.b64decode(made['secret'].removeprefix('whsec_'))
    text = parts['t'].encode() + b'.' + request['body']
    assert parts['v1'] == hmac.new(key, text, hashlib.sha256).hexdigest()
    client.delete('/v1/webhook_endpoints/' + made['id']).expect(200)
    made = endpoint(format='hmac-body')
    client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
    request = sink.wait(2, path)[1]
    key = base64.b64decode(made['secret'].removeprefix('whsec_'))
    assert request['headers']['X-Hub-Signature-256'] == \
        'sha256=' + hmac.new(key, request['body'], hashlib.sha256).hexdigest()


def test_filters(client, sink, path, endpoint):
    endpoint(filter={'events': ['payment.captured', 'payment.failed'], 'shops': ['a'],
                     'metadata': {'k': 'v'}, 'statuses': ['captured']})
    client.pay(shop='b', metadata={'k': 'v'}).expect(201)
    client.pay(shop='a', metadata={'k': 'w'}).expect(201)
    client.pay(shop='a', metadata={'k': 'v'}, payment_method=card('4000000000000002')).expect(201)
    wanted = client.pay(shop='a', metadata={'k': 'v'}).expect(201)
    assert [json.loads(r['body'])['data']['id'] for r in sink.wait(1, path)] == [wanted['id']]


def test_what_an_endpoint_may_be(client, endpoint, live):
    def refused(param, **members):
        body = dict({'url': 'https://shop.example/hook'}, **members)
        client.post('/v1/webhook_endpoints', body).refused('validation_failed', param)
    refused('url', url='ftp://shop.example/')
    refused('url', url='https://user:word@shop.example/')
    refused('url', url='https://shop.example/#part')
    refused('format', format='xml')
    refused('headers', headers={'Host': 'x'})
    refused('headers', headers={'X-Own': 'a\r\nb'})
    refused('signature_header', signature_header='X-Mine')
    refused('rsa_bits', rsa_bits=2048)
    refused('filter.events', filter={'events': ['payment.flew']})
    refused('filter.events', format='hooker-flat', filter={'events': ['refund.created']})
    refused('filter.shops', filter={'shops': 'a'})
    refused('filter', filter={'colour': ['red']})
    live.post('/v1/webhook_endpoints', {'url': 'http://shop.example/'}) \
        .refused('validation_failed', 'url')


def test_a_merchant_has_no_more_endpoints_than_fifty(server, stranger):
    """Of one mode; one that was deleted makes room."""
    def make():
        return stranger.post('/v1/webhook_endpoints', {'url': 'http://127.0.0.1:1/'})
    made = [make().expect(201)['id'] for _ in range(50)]
    assert make().refused('state_conflict')['detail'] == \
        'A merchant may have 50 endpoints in a mode.'
    stranger.delete('/v1/webhook_endpoints/' + made[0]).expect(200)
    make().expect(201)
    make().refused('state_conflict')


@pytest.fixture(scope='module')
def live(server, contract):
    return Client(server, server.key(mode='live'), contract)


def test_other_modes_and_merchants_see_nothing(client, live, server, contract, endpoint, sink):
    made = endpoint()
    live.get('/v1/webhook_endpoints/' + made['id']).refused('not_found')
    live.delete('/v1/webhook_endpoints/' + made['id']).refused('not_found')
    live.post('/v1/webhook_endpoints/%s/rotate_secret' % made['id'], {}).refused('not_found')
    client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
    delivery = delivery_of(client, made)[0]
    live.get('/v1/webhook_deliveries/' + delivery['id']).refused('not_found')
    live.post('/v1/webhook_deliveries/%s/redeliver' % delivery['id'], {}).refused('not_found')


def test_changed_and_rotated(client, sink, path, endpoint):
    made = endpoint()
    where = '/v1/webhook_endpoints/' + made['id']
    changed = client.patch(where, {'headers': {'X-Own': 'yes'}, 'description': None,
                                   'per_minute': 6000}).expect(200)
    assert changed['headers'] == {'X-Own': 'yes'} and changed['url'] == made['url']
    rotated = client.post(where + '/rotate_secret', {}).expect(200)
    assert rotated['secret'] != made['secret'] and rotated['old_secret_until']
    client.post(where + '/test', {}).expect(202)
    request = sink.wait(1, path)[0]
    assert request['headers']['X-Own'] == 'yes'
    assert request['headers']['webhook-signature'].split(' ') == \
        [v1(rotated['secret'], request), v1(made['secret'], request)]
    client.patch(where, {'signature_header': 'X-A'}).refused('validation_failed',
                                                             'signature_header')


def test_a_failure_is_tried_again_under_the_same_id(client, sink, path, endpoint):
    answers = iter([(500, {}, b'no'), (302, {'Location': sink.url('/elsewhere')}, b'')])
    sink.answer = lambda r: next(answers, (204, {}, b'')) if r['path'] == path else (200, {}, b'')
    made = endpoint(filter={'events': ['payment.captured']})
    client.pay().expect(201)
    sink.wait(1, path)
    delivery = until(lambda: [d for d in delivery_of(client, made) if d['attempt_count']], 5)[0]
    assert (delivery['status'], delivery['http_status']) == ('pending', 500)
    tried = attempts(client, delivery)
    assert tried[0]['reply'] == 'no' and tried[0]['failure'] == 'It answered 500.'
    assert tried[0]['next_at'] == delivery['next_at']
    for _ in range(2):
        client.post('/v1/webhook_deliveries/%s/redeliver' % delivery['id'], {}).expect(202)
        until(lambda: delivery_of(client, made)[0]['attempt_count'] > len(tried), 5)
        tried = attempts(client, delivery)
    assert [a['http_status'] for a in tried] == [500, 302, 204]
    assert 'redirects are not followed' in tried[1]['failure'] and not sink.at('/elsewhere')
    came = sink.at(path)
    assert len({r['headers']['webhook-id'] for r in came}) == 1
    assert len({r['body'] for r in came}) == 1


def test_gone_disables(client, sink, path, endpoint):
    sink.answer = lambda r: (410, {}, b'') if r['path'] == path else (200, {}, b'')
    made = endpoint()
    where = '/v1/webhook_endpoints/' + made['id']
    client.post(where + '/test', {}).expect(202)
    until(lambda: client.get(where).expect(200)['status'] == 'disabled', 5)
    assert client.get(where).expect(200)['status_reason'] == 'It answered 410 Gone.'
    client.post(where + '/test', {}).refused('state_conflict')
    sink.answer = lambda r: (200, {}, b'')
    delivery = delivery_of(client, made)[0]
    client.post(where + '/enable', {}).expect(200)
    client.post('/v1/webhook_deliveries/%s/redeliver' % delivery['id'], {}).expect(202)
    until(lambda: delivery_of(client, made)[0]['status'] == 'delivered', 5)


def test_disabled_keeps_and_deleted_cancels(client, sink, path, endpoint):
    sink.answer = lambda r: (500, {}, b'') if r['path'] == path else (200, {}, b'')
    made = endpoint()
    where = '/v1/webhook_endpoints/' + made['id']
    client.post(where + '/test', {}).expect(202)
    until(lambda: delivery_of(client, made)[0]['attempt_count'] == 1, 5)
    client.post(where + '/disable', {}).expect(200)
    delivery = delivery_of(client, made)[0]
    assert delivery['status'] == 'pending'
    client.delete(where).expect(200)
    client.get(where).refused('not_found')
    until(lambda: client.get('/v1/webhook_deliveries/' + delivery['id']).expect(200)['status']
          == 'cancelled', 15)
    again = '/v1/webhook_deliveries/%s/redeliver' % delivery['id']
    client.post(again, {}).refused('state_conflict')


def test_one_at_a_time_per_invoice(client, sink, path, endpoint):
    """The first of an invoice fails: what comes after it waits, another invoice does not."""
    held = []

    def answer(request):
        invoice = json.loads(request['body'])['data'].get('invoice') or \
            json.loads(request['body'])['data']['id']
        if request['path'] == path and not held:
            held.append(invoice)
        return (500, {}, b'') if request['path'] == path and invoice in held else (200, {}, b'')
    sink.answer = answer
    endpoint(ordering='per_invoice')
    first = client.pay().expect(201)
    sink.wait(1, path)
    second = client.pay().expect(201)
    sink.wait(8, path)
    assert held == [first['invoice']]
    told = [json.loads(r['body']) for r in sink.at(path)]
    of_second = [b['type'] for b in told
                 if second['invoice'] in (b['data'].get('invoice'), b['data']['id'])]
    assert of_second == ['invoice.created', 'payment.created', 'payment.authorizing',
                         'payment.authorized', 'payment.capturing', 'payment.captured',
                         'invoice.paid']
    assert len([b for b in told if first['invoice'] in (b['data'].get('invoice'),
                                                        b['data']['id'])]) == 1


def give_up(client, server, endpoint, delivery):
    """The next failure is the delivery's last."""
    store.run(server.data, 'purser.db', 'UPDATE webhook_deliveries SET tries = 30, due_ms = 1'
              ' WHERE id = ?', store.id_bytes(delivery['id']))
    client.patch('/v1/webhook_endpoints/' + endpoint['id'], {'description': 'seen'}).expect(200)


def test_a_gap_in_the_order_is_recorded_and_told(client, server, sink, path, endpoint):
    sink.answer = lambda r: (500 if r['path'] == path and json.loads(r['body'])['type']
                             == 'invoice.created' else 200, {}, b'')
    made = endpoint(ordering='per_invoice', filter={'events': ['invoice.created', 'invoice.paid']})
    endpoint(url=sink.url(path + '-alerts'), filter={'events': ['webhook_delivery.skipped']})
    client.captured()
    sink.wait(1, path)
    first = until(lambda: delivery_of(client, made, type='invoice.created')[0]['attempt_count'] and
                  delivery_of(client, made, type='invoice.created')[0], 5)
    assert len(sink.at(path)) == 1 and not first['skipped']
    backlog = client.get('/v1/webhook_endpoints/' + made['id']).expect(200)['backlog']
    assert backlog['count'] == 2 and backlog['oldest_at'] == first['created_at']
    assert 'purser_webhook_oldest_undelivered_seconds{endpoint="%s"}' % made['id'] in until(
        lambda: made['id'] in client.get('/metrics').raw.decode() and
        client.get('/metrics').raw.decode(), 8)
    assert backlog['untried_at'] == delivery_of(client, made, type='invoice.paid')[0]['created_at']
    give_up(client, server, made, first)
    until(lambda: json.loads(sink.at(path)[-1]['body'])['type'] == 'invoice.paid', 10)
    came = [json.loads(r['body'])['type'] for r in sink.at(path)]
    assert came == ['invoice.created'] * (len(came) - 1) + ['invoice.paid'] and len(came) >= 3
    gap = client.get('/v1/webhook_deliveries/' + first['id']).expect(200)
    assert (gap['status'], gap['skipped']) == ('dead', True)
    alert = json.loads(sink.wait(1, path + '-alerts')[0]['body'])
    assert alert['type'] == 'webhook_delivery.skipped' and alert['data']['id'] == first['id']


def test_others_are_told_of_an_endpoint_that_fails(client, server, sink, path, endpoint):
    status = {'now': 500}
    sink.answer = lambda r: (status['now'] if r['path'] == path else 200, {}, b'')
    made = endpoint(filter={'shops': ['nobody']})
    endpoint(url=sink.url(path + '-alerts'), filter={'events': [
        'webhook_endpoint.failing', 'webhook_endpoint.recovered', 'webhook_endpoint.disabled']})
    endpoint(url=sink.url(path + '-flat'), format='hooker-flat')
    where = '/v1/webhook_endpoints/' + made['id']

    def told(count):
        return [json.loads(r['body']) for r in sink.wait(count, path + '-alerts')]
    client.post(where + '/test', {}).expect(202)
    until(lambda: client.get(where).expect(200)['failures'] == 1, 5)
    for since, warnings in [(2, 1), (80, 2)]:
        store.run(server.data, 'purser.db', 'UPDATE webhook_endpoints SET failing_since_ms = ?'
                  ' WHERE id = ?', int((time.time() - since * 3600) * 1000),
                  store.id_bytes(made['id']))
        client.post(where + '/test', {}).expect(202)
        assert told(warnings)[-1]['type'] == 'webhook_endpoint.failing'
    status['now'] = 200
    client.post(where + '/test', {}).expect(202)
    assert told(3)[-1]['type'] == 'webhook_endpoint.recovered'
    status['now'] = 410
    client.post(where + '/test', {}).expect(202)
    last = told(4)[-1]
    assert last['type'] == 'webhook_endpoint.disabled' and last['data']['id'] == made['id']
    assert last['data']['status_reason'] == 'It answered 410 Gone.' and not last['data']['secret']
    assert not sink.at(path + '-flat')
    until(lambda: made['id'] in {line['endpoint'] for line in server.log()
                                 if line['event'] == 'webhook_endpoint.disabled'}, 5)


def replay_of(client, replay):
    return client.get('/v1/webhook_replays/' + replay['id']).expect(200)


def test_replay(client, sink, path, endpoint):
    sink.answer = lambda r: (200, {}, b'')
    made = endpoint(filter={'events': ['payment.captured', 'invoice.paid']})
    payments = [client.captured() for _ in range(3)]
    sink.wait(6, path)
    until(lambda: len(delivery_of(client, made, status='delivered')) == 6, 5)
    asked = {'webhook_endpoint': made['id'], 'type': 'payment.captured',
             'delivery_status': 'delivered', 'per_minute': 60}
    replay = client.post('/v1/webhook_replays', asked).expect(201)
    assert (replay['status'], replay['sent'], replay['per_minute']) == ('running', 0, 60)
    sink.wait(7, path)
    where = '/v1/webhook_replays/' + replay['id']
    paused = client.post(where + '/pause', {}).expect(200)
    assert paused['status'] == 'paused' and paused['sent'] < 3
    time.sleep(1.2)
    assert replay_of(client, replay)['sent'] == paused['sent']
    assert client.post(where + '/resume', {}).expect(200)['status'] == 'running'
    until(lambda: replay_of(client, replay)['status'] == 'done', 10)
    again = sink.wait(9, path)[6:]
    assert [json.loads(r['body'])['data']['id'] for r in again] == [p['id'] for p in payments]
    first = {json.loads(r['body'])['data']['id']: r for r in sink.at(path)[:6]
             if 'captured' in json.loads(r['body'])['type']}
    for request in again:
        before = first[json.loads(request['body'])['data']['id']]
        assert request['headers']['webhook-id'] == before['headers']['webhook-id']
        assert request['body'] == before['body']
        assert 'webhook-attempt-reason' not in before['headers']
        assert request['headers']['webhook-attempt-reason'] == 'replay'
    assert replay_of(client, replay)['sent'] == 3
    client.post(where + '/pause', {}).refused('state_conflict')
    assert replay['id'] in {r['id'] for r in client.pages('/v1/webhook_replays')}


def test_a_replay_by_time_at_a_rate_and_cancelled(client, live, sink, path, endpoint):
    made = endpoint(filter={'events': ['invoice.created']})
    for _ in range(3):
        client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)
    until(lambda: len(delivery_of(client, made, status='delivered')) == 3, 5)
    second = delivery_of(client, made)[1]
    asked = {'webhook_endpoint': made['id'], 'created_from': second['created_at'],
             'per_minute': 12000}
    replay = client.post('/v1/webhook_replays', asked).expect(201)
    until(lambda: replay_of(client, replay)['status'] == 'done', 5)
    assert replay_of(client, replay)['sent'] == 2
    # What is still on its way is not sent again by the next one.
    until(lambda: len(delivery_of(client, made, status='delivered')) == 3, 5)
    slow = client.post('/v1/webhook_replays', dict(asked, per_minute=1)).expect(201)
    where = '/v1/webhook_replays/' + slow['id']
    live.post(where + '/cancel', {}).refused('not_found')
    assert client.post(where + '/cancel', {}).expect(200)['status'] == 'cancelled'
    client.post(where + '/resume', {}).refused('state_conflict')
    client.post(where + '/cancel', {}).refused('state_conflict')
    client.post('/v1/webhook_replays', dict(asked, delivery_status='pending')) \
        .refused('validation_failed', 'delivery_status')
    live.post('/v1/webhook_replays', asked).refused('validation_failed', 'webhook_endpoint')
    assert list(client.pages('/v1/webhook_replays'))[0]['id'] == slow['id']


def test_what_is_not_there(client):
    endpoint = '/v1/webhook_endpoints/we_00000000000000000000000000'
    delivery = '/v1/webhook_deliveries/whd_00000000000000000000000000'
    replay = '/v1/webhook_replays/whr_00000000000000000000000000'
    for answer in (client.get(endpoint), client.patch(endpoint, {'at_once': 1}),
                   client.delete(endpoint), client.post(endpoint + '/disable', {}),
                   client.post(endpoint + '/enable', {}), client.post(endpoint + '/test', {}),
                   client.post(endpoint + '/rotate_secret', {}), client.get(delivery),
                   client.post(delivery + '/redeliver', {}), client.get(replay),
                   client.post(replay + '/pause', {}), client.post(replay + '/resume', {}),
                   client.post(replay + '/cancel', {})):
        answer.refused('not_found')
    client.get('/v1/webhook_deliveries?status=lost').refused('validation_failed', 'status')
