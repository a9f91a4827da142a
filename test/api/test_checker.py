"""The checker of the contract finds what it is there to find."""
import email.message
import json

import pytest

from client import Answer
from contract import Breach

HEADERS = {'Authorization': 'Bearer x', 'Content-Type': 'application/json', 'Idempotency-Key': 'k'}
ID = 'req_01k1jr8vd1fhmsn4vhqdxw8t3c'


def example(contract, name):
    return dict(contract.document['components']['examples'][name]['value'])


def answer(status, body, media='application/json', **headers):
    message = email.message.Message()
    for name, value in dict({'Content_Type': media, 'Request_Id': ID,
                             'Location': 'http://x/v1/payments/y'}, **headers).items():
        if value is not None:
            message[name.replace('_', '-')] = value
    return Answer(status, message, json.dumps(body).encode() if body is not None else b'')


@pytest.fixture()
def check(contract, monkeypatch):
    monkeypatch.setattr(contract, 'called', {})
    good = json.dumps({'amount': 5, 'currency': 'EUR'}).encode()

    def run(given, body=good, headers=HEADERS, method='POST', target='/v1/payments'):
        contract.check(method, target, headers, body, given)
    return run


def test_it_is_content_with_what_is_right(contract, check):
    check(answer(201, example(contract, 'PaymentCaptured')))
    check(answer(422, example(contract, 'ProblemAmount') | {'request_id': ID},
                 'application/problem+json'), body=b'{"amount": 0}')
    assert contract.called == {'POST /v1/payments': {201, 422}}


@pytest.mark.parametrize('change', [
    {'status': 'done'}, {'amount': '5'}, {'amount': 1.5}, {'extra': 1}, {'currency': 'XXX'},
    {'id': 'pay_1'}, {'created_at': '2026-01-01'}, {'metadata': None}, {'actions': ['fly']}])
def test_a_wrong_body(contract, check, change):
    with pytest.raises(Breach):
        check(answer(201, example(contract, 'PaymentCaptured') | change))


def test_a_missing_member(contract, check):
    for name in example(contract, 'PaymentCaptured'):
        body = example(contract, 'PaymentCaptured')
        del body[name]
        with pytest.raises(Breach):
            check(answer(201, body))


def test_a_wrong_status_or_type(contract, check):
    payment = example(contract, 'PaymentCaptured')
    for given in (answer(200, payment), answer(302, payment), answer(201, payment, 'text/html'),
                  answer(422, payment), answer(201, None)):
        with pytest.raises((Breach, ValueError)):
            check(given)


def test_a_missing_or_wrong_header(contract, check):
    payment = example(contract, 'PaymentCaptured')
    for headers in ({'Request_Id': None}, {'Request_Id': 'x'}, {'Location': None},
                    {'Idempotent_Replayed': 'yes'}):
        with pytest.raises(Breach):
            check(answer(201, payment, **headers))


@pytest.mark.parametrize('body,headers,target', [
    (b'{"amount": 0, "currency": "EUR"}', HEADERS, '/v1/payments'),
    (b'{"amount": 5}', HEADERS, '/v1/payments'), (b'', HEADERS, '/v1/payments'),
    (b'{"amount": 5, "currency": "EUR", "x": 1}', HEADERS, '/v1/payments'),
    (b'{"amount": 5, "amount": 5, "currency": "EUR"}', HEADERS, '/v1/payments'),
    (b'{"amount": 5, "currency": "EUR"}', {'Content-Type': 'application/json'}, '/v1/payments'),
    (b'{"amount": 5, "currency": "EUR"}', HEADERS, '/v1/payments?x=1')])
def test_a_bad_request_that_was_accepted(contract, check, body, headers, target):
    with pytest.raises(Breach):
        check(answer(201, example(contract, 'PaymentCaptured')), body, headers, target=target)


@pytest.mark.parametrize('change', [
    {'status': 400}, {'retryable': True}, {'code': 'nothing'}, {'request_id': ID[:-1] + 'd'},
    {'doc_url': 'http://x/errors/not_found'}, {'detail': ''}])
def test_a_problem_that_contradicts_itself(contract, check, change):
    problem = example(contract, 'ProblemAmount') | {'request_id': ID} | change
    with pytest.raises((Breach, KeyError)):
        check(answer(422, problem, 'application/problem+json'), body=b'{"amount": 0}')


def test_a_problem_that_passes_says_when_to_come_again(contract, check):
    problem = example(contract, 'ProblemAmount') | {
        'request_id': ID, 'code': 'operation_in_progress', 'status': 409, 'retryable': True,
        'type': 'http://x/errors/operation_in_progress',
        'doc_url': 'http://x/errors/operation_in_progress'}
    check(answer(409, problem, 'application/problem+json', Retry_After='1'))
    with pytest.raises(Breach):
        check(answer(409, problem, 'application/problem+json'))


def test_a_route_that_the_contract_lacks(check):
    with pytest.raises(Breach):
        check(answer(200, {}), method='GET', target='/v1/secrets')
