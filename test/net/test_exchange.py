"""Requests and answers in the ways that HTTP/1.1 knows."""
import re
import socket
import time

import pytest

from probe import CHUNKED, Client, get, post


def test_what_arrives(probe):
    answer = probe.ask(get('/echo?a=%20b', X_Probe='one'))
    assert answer.body == b'method=0 path=/echo query=a=%20b peer=127.0.0.1 x=one length=0\n'
    answer = probe.ask(get('/echo', **{'X-Probe': 'one', 'x-probe': 'two'}))
    assert b' x=one, two ' in answer.body
    assert answer.headers['content-type'] == 'text/plain'
    assert re.fullmatch(r'\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT', answer.headers['date'])
    assert 'connection' not in answer.headers


def test_ipv6(probe):
    with Client(probe.address6) as client:
        assert b' peer=::1 ' in client.ask(get()).body


def test_methods(probe):
    names = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']
    for number, name in enumerate(names):
        request = get().replace(b'GET', name.encode())
        with probe.client() as client:
            answer = client.send(request).answer(head=name == 'HEAD')
            assert answer.status == 200
            assert name == 'HEAD' or answer.body.startswith(b'method=%d ' % number)


def test_head_has_the_length_and_no_body(probe):
    with probe.client() as client:
        answer = client.send(get('/bytes?1234').replace(b'GET', b'HEAD')).answer(head=True)
        assert answer.headers['content-length'] == '1234'
        assert client.ask(get('/bytes?5')).body == b'xxxxx'


def test_head_is_refused_without_a_body(probe):
    with probe.client() as client:
        request = get(Upgrade='x').replace(b'GET', b'HEAD')
        assert client.send(request).answer(head=True).status == 400
        assert client.rest() == b''


def test_one_connection_for_many_requests(probe):
    with probe.client() as client:
        for i in range(100):
            body = b'x' * i
            assert client.ask(post('/echo', body)).body.endswith(b'length=%d\n' % i + body)


def test_close(probe):
    for request in (get(Connection='close'), get('/last')):
        with probe.client() as client:
            assert client.ask(request).last
            assert client.rest() == b''


def test_http_1_0(probe):
    with probe.client() as client:
        assert client.ask(get(version='1.0')).last
        assert client.rest() == b''
    with probe.client() as client:
        for _ in range(2):
            answer = client.ask(get(version='1.0', Connection='keep-alive'))
            assert answer.headers['connection'] == 'keep-alive'


def test_chunks(probe):
    request = CHUNKED.replace(b'POST /', b'POST /echo')
    with probe.client() as client:
        answer = client.ask(request + b'3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX: y\r\n\r\n')
        assert answer.body.endswith(b'length=5\nabcde')
        assert client.ask(get()).status == 200


def test_requests_in_single_bytes(probe):
    with probe.client() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post('/echo', b'hello') + get():
            client.send(bytes([byte]))
        assert client.answer().body.endswith(b'\nhello')
        assert client.answer().status == 200


def test_an_empty_line_before_a_request(probe):
    with probe.client() as client:
        assert client.ask(post('/echo', b'x') + b'\r\n').status == 200
        assert client.ask(get()).status == 200


# Pipelining.

def test_pipelined_requests_are_answered_in_order(probe):
    with probe.client() as client:
        client.send(b''.join(post('/echo?%d' % i, b'%d' % i) for i in range(50)))
        for i in range(50):
            answer = client.answer()
            assert b'query=%d ' % i in answer.body and answer.body.endswith(b'\n%d' % i)


@pytest.mark.parametrize('path', ['/later?3', '/thread?3'])
def test_order_is_kept_when_answers_come_later(probe, path):
    with probe.client() as client:
        client.send(b''.join(get(path) + get('/echo?%d' % i) for i in range(10)))
        for i in range(10):
            assert client.answer().body == b'waited'
            assert b'query=%d ' % i in client.answer().body


def test_the_next_request_waits_for_the_answer(probe):
    before = probe.counts()['requests']
    with probe.client() as client:
        client.send(get('/hold') + get('/echo?next'))
        probe.until('requests_open', 2)
        assert probe.counts()['requests_open'] == 2    # the held one and the question itself
        held = probe.counts()['requests'] - before
        assert probe.ask(get('/release')).status == 200
        assert client.answer().body == b'waited'
        assert b'query=next ' in client.answer().body
        assert probe.counts()['requests'] - before == held + 3


