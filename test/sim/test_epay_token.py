"""POST /oauth2/token, as contracts of the bank and reports of its clients describe it."""
import json

import pytest

from simulator import ONE_STEP, bearer

FIELDS = {'grant_type': 'client_credentials', 'scope': 'payment', 'client_id': 'sim',
          'client_secret': 'sim-secret', 'terminal': ONE_STEP}


def multipart(fields):
    parts = ''.join(f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                    for name, value in fields.items())
    return parts + '--xx--\r\n'


ENCODINGS = {
    'form': ('application/x-www-form-urlencoded',
             lambda fields: '&'.join(f'{name}={value}' for name, value in fields.items())),
    'multipart': ('multipart/form-data; boundary=xx', multipart),
    'quoted boundary': ('multipart/form-data; boundary="xx"', multipart),
    'json': ('application/json; charset=utf-8', json.dumps),
}


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('kind', ['service', 'payment'])
def test_any_encoding_will_do(sim, encoding, kind):
    content_type, write = ENCODINGS[encoding]
    fields = dict(FIELDS)
    if kind == 'payment':
        fields.update(invoiceID='000200001', amount='12.5', currency='KZT')
    answer = sim.call('POST', '/oauth2/token', write(fields), {'Content-Type': content_type})
    assert answer.status == 200, answer.body
    token = answer.json
    assert set(token) == {'access_token', 'expires_in', 'refresh_token', 'scope', 'token_type'}
    assert token['token_type'] == 'Bearer' and token['scope'] == 'payment'
    assert token['expires_in'] == (1200 if kind == 'payment' else 7200)
    assert sim.last_reply()['call'] == ('payment_token' if kind == 'payment' else 'login')


@pytest.mark.parametrize('body', ['', '{', '--xx\r\n', '--xx\r\n\r\nno name\r\n--xx--\r\n'])
def test_what_cannot_be_read_is_refused(sim, body):
    for content_type in ('application/json', 'multipart/form-data; boundary=xx', 'text/plain'):
        assert sim.call('POST', '/oauth2/token', body,
                        {'Content-Type': content_type}).status == 400


@pytest.mark.parametrize('changed, status', [
    ({'client_secret': 'wrong'}, 401), ({'client_id': 'wrong'}, 401),
    ({'grant_type': 'password'}, 400), ({'scope': None}, 400)])
def test_wrong_credentials(epay, changed, status):
    answer = epay.token_request(**changed)
    assert answer.status == status and 'access_token' not in answer.json
    assert answer.json['error']


@pytest.mark.parametrize('as_text', [False, True])
def test_expires_in_is_a_number_or_a_text(sim, epay, as_text):
    sim.sim('settings', expires_in_text=as_text, token_seconds=77)
    assert epay.token_request().json['expires_in'] == ('77' if as_text else 77)


def test_a_token_ends(sim, epay):
    sim.sim('settings', token_seconds=0)
    answer = epay.get('/check-status/payment/transaction/000000001', epay.login())
    assert answer.status == 401


@pytest.mark.parametrize('invoice', ['12345', '1234567890123456', 'INV-123456', '12345a',
                                     '123 456', '-1234567'])
def test_an_invoice_number_is_6_to_15_digits(epay, invoice):
    answer = epay.token_request(invoiceID=invoice, amount='100', currency='KZT')
    assert answer.status == 400 and 'invoiceID' in answer.json['error_description']


@pytest.mark.parametrize('invoice', ['123456', '123456789012345'])
def test_the_shortest_and_the_longest_number(epay, invoice):
    assert epay.order(invoiceID=invoice)[0] == invoice


def test_the_last_six_digits_are_unique_for_a_terminal(sim, epay, epay_two_step):
    epay.order(invoiceID='111222333')
    assert epay.token_request(invoiceID='999222333', amount='1', currency='KZT').status == 400
    assert epay.token_request(invoiceID='111222334', amount='1', currency='KZT').status == 200
    assert epay_two_step.token_request(invoiceID='999222333', amount='1',
                                       currency='KZT').status == 200


def test_an_invoice_is_one_attempt(epay):
    invoice, _ = epay.order()
    epay.order(invoiceID=invoice)               # before anybody paid: a lost answer asked for again
    epay.pay(invoice, 'decline')
    answer = epay.token_request(invoiceID=invoice, amount='100', currency='KZT')
    assert answer.status == 400 and 'one attempt' in answer.json['error_description']


@pytest.mark.parametrize('fields', [
    {'amount': 'ten'}, {'amount': '-1'}, {'amount': '1.001'}, {'amount': None},
    {'currency': 'GBP'}, {'currency': None}, {'terminal': None}])
def test_an_order_needs_amount_currency_and_terminal(epay, fields):
    order = {'invoiceID': '000300001', 'amount': '100', 'currency': 'KZT', **fields}
    assert epay.token_request(**order).status == 400


@pytest.mark.parametrize('currency', ['KZT', 'USD', 'EUR', 'RUB'])
def test_currencies_of_the_bank(epay, currency):
    invoice, _ = epay.order('1.25', currency)
    assert epay.pay(invoice, 'approve')['transaction']['currency'] == currency


@pytest.mark.parametrize('terminal, code', [(None, '104'), ('somebody-elses', '109')])
def test_the_terminal_of_the_token_matters(epay, terminal, code):
    invoice, _ = epay.paid()
    answer = epay.get('/check-status/payment/transaction/' + invoice,
                      epay.login(terminal=terminal))
    assert answer.json['resultCode'] == code and answer.json['transaction'] is None


def test_the_two_kinds_of_token_are_kept_apart(epay):
    invoice, token = epay.order()
    path = '/check-status/payment/transaction/' + invoice
    assert epay.get(path, token['access_token']).status == 401
    assert epay.get(path).status == 200
    assert epay.post('/payments/cards/auth', {'invoiceId': invoice}).status == 401


def test_no_token_no_answer(sim):
    path = '/check-status/payment/transaction/000000001'
    assert sim.call('GET', path).status == 401
    assert sim.call('GET', path, headers=bearer('nonsense')).status == 401
    assert sim.call('GET', path, headers={'Authorization': 'Basic abc'}).status == 401


def test_another_path_prefix_is_the_same(sim, epay):
    invoice, _ = epay.paid()
    for prefix in ('', '/epayment'):
        path = f'{prefix}/check-status/payment/transaction/{invoice}'
        assert epay.get(path).json['resultCode'] == '100'
    assert epay.get(f'/hyperswitch/check-status/payment/transaction/{invoice}').status == 404
    assert epay.get(f'//check-status/payment/transaction/{invoice}').status == 404
