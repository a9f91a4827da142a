"""Every kind of bad input has a clear error, stores nothing, and harms nobody."""
import json

import pytest

from client import card

GOOD = {'amount': 1250, 'currency': 'EUR', 'payment_method': card()}
PAN = '5105105105105100'        # passes the Luhn check


def with_raw(**members):
    """GOOD as JSON text, with members given as raw JSON text."""
    texts = {name: json.dumps(value) for name, value in GOOD.items()}
    texts.update(members)
    return ('{%s}' % ','.join('"%s":%s' % item for item in texts.items())).encode('utf-8')


@pytest.fixture(autouse=True)
def nothing_is_stored(client):
    """What was refused left no payment, no invoice, no event."""
    def newest():
        return [client.get(path, limit=1).expect(200)['data'] for path in
                ('/v1/payments', '/v1/invoices')]
    before = newest()
    yield
    assert newest() == before


@pytest.mark.parametrize('raw', [
    '0', '-1', '-0', '1.5', '1250.0', '1e3', '1E3', '1.25e3', '"1250"', 'true', 'null', '[1250]',
    '{"minor":1250}', '1000000000000001', '9007199254740993', '9223372036854775807'])
def test_amounts(client, raw):
    client.post('/v1/payments', with_raw(amount=raw)).refused('validation_failed', 'amount')
    client.post('/v1/invoices', ('{"currency":"EUR","amount":%s}' % raw).encode()) \
        .refused('validation_failed', 'amount')


@pytest.mark.parametrize('raw', [
    '9223372036854775808', '18446744073709551616', '-9223372036854775809', '1e400', '-1e400',
    '1' + '0' * 400])
def test_amounts_that_no_integer_holds(client, raw):
    client.post('/v1/payments', with_raw(amount=raw)).refused('validation_failed')


@pytest.mark.parametrize('raw', ['01250', '+1250', '1250.', '.5', '0x4e2', '1_250', 'NaN',
                                 'Infinity', '1250 EUR', ''])
def test_amounts_that_are_no_json(client, raw):
    client.post('/v1/payments', with_raw(amount=raw)).refused('malformed_json')


@pytest.mark.parametrize('currency', ['eur', 'EU', 'EURO', 'XXX', 'ZZZ', '', 'E€R', 978, None, []])
def test_currencies(client, currency):
    client.post('/v1/payments', dict(GOOD, currency=currency)) \
        .refused('validation_failed', 'currency')


@pytest.mark.parametrize('name', ['amount', 'currency'])
def test_what_is_missing(client, name):
    body = {k: v for k, v in GOOD.items() if k != name}
    client.post('/v1/payments', body).refused('validation_failed', name)


@pytest.mark.parametrize('name,value,param', [
    ('capture_method', 'later', 'capture_method'), ('capture_method', True, 'capture_method'),
    ('capture_method', None, 'capture_method'),
    ('payment_method', 'card', 'payment_method'), ('payment_method', [], 'payment_method'),
    ('payment_method', {}, 'payment_method.type'),
    ('payment_method', {'type': 'cash'}, 'payment_method.type'),
    ('payment_method', {'type': 'card'}, 'payment_method.card'),
    ('payment_method', {'type': 'card', 'card': '4242'}, 'payment_method.card'),
    ('payment_method', {'type': 'saved_card'}, 'payment_method.token'),
    ('confirm', 'yes', 'confirm'), ('confirm', 1, 'confirm'),
    ('invoice', 17, 'invoice'), ('invoice', 'inv_x', 'invoice'),
    ('invoice', 'pay_00000000000000000000000000', 'invoice'),
    ('gateway_account', 'x', 'gateway_account'), ('gateway_account', {}, 'gateway_account'),
    ('reference', 5, 'reference'), ('reference', '', 'reference'), ('reference', None, 'reference'),
    ('description', ['x'], 'description'), ('shop', 5, 'shop'),
    ('customer_email', 'nobody', 'customer_email'), ('customer_email', 'a b@c', 'customer_email'),
    ('return_url', 'shop.example', 'return_url'),
    ('return_url', 'javascript:alert(1)', 'return_url'),
    ('return_url', 'https://', 'return_url'), ('return_url', 'https://a b', 'return_url'),
    ('metadata', [], 'metadata'), ('metadata', 'x', 'metadata'),
    ('metadata', {'a': 1}, 'metadata'), ('metadata', {'a': None}, 'metadata'),
    ('metadata', {'a': {'b': 'c'}}, 'metadata'), ('metadata', {'': 'x'}, 'metadata'),
    ('payment_method', dict(card(), token='t'), 'payment_method.token')])