def test_input_is_bounded_while_an_answer_is_pending(probe):
    with probe.client() as client:
        client.send(get('/hold'))
        probe.until('requests_open', 2)
        client.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 1 << 28:
                sent += client.socket.send(get('/echo') * 1000)
        assert probe.status('VmRSS') < 300_000
        probe.ask(get('/release'))


def test_a_refusal_in_a_pipeline_ends_it(probe):
    with probe.client() as client:
        client.send(get('/later?20') + get() + b'bad\r\n' + get())
        assert client.answer().body == b'waited'
        assert client.answer().status == 200
        assert client.answer().status == 400
        assert client.rest() == b''


def test_requests_after_the_last_one_are_dropped(probe):
    with probe.client() as client:
        client.send(get('/last') + get() * 10)
        assert client.answer().last
        assert client.rest() == b''


# Expect: 100-continue.

def test_continue(probe):
    with probe.client() as client:
        request = post('/small', b'hello', Expect='100-continue')
        client.send(request[:-5])
        answer = client.answer()
        assert (answer.status, answer.headers) == (100, {})
        assert client.ask(b'hello').body.endswith(b'\nhello')
        # Again on the same connection, chunked.
        client.send(b'POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n'
                    b'Transfer-Encoding: chunked\r\n\r\n')
        assert client.answer().status == 100
        assert client.ask(b'2\r\nho\r\n0\r\n\r\n').body.endswith(b'\nho')


def test_no_continue_when_the_body_is_there_already(probe):
    with probe.client() as client:
        assert client.ask(post('/small', b'hello', Expect='100-continue')).status == 200
        assert client.buffer == b''


def test_no_continue_before_a_refusal(probe):
    with probe.client() as client:
        request = post('/small', b'x' * 11, Expect='100-continue')
        assert client.ask(request[:-11]).status == 413
        assert client.rest() == b''


# Clients that leave.

@pytest.mark.parametrize('how', ['close', 'reset', 'half', 'half and close'])
def test_a_client_that_leaves_before_its_answer(probe, how):
    client = probe.client()
    client.send(get('/hold'))
    probe.until('requests_open', 2)
    if how == 'reset':
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    if how.startswith('half'):
        client.socket.shutdown(socket.SHUT_WR)
    if how != 'half':
        client.socket.close()
    time.sleep(0.02)
    assert probe.counts()['requests_open'] == 2
    assert probe.ask(get('/release')).status == 200
    if how == 'half':
        assert client.answer().body == b'waited'
        assert client.rest() == b''
    probe.until('connections_open', 1)
    assert probe.counts()['requests_open'] == 1


@pytest.mark.parametrize('request_part', [1, 20, -1])
def test_a_client_that_leaves_within_a_request(probe, request_part):
    with probe.client() as client:
        client.send(post('/echo', b'hello')[:request_part])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b''
    probe.until('connections_open', 1)


def test_a_pipeline_of_a_client_that_shuts_down_is_still_answered(probe):
    with probe.client() as client:
        client.send(get('/later?20') + get('/echo?1') + get('/echo?2'))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().body == b'waited'
        assert b'query=1 ' in client.answer().body
        assert b'query=2 ' in client.answer().body
        assert client.rest() == b''


# Answers that are larger than what the kernel takes at once.

def test_a_large_answer(probe):
    with probe.client() as client:
        client.send(get('/bytes?4000000') + get('/echo?after'))
        time.sleep(0.05)
        answer = client.answer()
        assert len(answer.body) == 4_000_000 and set(answer.body) == {ord('x')}
        assert b'query=after ' in client.answer().body


def test_leaving_within_a_large_answer(probe):
    with probe.client() as client:
        client.send(get('/bytes?4000000'))
        assert client.fill()
    probe.until('connections_open', 1)


def test_no_memory_is_allocated_for_a_request(probe):
    """Not by our code, once the first ones have made the pool."""
    requests = [get('/echo?x'), post('/echo', b'{"a": 1}'), get('/later?0'), get('/thread?0')]
    with probe.client() as client:
        for count in (10, 200):
            before = probe.counts()['allocations']
            for request in requests * count:
                assert client.ask(request).status == 200
            after = probe.counts()['allocations']
    assert after - before <= 2, 'the second connection that asks for the counts is all'
