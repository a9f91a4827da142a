"""What gateways send by themselves: POST /v1/notifications/{gateway}/{account}. (I14)"""
import hashlib
import hmac
import json
import re
import uuid

import pytest

import store
from client import Client, until
from installation import Installation

CREDENTIALS = {'api_key': 'snd_quibbleworth', 'webhook_key': 'hash-key-zaphodia'}
LIMIT = 1024 * 1024
DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'


@pytest.fixture(scope='module')
def account(client):
    return make(client)


@pytest.fixture(scope='module')
def gateway(server, contract):
    """Whoever calls without a key of ours."""
    return Client(server, None, contract)


def make(client, **settings):
    return client.post('/v1/gateway_accounts', {
        'gateway': 'hyperswitch', 'credentials': CREDENTIALS,
        'settings': dict({'base_url': 'http://127.0.0.1:9'}, **settings)}).expect(201)


def message(payment=None, event=None, **more):
    """A webhook of Hyperswitch about a payment, as bytes."""
    return json.dumps(dict({
        'merchant_id': 'merchant_1', 'event_id': event or str(uuid.uuid4()),
        'event_type': 'payment_succeeded', 'timestamp': '2026-11-23T10:00:00.000Z',
        'content': {'type': 'payment_details',
                    'object': {'payment_id': payment or unknown_payment(), 'amount': 1250,
                               'currency': 'EUR', 'status': 'succeeded'}}}, **more)).encode()


def unknown_payment():
    """An id as purser gives it to Hyperswitch, of a payment that there is not."""
    number = uuid.uuid4().int
    return 'pay_' + ''.join(DIGITS[number >> 5 * place & 31] for place in reversed(range(26)))


def signed(body, key=CREDENTIALS['webhook_key']):
    return {'x-webhook-signature-512': hmac.new(key.encode(), body, hashlib.sha512).hexdigest()}


def path(account):
    return '/v1/notifications/hyperswitch/' + account['id']


def send(gateway, account, body, headers=None):
    return gateway.call('POST', path(account), body, signed(body) if headers is None else headers)


def kept(server, account):
    rows = store.run(server.data, 'purser.db', 'SELECT gateway_account, reference,'
                     ' gateway_reference, body, tries, due_ms, applied_ms FROM notices')
    return [row for row in rows if uuid_of(account) == bytes(row['gateway_account'])]


def uuid_of(account):
    """The 16 bytes of an id."""
    number = 0
    for letter in account['id'].rpartition('_')[2]:
        number = number * 32 + DIGITS.index(letter)
    return number.to_bytes(16, 'big')


def test_a_signed_one_is_kept_and_a_repetition_is_not(client, gateway, server):
    account, body = make(client), message()
    assert send(gateway, account, body).expect(200) == {}
    assert send(gateway, account, body).expect(200) == {}
    row, = kept(server, account)
    assert json.loads(row['body']) == json.loads(body)
    assert send(gateway, account, message()).expect(200) == {}
    assert len(kept(server, account)) == 2


def test_what_is_not_known_yet_is_looked_for_again(client, gateway, server):
    account = make(client)
    send(gateway, account, message()).expect(200)

    def looked():
        row, = kept(server, account)
        return row if row['tries'] > 0 else None
    row = until(looked, 10, 'a look at the notice')
    assert row['due_ms'] is not None and row['applied_ms'] is None


@pytest.mark.parametrize('headers', [
    {}, {'x-webhook-signature-512': ''}, {'x-webhook-signature-512': '00' * 64},
    {'x-webhook-signature-512': 'no hex'}, signed(message(), 'another key'),
    {'x-webhook-signature-512': signed(b'{}')['x-webhook-signature-512']}])
def test_a_bad_signature_leaves_nothing(client, gateway, server, headers):
    account = make(client)
    send(gateway, account, message(), headers).refused('unauthenticated')
    body = message()
    send(gateway, account, body + b' ', signed(body)).refused('unauthenticated')
    assert kept(server, account) == []


def test_refusals_are_counted(gateway, account):
    def count():
        text = gateway.get('/metrics').raw.decode()
        found = re.search(r'^purser_notifications_refused_total\{gateway="hyperswitch"\} (\d+)',
                          text, re.MULTILINE)
        return int(found.group(1)) if found else 0
    before = count()
    send(gateway, account, message(), {}).refused('unauthenticated')
    assert count() == before + 1


def test_the_account_of_another_address(client, gateway, account):
    body = message()
    sandbox = [a for a in client.pages('/v1/gateway_accounts') if a['gateway'] == 'sandbox'][0]
    for target in ('hyperswitch/ga_01k1jqsm0xe3cvpj7fz1n4d9q8', 'hyperswitch/ga_1',
                   'hyperswitch/' + sandbox['id'], 'sandbox/' + sandbox['id'],
                   'sandbox/' + account['id'], 'nobody/' + account['id']):
        gateway.call('POST', '/v1/notifications/' + target, body, signed(body)) \
            .refused('not_found')