def test_types_and_values(client, name, value, param):
    problem = client.post('/v1/payments', dict(GOOD, **{name: value})).refused('validation_failed')
    assert problem['param'].startswith(param)


@pytest.mark.parametrize('body,param', [
    (dict(GOOD, ammount=5), 'ammount'), (dict(GOOD, Amount=5), 'Amount'),
    (dict(GOOD, id='pay_1'), 'id'), (dict(GOOD, **{'': 5}), ''),
    (dict(GOOD, payment_method=dict(card(), pin='1234')), 'payment_method.pin'),
    (dict(GOOD, payment_method=card(pin='1234')), 'payment_method.card.pin')])
def test_unknown_members(client, body, param):
    problem = client.post('/v1/payments', body).refused('unknown_member')
    assert (problem['param'] or '') == param


@pytest.mark.parametrize('action,body', [
    ('confirm', {'amount': 5}), ('capture', {'ammount': 5}), ('cancel', {'why': 'x'}),
    ('refunds', {'currency': 'EUR'})])
def test_unknown_members_of_other_calls(client, action, body):
    where = '/v1/payments/pay_00000000000000000000000000/' + action
    client.post(where, body).refused('unknown_member', list(body)[0])


@pytest.mark.parametrize('action,body,param', [
    ('capture', {'amount': 0}, 'amount'), ('capture', {'amount': -5}, 'amount'),
    ('capture', {'amount': '5'}, 'amount'), ('capture', {'amount': None}, 'amount'),
    ('cancel', {'reason': 'expired'}, 'reason'), ('cancel', {'reason': 5}, 'reason'),
    ('refunds', {'amount': 0}, 'amount'), ('refunds', {'amount': 1.5}, 'amount'),
    ('refunds', {'expected_refundable': -1}, 'expected_refundable'),
    ('refunds', {'reason': 'r' * 256}, 'reason'), ('refunds', {'reason': ''}, 'reason'),
    ('confirm', {'return_url': 'x'}, 'return_url'), ('confirm', {'payment_method': 5},
                                                     'payment_method')])
def test_values_of_other_calls(client, action, body, param):
    where = '/v1/payments/pay_00000000000000000000000000/' + action
    client.post(where, body).refused('validation_failed', param)


LONGEST = [('reference', 255), ('description', 1000), ('shop', 100)]


@pytest.mark.parametrize('name,length', LONGEST)
@pytest.mark.parametrize('letter', ['a', 'ш', '\U0001f4b6'])
def test_texts_that_are_too_long(client, name, length, letter):
    client.post('/v1/payments', dict(GOOD, **{name: letter * (length + 1)})) \
        .refused('validation_failed', name)


@pytest.mark.parametrize('name,value', [
    ('customer_email', 'a' * 243 + '@example.com'),
    ('return_url', 'https://shop.example/' + 'a' * 2048),
    ('metadata', {'key-%d' % i: 'v' for i in range(51)}), ('metadata', {'k' * 65: 'v'}),
    ('metadata', {'k': 'v' * 501})])
def test_other_things_that_are_too_long(client, name, value):
    problem = client.post('/v1/payments', dict(GOOD, **{name: value})).refused('validation_failed')
    assert problem['param'].startswith(name)


@pytest.mark.parametrize('body', [
    b'', b'   ', b'{', b'{"amount":1250', b'[]', b'"x"', b'null', b'5', b'{} {}', b'{}x',
    b"{'amount':1250}", b'{"amount":1250,}', b'{amount:1250}', b'{"amount":1250}\x00',
    b'\xef\xbb\xbf{}', b'// {}', b'{"a":"\n"}', b'{"a":"\\x"}', b'<xml/>', b'amount=1250'])
def test_what_is_no_json_object(client, body):
    answer = client.call('POST', '/v1/payments', body, {'Idempotency-Key': 'k',
                                                        'Content-Type': 'application/json'})
    assert answer.json['code'] in ('malformed_json', 'validation_failed')
    if answer.status == 422:       # JSON, but no object
        assert body in (b'[]', b'"x"', b'null', b'5')


