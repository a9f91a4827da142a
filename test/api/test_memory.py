"""What stays in the memory of a server that has answered: no card number and no security code,
because a core dump, a swap file or a fault that reads too far would take them along. (I19)"""
import http.client
import json
import os

import pytest

from client import card

NUMBER, CODE = '4000056655665556', '7319'


def writable(pid):
    """(start, end) of the process's memory that may hold data of its own."""
    with open('/proc/%d/maps' % pid) as maps:
        for line in maps:
            place, access = line.split()[:2]
            start, end = (int(number, 16) for number in place.split('-'))
            if access.startswith('rw') and end - start < 1 << 31:
                yield start, end


def places(pid, secret):
    """What stands around each place of the process's memory where the secret is found."""
    found = []
    with open('/proc/%d/mem' % pid, 'rb') as memory:
        for start, end in writable(pid):
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except OSError:
                continue            # gone meanwhile, or not for reading
            at = content.find(secret)
            while at >= 0:
                found.append(content[max(0, at - 40):at + len(secret) + 20])
                at = content.find(secret, at + 1)
    return found


def in_pieces(client, body):
    """The same request as a slow client sends it: chunks that cut the number in two."""
    connection = http.client.HTTPConnection(client.server.host, client.server.port, timeout=30)
    text = json.dumps(body).encode()
    pieces = (text[i:i + 50] for i in range(0, len(text), 50))
    connection.request('POST', '/v1/payments', pieces,
                       {'Authorization': 'Bearer ' + client.key, 'Idempotency-Key': 'in-pieces',
                        'Content-Type': 'application/json', 'Prefer': 'wait=10'},
                       encode_chunked=True)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.fixture(scope='module')
def pid(client, server):
    """Of a server that was given cards, in one piece and in many."""
    method = card(NUMBER, cvc=CODE)
    client.pay(payment_method=method, description='d' * 900).expect(201)
    client.pay(payment_method=method, confirm=False).expect(201)
    client.pay(payment_method=dict(method, type='voucher')).refused('validation_failed')
    body = {'amount': 100, 'currency': 'EUR', 'description': 'd' * 900, 'payment_method': method}
    assert in_pieces(client, body) == 201
    if not os.access('/proc/%d/mem' % server.process.pid, os.R_OK):
        pytest.skip('the memory of other processes may not be read here')
    return server.process.pid


def test_what_is_kept_is_found(pid, server):
    assert places(pid, b'http://%s:%d' % (server.host.encode(), server.port))


def test_no_card_number_stays(pid):
    assert places(pid, NUMBER.encode()) == []


def test_no_security_code_stays(pid):
    assert places(pid, b'"cvc": "%s"' % CODE.encode()) == []
    assert places(pid, b'"cvc":"%s"' % CODE.encode()) == []