def test_the_size(client, gateway, server):
    account = make(client)
    body = message(pad='')
    largest = message(event='e1', pad='x' * (LIMIT - len(message(event='e1', pad=''))))
    assert len(largest) == LIMIT and len(body) < LIMIT
    send(gateway, account, largest).expect(200)
    send(gateway, account, largest + b' ').refused('body_too_large')
    assert len(kept(server, account)) == 1


def test_what_is_not_understood_is_evidence(client, gateway, server):
    account = make(client)
    send(gateway, account, b'["what is this?"]').expect(200)
    row, = kept(server, account)
    assert row['due_ms'] is None and row['reference'] is None and 'what is this?' in row['body']
    assert server.logged('notification.unreadable', 5)['gateway_account'] == account['id']


def test_card_numbers_are_masked(client, gateway, server):
    account = make(client)
    send(gateway, account, message(note='card 4242 4242 4242 4242.')).expect(200)
    row, = kept(server, account)
    assert '4242 4242 4242' not in row['body'] and '4242.' in row['body']


def test_from_listed_addresses_only(client, gateway, server):
    near = make(client, notification_addresses=['192.0.2.0/24', '127.0.0.0/8'])
    far = make(client, notification_addresses=['192.0.2.0/24', '2001:db8::/32'])
    send(gateway, near, message()).expect(200)
    send(gateway, far, message()).refused('forbidden')
    assert len(kept(server, near)) == 1 and kept(server, far) == []


def test_from_hosts_of_a_domain_only(client, gateway, server):
    """This machine's address has the name localhost, and that leads back to it."""
    near = make(client, notification_domains=['elsewhere.test', 'localhost'])
    far = make(client, notification_domains=['elsewhere.test'])
    either = make(client, notification_domains=['elsewhere.test'],
                  notification_addresses=['127.0.0.1'])
    send(gateway, near, message()).expect(200)
    send(gateway, far, message()).refused('forbidden')
    send(gateway, either, message()).expect(200)
    send(gateway, far, message(), {}).refused('unauthenticated')
    assert len(kept(server, near)) == 1 and kept(server, far) == []


@pytest.mark.parametrize('value', ['a.test', ['test'], ['127.0.0.1'], [''], [7], ['a b.test'],
                                   ['a.test'] * 21])
def test_domains_that_are_none(client, account, value):
    client.patch('/v1/gateway_accounts/' + account['id'], {'settings': {
        'base_url': 'http://127.0.0.1:9', 'notification_domains': value}}) \
        .refused('validation_failed', 'settings.notification_domains')


def test_behind_a_proxy(contract, tmp_path):
    """Of what stands in X-Forwarded-For, only what our own proxies wrote is believed."""
    server = Installation(tmp_path / 'data').start('--trusted-proxies', '10.1.0.0/16, 127.0.0.1')
    try:
        client, gateway = Client(server, server.key(), contract), Client(server, None, contract)
        account = make(client, notification_addresses=['203.0.113.0/24'])

        def sent(forwarded):
            body = message()
            return send(gateway, account, body, dict(signed(body), **forwarded))
        for good in ('203.0.113.7', '192.0.2.1, 203.0.113.7', '203.0.113.7, 10.1.2.3'):
            sent({'X-Forwarded-For': good}).expect(200)
        sent({}).refused('forbidden')
        for bad in ('192.0.2.1', '203.0.113.7, 192.0.2.1', '203.0.113.7, what', '10.1.2.3'):
            sent({'X-Forwarded-For': bad}).refused('forbidden')
        made = client.post('/v1/api_keys', {'scopes': ['read'], 'addresses': ['192.0.2.9']})
        limited = Client(server, made.expect(201)['key'], contract)
        limited.get('/v1/payments').refused('forbidden')
        assert limited.call('GET', '/v1/payments', None,
                            {'X-Forwarded-For': '1.1.1.1, 192.0.2.9'}).status == 200
        limited.call('GET', '/v1/payments', None,
                     {'X-Forwarded-For': '192.0.2.9, 1.1.1.1'}).refused('forbidden')
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize('value', ['127.0.0.1', ['here'], ['127.0.0.1/33'], [''], [7],
                                   ['127.0.0.1'] * 51])
def test_addresses_that_are_none(client, account, value):
    client.patch('/v1/gateway_accounts/' + account['id'], {'settings': {
        'base_url': 'http://127.0.0.1:9', 'notification_addresses': value}}) \
        .refused('validation_failed', 'settings.notification_addresses')


def test_new_credentials_count_at_once(client, gateway):
    account, body = make(client), message()
    changed = dict(CREDENTIALS, webhook_key='a new one')
    client.patch('/v1/gateway_accounts/' + account['id'], {'credentials': changed}).expect(200)
    send(gateway, account, body).refused('unauthenticated')
    send(gateway, account, body, signed(body, 'a new one')).expect(200)


def test_an_encoded_body_is_refused(gateway, account):
    """The signature is over the bytes as they came."""
    body = message()
    send(gateway, account, body, dict(signed(body), **{'Content-Encoding': 'gzip'})) \
        .refused('unsupported_media_type')
