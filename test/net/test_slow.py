"""Clients that take their time, each beyond its limit and within it. Limits are totals: whoever
sends one byte at a time is as late as who sends none."""
import socket
import time

import pytest

from probe import CHUNKED, get, post

LIMIT_S = 0.3
LIMITS = dict(header_ms=300, body_ms=300, idle_ms=300, write_ms=300)
SLACK_S = 1.0
EARLY_S = 0.02    # the server began to count before the client did


@pytest.fixture(scope='module')
def hurried():
    from probe import Probe
    with Probe(**LIMITS) as server:
        yield server


def test_the_process_sleeps_when_nothing_is_due(hurried):
    def switches():
        return hurried.status('voluntary_ctxt_switches')

    hurried.until('connections_open', 1)
    time.sleep(2 * LIMIT_S)    # the last connection's deadline was noted, and is over
    before = switches()
    time.sleep(2 * LIMIT_S)
    assert switches() == before


def drip(client, data, pause_s=0.02):
    """Byte by byte, until the server has something to say. Seconds until then."""
    start = time.monotonic()
    client.socket.setblocking(False)
    for byte in data:
        try:
            client.socket.send(bytes([byte]))
            time.sleep(pause_s)
            if client.fill():
                break
        except BlockingIOError:
            continue
    client.socket.settimeout(10)
    return time.monotonic() - start


def assert_cut(client, took_s, status=408):
    assert LIMIT_S - EARLY_S <= took_s < LIMIT_S + SLACK_S
    answer = client.answer()
    assert (answer.status, answer.headers['x-code']) == (status, 'request_timeout')
    assert client.rest() == b''


def test_a_slow_header(hurried):
    with hurried.client() as client:
        assert_cut(client, drip(client, get('/' + 'x' * 200)))


def test_a_slow_header_after_another_request(hurried):
    with hurried.client() as client:
        assert client.ask(get()).status == 200
        assert_cut(client, drip(client, get('/' + 'x' * 200)))


def test_a_slow_body(hurried):
    with hurried.client() as client:
        client.send(post('/echo', b'x' * 200)[:-200])
        assert_cut(client, drip(client, b'x' * 200))


def test_a_slow_chunked_body(hurried):
    with hurried.client() as client:
        client.send(CHUNKED)
        assert_cut(client, drip(client, b'1\r\nx\r\n' * 50))


def test_header_and_body_have_a_time_each(hurried):
    with hurried.client() as client:
        request = post('/echo', b'x' * 8)
        half = len(request) - 8
        client.send(request[:5])
        time.sleep(LIMIT_S * 0.7)
        client.send(request[5:half])
        time.sleep(LIMIT_S * 0.7)
        assert client.ask(request[half:]).status == 200


def closes_silently_after(client, begin):
    assert client.rest() == b''
    assert LIMIT_S - EARLY_S <= time.monotonic() - begin < LIMIT_S + SLACK_S


def test_silence_from_the_beginning(hurried):
    begin = time.monotonic()
    with hurried.client() as client:
        closes_silently_after(client, begin)


def test_silence_between_requests(hurried):
    with hurried.client() as client:
        for _ in range(3):
            assert client.ask(get()).status == 200
            time.sleep(LIMIT_S * 0.6)
        assert client.ask(get()).status == 200
        closes_silently_after(client, time.monotonic())


def test_only_an_empty_line_is_silence(hurried):
    """Who sends one after a body and then nothing does not wait for an answer."""
    with hurried.client() as client:
        assert client.ask(post('/echo', b'x') + b'\r\n').status == 200
        closes_silently_after(client, time.monotonic())


def test_a_handler_may_take_longer_than_any_limit(hurried):
    with hurried.client() as client:
        assert client.ask(get('/later?600')).body == b'waited'


def test_a_client_that_does_not_read(hurried):
    with hurried.client() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(get('/bytes?50000000'))
        time.sleep(LIMIT_S)
        hurried.until('connections_open', 1)
        assert client.is_reset()
        assert len(client.buffer) < 50_000_000


def test_a_client_that_reads_in_drips_is_late_too(hurried):
    with hurried.client() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(get('/bytes?50000000'))
        with pytest.raises(ConnectionResetError):
            for _ in range(100):
                client.socket.recv(1000)
                time.sleep(0.02)


def test_a_client_that_does_not_close_after_the_last_answer(hurried):
    with hurried.client() as client:
        begin = time.monotonic()
        assert client.ask(get(Connection='close')).last
        assert client.rest() == b''
        assert hurried.counts()['connections_open'] == 2
        hurried.until('connections_open', 1)
        assert LIMIT_S - EARLY_S <= time.monotonic() - begin < LIMIT_S + SLACK_S
