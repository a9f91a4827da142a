"""What is no HTTP/1.1, or too much of it: refused with the right status, readable by the client,
and without harm to the next one."""
import os
import re

import pytest

from probe import CHUNKED, GET, HERE, POST, ROOT, get, post


def read_refusals():
    """name: (status, code, detail), from the table that the server is made of."""
    with open(os.path.join(ROOT, 'src/net/http_refusal.def'), encoding='utf-8') as file:
        rows = re.findall(r'X\((\w+),\s+(\w+),\s+(\d+), "(.*)"\)', file.read())
    with open(os.path.join(ROOT, 'src/base/err.def'), encoding='utf-8') as file:
        codes = dict(re.findall(r'X\((\w+), "(\w+)"', file.read()))
    return {name: (int(status), codes[err], detail) for name, err, status, detail in rows}


def read_cases():
    words = {'{GET}': GET, '{POST}': POST, '{CHUNKED}': CHUNKED}
    cases = []
    with open(os.path.join(HERE, 'refused.txt'), encoding='utf-8') as file:
        for line in file:
            if line.startswith('#') or not line.strip():
                continue
            name, text = re.fullmatch(r'(\w+) +(.*)\n', line).groups()
            parts = re.split(r'(\{[A-Z]+\})', text)
            cases.append((name, b''.join(
                words.get(part) or part.encode('latin-1').decode('unicode_escape')
                .encode('latin-1') for part in parts)))
    return cases


REFUSALS = read_refusals()
CASES = read_cases()


def assert_refused(answer, name):
    status, code, detail = REFUSALS[name]
    assert (answer.status, answer.headers['x-code'], answer.body.decode()) == (status, code, detail)
    assert answer.last


@pytest.mark.parametrize('number', range(len(CASES)))
def test_bytes(probe, number):
    name, data = CASES[number]
    with probe.client() as client:
        assert_refused(client.ask(data), name)
        assert client.rest() == b''
    assert probe.ask(get()).status == 200


def test_ten_thousand_headers(probe):
    lines = b''.join(b'X-%d: %d\r\n' % (i, i) for i in range(10000))
    with probe.client() as client:
        assert_refused(client.ask(GET + lines + b'\r\n'), 'HEADER_LINES')
        assert client.rest() == b''


def test_a_long_header_line(probe):
    with probe.client() as client:
        assert_refused(client.ask(GET + b'X: ' + b'x' * 40000 + b'\r\n\r\n'), 'HEADER_BYTES')
        assert client.rest() == b''


def test_a_long_target(probe):
    assert_refused(probe.ask(get('/' + 'x' * 8192)), 'TARGET_LONG')
    assert probe.ask(get('/' + 'x' * 8191)).status == 404


def test_body_limits_differ_by_address(probe):
    assert probe.ask(post('/small', b'x' * 10)).status == 200
    assert_refused(probe.ask(post('/small', b'x' * 11)), 'BODY_LARGE')
    assert probe.ask(post('/echo', b'x' * 65536)).status == 200
    assert_refused(probe.ask(post('/echo', b'x' * 65537)), 'BODY_LARGE')
    body = os.urandom(1 << 20)
    assert probe.ask(post('/large', body)).body.endswith(body)


@pytest.mark.parametrize('size', [65537, 300_000, 1_000_000])
def test_the_client_reads_the_refusal_of_its_large_body(probe, size):
    """It sends everything before it reads: no reset may destroy the answer."""
    with probe.client() as client:
        assert_refused(client.ask(post('/echo', b'x' * size)), 'BODY_LARGE')
        assert client.rest() == b''


def test_the_refusal_does_not_wait_for_the_body(probe):
    with probe.client() as client:
        head = post('/echo', b'x' * 100_000)[:-100_000]
        assert_refused(client.ask(head), 'BODY_LARGE')


def test_what_comes_after_a_refusal_is_read_only_up_to_a_limit(probe):
    with probe.client() as client:
        client.send(b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n')
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(1000):
                client.send(b'x' * 65536)
    probe.until('connections_open', 1)


def test_a_chunked_body_is_refused_where_it_grows_too_large(probe):
    chunk = b'2710\r\n' + b'x' * 10000 + b'\r\n'
    request = CHUNKED.replace(b'POST /', b'POST /echo')
    answer = probe.ask(request + chunk * 6 + b'0\r\n\r\n')
    assert answer.status == 200 and b'length=60000' in answer.body
    assert_refused(probe.ask(request + chunk * 7), 'BODY_LARGE')


def test_a_refused_request_is_not_handled(probe):
    before = probe.counts()
    probe.ask(POST + b'Content-Length: 1\r\nContent-Length: 1\r\n\r\nx')
    after = probe.counts()
    assert after['refusals'] == before['refusals'] + 1
    assert after['requests'] == before['requests'] + 1    # the second question itself
