"""Stopping: what runs is finished, what is new is told so, and nothing is waited for in vain."""
import time

import pytest

from probe import Probe, get, post


def ends_within(probe, seconds, begin, stopping=True):
    counts = probe.end(stopping)
    assert time.monotonic() - begin < seconds
    return counts


def test_idle_connections_are_closed():
    probe = Probe()
    with probe.client() as idle, probe.client() as fresh:
        assert idle.ask(get()).status == 200
        begin = time.monotonic()
        ends_within(probe, 2, begin, stopping=False)
        assert idle.rest() == b'' and fresh.rest() == b''
    with pytest.raises(ConnectionRefusedError):
        probe.client()


def test_a_request_in_work_is_finished():
    probe = Probe()
    with probe.client() as client:
        client.send(get('/later?300'))
        probe.until('requests_open', 2)
        begin = time.monotonic()
        assert probe.ask(get('/stop?5000')).last
        answer = client.answer()
        assert answer.body == b'waited' and answer.last
        assert time.monotonic() - begin > 0.2
        assert client.rest() == b''
    assert ends_within(probe, 3, begin)['connections_open'] == 0


def test_new_requests_are_told():
    probe = Probe()
    with probe.client() as client, probe.client() as half, probe.client() as body:
        client.send(get('/later?200'))
        half.send(get()[:20])
        body.send(post('/echo', b'hello')[:-2])
        probe.until('requests_open', 2)
        assert probe.ask(get('/stop?5000')).status == 200
        for late in (half, body):
            answer = late.answer()
            assert (answer.status, answer.body) == (503, b'The server is stopping.')
            assert answer.last and late.rest() == b''
        # On the open connection the answer that it waits for is the last one.
        client.send(get())
        assert client.answer().last
        assert client.rest() == b''
    ends_within(probe, 3, time.monotonic())


def test_the_time_of_grace_ends():
    probe = Probe()
    with probe.client() as client:
        client.send(get('/hold'))
        probe.until('requests_open', 2)
        begin = time.monotonic()
        probe.ask(get('/stop?200'))
        assert client.rest() == b''
        assert 0.2 <= time.monotonic() - begin < 2
    output, errors = probe.process.communicate(timeout=10)
    assert (probe.process.returncode, errors) == (0, '')
    assert '"requests_open": 1' in output


def test_asked_again_it_can_only_end_sooner():
    probe = Probe()
    with probe.client() as client, probe.client() as other, probe.client() as third:
        client.send(get('/hold'))
        other.send(get('/later?100'))
        third.send(get('/later?100') + get('/stop?60000'))
        probe.until('requests_open', 4)
        begin = time.monotonic()
        probe.ask(get('/stop?250'))
        probe.process.terminate()    # asks for 5 s
        assert client.rest() == b''
        assert 0.25 <= time.monotonic() - begin < 2
    probe.process.communicate(timeout=10)
    assert probe.process.returncode == 0


def test_an_answer_on_its_way_arrives_and_is_the_last():
    probe = Probe()
    with probe.client() as client:
        client.send(get('/bytes?40000000'))    # more than the kernel takes
        assert client.fill()
        begin = time.monotonic()
        probe.ask(get('/stop?8000'))
        received = 0
        while more := len(client.socket.recv(1 << 20)):
            received += more
        assert 39_900_000 < received < 40_000_000
    ends_within(probe, 4, begin)
