"""HTTP itself: limits, slow clients, and requests that must not be understood."""
import json
import threading

import pytest

from client import together
from wire import Wire

BODY = json.dumps({'amount': 5, 'currency': 'EUR'}).encode()


def request(client, *lines, method='POST', path='/v1/invoices', host=True):
    """The bytes of a request with these header lines beside the usual ones."""
    usual = ['Host: purser'] if host else []
    usual += ['Authorization: Bearer ' + client.key, 'Content-Type: application/json']
    head = ['%s %s HTTP/1.1' % (method, path)] + usual + list(lines)
    return '\r\n'.join(head).encode('latin-1') + b'\r\n\r\n'


def ask(client, data):
    """(the first answer to these bytes, whether the server then closes)"""
    with Wire(client.server) as wire:
        wire.send(data)
        answer = wire.answer()
        return answer, answer.headers.get('Connection') == 'close' and wire.closed()


def refused(client, data, status, code):
    answer, closed = ask(client, data)
    assert answer.status == status, answer.raw
    assert answer.json['code'] == code and closed
    assert client.contract.problems(client.contract.schema('Problem'), answer.json) == []


LENGTH = 'Content-Length: %d' % len(BODY)


def test_a_good_request_for_comparison(client):
    answer, closed = ask(client, request(client, LENGTH, 'Connection: close') + BODY)
    assert answer.status == 201 and closed


@pytest.mark.parametrize('lines', [
    [LENGTH, 'Transfer-Encoding: chunked'], [LENGTH, 'Content-Length: %d' % (len(BODY) + 1)],
    ['Content-Length: +%d' % len(BODY)], ['Content-Length: -1'], ['Content-Length: 0x20'],
    ['Content-Length: 99999999999999999999'], ['Content-Length : %d' % len(BODY)],
    ['Transfer-Encoding: gzip, chunked, x'], ['Transfer-Encoding: identity'],
    [LENGTH, 'X-Folded: a\r\n b'], [LENGTH, 'X-Nul: a\0b'], [LENGTH, 'X-Bare: a\rb'],
    [LENGTH, 'Host: other'], [LENGTH, ': empty'], [LENGTH, 'No colon here'],
    [LENGTH, 'Na me: x'], [LENGTH, 'X-Bell: \x07']])
def test_requests_that_two_readers_could_read_in_two_ways(client, lines):
    refused(client, request(client, *lines) + BODY, 400, 'malformed_request')


def test_no_host(client):
    refused(client, request(client, LENGTH, host=False) + BODY, 400, 'malformed_request')


def test_bare_line_feeds(client):
    data = request(client, LENGTH).replace(b'\r\n', b'\n') + BODY
    refused(client, data, 400, 'malformed_request')


@pytest.mark.parametrize('line', [
    b'GET /healthz', b'GET  /healthz HTTP/1.1', b'GET /healthz HTTP/1.1 x',
    b'GET /heal\x00 HTTP/1.1', b'GET /heal thz HTTP/1.1', b'G\xc3\xa9T /healthz HTTP/1.1',
    b'GET /h\xc3\xa9 HTTP/1.1',
    b'GET healthz HTTP/1.1', b'\x16\x03\x01\x02\x00\x01\x00', b'PRI * HTTP/2.0'])
def test_request_lines(client, line):
    answer, closed = ask(client, line + b'\r\nHost: purser\r\n\r\n')
    assert answer.status in (400, 505) and closed


def test_10000_headers(client):
    lines = ['X-%d: y' % i for i in range(10000)]
    refused(client, request(client, LENGTH, *lines) + BODY, 431, 'headers_too_large')


def test_100_header_lines_and_16_KiB(client):
    few = ['X-%d: y' % i for i in range(95)]
    assert ask(client, request(client, LENGTH, *few) + BODY)[0].status == 201
    many = ['X-%d: y' % i for i in range(101)]
    refused(client, request(client, LENGTH, *many) + BODY, 431, 'headers_too_large')
    assert ask(client, request(client, LENGTH, 'X: ' + 'y' * 15000) + BODY)[0].status == 201
    refused(client, request(client, LENGTH, 'X: ' + 'y' * 16384) + BODY, 431, 'headers_too_large')
    refused(client, request(client, LENGTH, path='/' + 'y' * 20000) + BODY, 431,
            'headers_too_large')


