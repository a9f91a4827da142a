"""What must never leave memory: card numbers, security codes, keys. Everything that the server
writes (books, sandbox ledger, log) is searched for them, byte by byte. (I19)"""
import base64
import urllib.parse

import pytest

from client import Client, card
from installation import Installation

# Approved by the sandbox; numbers that occur nowhere else in these tests.
PANS = ['4929420573595709', '5255551234567890', '375556917985515']
REFUSED_PANS = ['4916909992637469', '4916909992637468']      # the second fails the Luhn check
HOLDER = 'QUIBBLEWORTH ZAPHODIA'


def pan(digits):
    """The number with its last digit made right."""
    total = 0
    for place, digit in enumerate(reversed(digits[:-1])):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits[:-1] + str(-total % 10)


@pytest.fixture(scope='module')
def run(tmp_path_factory, contract):
    """A server through which secrets went in every way that comes to mind; it has ended."""
    server = Installation(tmp_path_factory.mktemp('secrets') / 'data').start()
    client = Client(server, server.key(), contract)
    for digits in PANS:
        client.pay(payment_method=card(pan(digits), cvc='7319', holder_name=HOLDER)).expect(201)
        client.pay(payment_method=card(pan(digits), holder_name=HOLDER), confirm=False).expect(201)
    for number in ('4000000000000002', '4000000000000119', '4000000000000259', '4000000000000267'):
        client.pay(number, prefer='respond-async').expect(201, 202)
    made = client.post('/v1/api_keys', {'description': 'short-lived'}).expect(201)
    bad_places(client, pan(REFUSED_PANS[0]))
    client.pay(payment_method=card(REFUSED_PANS[1])).refused('validation_failed')
    wrong = client.key[:-1] + ('A' if client.key[-1] != 'A' else 'B')
    client.with_key(wrong).get('/v1/payments').refused('unauthenticated')
    client.delete('/v1/api_keys/' + made['id']).expect(200)
    assert server.stop() == 0
    return {'files': dict(server.bytes_on_disk()),
            'pans': [pan(p) for p in PANS] + [pan(REFUSED_PANS[0]), REFUSED_PANS[1]],
            'keys': [client.key, made['key'], wrong]}


def bad_places(client, number):
    """A card number where none belongs: in texts, addresses, parameters, headers."""
    spaced = ' '.join(number[i:i + 4] for i in range(0, len(number), 4))
    for text in (number, spaced):
        client.pay(reference=text).refused('card_number_in_field')
        client.pay(metadata={'note': text}).refused('card_number_in_field')
        client.get('/v1/payments', reference=text)
    client.get('/v1/payments/' + number).refused('not_found')
    client.get('/' + number).refused('not_found')
    client.get('/v1/payments?%s=1' % number)
    client.get('/v1/payments', cursor=number)
    client.call('GET', '/v1/payments', headers={'User-Agent': number, 'X-Card': number})
    client.post('/v1/payments', {number: 1}).refused('unknown_member')
    client.post('/v1/payments', b'{"number": %s' % number.encode()).refused('malformed_json')
    client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}, key=number).expect(201)
    client.with_key(number).get('/v1/payments').refused('unauthenticated')
    client.pay(payment_method=card(number, exp_year=2001)).refused('validation_failed')
    client.pay(payment_method=card(number, cvc='x')).refused('validation_failed')


def forms(secret):
    """How a secret could look where it was written."""
    raw = secret.encode()
    yield raw
    yield urllib.parse.quote(secret).encode()
    yield base64.b64encode(raw)
    yield raw.hex().encode()
    if secret.isdigit():
        for mark in ' -':
            yield mark.join(secret[i:i + 4] for i in range(0, len(secret), 4)).encode()


def found(run, secret):
    return [path for path, content in run['files'].items()
            for form in forms(secret) if form in content]


def test_there_is_something_to_search(run):
    assert len(run['files']) >= 3 and sum(map(len, run['files'].values())) > 50000
    assert any(b'payment.captured' in content for content in run['files'].values())


def test_no_card_number(run):
    for number in run['pans']:
        assert found(run, number) == [], number[:6]


def test_no_card_at_all(run):
    """The holder's name travels with the number and the security code, and is easier to find."""
    assert found(run, HOLDER) == [] and found(run, HOLDER.lower()) == []
    for content in run['files'].values():
        assert b'"cvc"' not in content and b'7319' + b'"' not in content


def test_no_api_key(run):
    for key in run['keys']:
        assert found(run, key) == [] and found(run, key[9:]) == []


def test_the_last_four_digits_are_kept(run):
    """So that the search is known to have looked in the right place."""
    assert any(pan(PANS[0])[-4:].encode() in content for content in run['files'].values())