@pytest.mark.parametrize('text', [
    b'"\xff"', b'"\xc3"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"',
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"'])
def test_text_that_is_no_utf8(client, text):
    body = b'{"amount":1250,"currency":"EUR","reference":%s}' % text
    client.post('/v1/payments', body).refused('malformed_json')


@pytest.mark.parametrize('body', [
    with_raw(amount='1250,"amount":1250'), with_raw(amount='1250,"\\u0061mount":1'),
    with_raw(metadata='{"a":"1","a":"2"}'),
    with_raw(payment_method='{"type":"card","type":"card"}')])
def test_members_named_twice(client, body):
    client.post('/v1/payments', body).refused('malformed_json')


def test_depth(client):
    def nested(levels):
        """An object whose whole depth is so many levels."""
        return with_raw(metadata='{"a":%s1%s}' % ('[' * (levels - 2), ']' * (levels - 2)))
    client.post('/v1/payments', nested(32)).refused('validation_failed')
    client.post('/v1/payments', nested(33)).refused('malformed_json')
    client.post('/v1/payments', b'[' * 60000).refused('malformed_json')


TEXTS = ['reference', 'description', 'shop', 'customer_email', 'return_url', 'metadata']


@pytest.mark.parametrize('name', TEXTS)
@pytest.mark.parametrize('text', [PAN, '5105 1051 0510 5100', '5105-1051-0510-5100',
                                  'card ' + PAN + ' of Jo', '５１０５１０５１０５１０５１００'])
def test_a_card_number_in_a_text(client, server, name, text):
    values = {'customer_email': text.replace(' ', '.') + '@shop.example',
              'metadata': {'note': text},
              'return_url': 'https://shop.example/?card=' + text.replace(' ', '')}
    answer = client.post('/v1/payments', dict(GOOD, **{name: values.get(name, text)}))
    if name == 'return_url' and not text.isascii():
        answer.refused('validation_failed', 'return_url')
        return
    problem = answer.refused('card_number_in_field')
    assert problem['param'].startswith(name)
    assert PAN not in answer.raw.decode()


def test_a_card_number_elsewhere(client):
    client.post('/v1/payments', dict(GOOD, metadata={PAN: 'x'})).refused('card_number_in_field')
    client.post('/v1/payments', dict(GOOD, payment_method=card(holder_name=PAN))) \
        .refused('card_number_in_field', 'payment_method.card.holder_name')
    client.post('/v1/payments/pay_00000000000000000000000000/refunds', {'reason': 'to ' + PAN}) \
        .refused('card_number_in_field', 'reason')
    client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR', 'reference': PAN}) \
        .refused('card_number_in_field', 'reference')
    client.post('/v1/gateway_accounts', {'gateway': 'sandbox', 'description': PAN}) \
        .refused('card_number_in_field', 'description')
    client.post('/v1/api_keys', {'description': PAN}).refused('card_number_in_field', 'description')


@pytest.mark.parametrize('media', ['text/plain', 'application/xml', 'multipart/form-data',
                                   'application/x-www-form-urlencoded', 'application/jsonx',
                                   None])
def test_bodies_that_are_not_json(client, media):
    client.post('/v1/payments', GOOD, headers={'Content-Type': media}) \
        .refused('unsupported_media_type')


def test_a_charset_may_be_named(client):
    body = dict(GOOD, amount=0)
    client.post('/v1/payments', body, headers={'Content-Type': 'application/json; charset=utf-8'}) \
        .refused('validation_failed', 'amount')


def test_encoded_bodies(client):
    client.post('/v1/payments', GOOD, headers={'Content-Encoding': 'gzip'}) \
        .refused('unsupported_media_type')


@pytest.mark.parametrize('method,path,allowed', [
    ('DELETE', '/v1/payments', {'GET', 'POST'}), ('PUT', '/v1/payments/pay_x', {'GET'}),
    ('GET', '/v1/payments/pay_x/capture', {'POST'}), ('POST', '/healthz', {'GET'}),
    ('PATCH', '/v1/invoices', {'GET', 'POST'}), ('OPTIONS', '/v1/payments', {'GET', 'POST'})])
def test_methods_that_an_address_does_not_take(client, method, path, allowed):
    answer = client.call(method, path)
    answer.refused('method_not_allowed')
    assert allowed <= {word.strip() for word in answer.headers['Allow'].split(',')} \
        <= allowed | {'HEAD'}


@pytest.mark.parametrize('path', ['/', '/v1', '/v1/', '/v1/payment', '/v1/payments/',
                                  '/v2/payments', '/v1/payments/x/y/z', '/v1//payments',
                                  '/V1/payments',
                                  '/v1/payments/../invoices', '/%76%31/payments', '/healthz/'])
def test_addresses_of_nothing(client, path):
    client.get(path).refused('not_found')