def test_a_body_of_1_MB(client):
    """Refused before it is read; yet it is drained, so that the client sees the answer."""
    refused(client, request(client, 'Content-Length: 1000000') + b' ' * 1000000, 413,
            'body_too_large')
    refused(client, request(client, 'Transfer-Encoding: chunked')
            + b'f4240\r\n' + b' ' * 1000000 + b'\r\n0\r\n\r\n', 413, 'body_too_large')


def test_a_body_of_64_KiB(client):
    fits = BODY + b' ' * (65536 - len(BODY))
    assert ask(client, request(client, 'Content-Length: 65536') + fits)[0].status == 201
    refused(client, request(client, 'Content-Length: 65537') + fits + b' ', 413, 'body_too_large')


def test_chunks(client):
    head = request(client, 'Transfer-Encoding: chunked')
    pieces = b''.join(b'1\r\n' + BODY[i:i + 1] + b'\r\n' for i in range(len(BODY)))
    assert ask(client, head + pieces + b'0\r\n\r\n')[0].status == 201
    for bad in (b'x\r\n', b'-1\r\n', b'ffffffffffffffffff\r\n', b'5\r\n{"a":x\r\n'):
        answer, closed = ask(client, head + bad)
        assert answer.status in (400, 413) and closed


def test_two_requests_in_one_go(client):
    with Wire(client.server) as wire:
        wire.send((request(client, LENGTH) + BODY) * 3)
        made = [wire.answer() for _ in range(3)]
    assert [a.status for a in made] == [201] * 3
    assert len({a.json['id'] for a in made}) == 3


def test_100_continue(client):
    with Wire(client.server) as wire:
        wire.send(request(client, LENGTH, 'Expect: 100-continue'))
        assert wire.answer().status == 100
        wire.send(BODY)
        assert wire.answer().status == 201


def test_head_is_get_without_the_body(client):
    with Wire(client.server) as wire:
        wire.send(b'HEAD /healthz HTTP/1.1\r\nHost: purser\r\n\r\n')
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += wire.socket.recv(1)
        assert head.startswith(b'HTTP/1.1 200') and b'Content-Length: ' in head
        wire.send(b'GET /healthz HTTP/1.1\r\nHost: purser\r\n\r\n')
        assert wire.answer().json == {'status': 'ok'}


def test_every_answer_has_a_request_id_of_its_own(client):
    ids = {client.get('/v1/payments').headers['Request-Id'] for _ in range(20)}
    assert len(ids) == 20


def test_slow_senders_are_cut_and_others_are_served(client):
    """Total deadlines: 10 s for the headers, 30 s for the body, however steadily they drip."""
    answers = {}

    def slow(name, quick, dripped, seconds):
        with Wire(client.server) as wire:
            wire.send(quick)
            wire.trickle(dripped, 0.5, seconds)
            answers[name] = wire.rest()

    threads = [threading.Thread(target=slow, args=args) for args in [
        ('header', b'', request(client, 'X-Long: ' + 'y' * 200), 20),
        ('body', request(client, 'Content-Length: 200'), BODY[:1] + b' ' * 100, 45)]]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert client.get('/v1/payments', limit=1).expect(200)
        threads[0].join(0.5)
        threads[1].join(0.5)
    for name in ('header', 'body'):
        assert answers[name].startswith(b'HTTP/1.1 408'), name
        assert b'request_timeout' in answers[name], name


def test_clients_that_leave_harm_nobody(client):
    def leave(at):
        with Wire(client.server) as wire:
            wire.send((request(client, LENGTH) + BODY)[:at])
    whole = len(request(client, LENGTH) + BODY)
    together(*[lambda at=at: leave(at) for at in range(0, whole, 7)])
    assert client.captured()


def test_500_connections(client):
    wires = [Wire(client.server) for _ in range(500)]
    for wire in wires:
        wire.send(b'GET /healthz HTTP/1.1\r\nHost: purser\r\n\r\n')
    assert {wire.answer().status for wire in wires} == {200}
    for wire in wires:
        wire.socket.close()
