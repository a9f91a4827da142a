"""Many connections, too many connections, and no descriptors for them."""
import resource
import socket
import threading
import time

import pytest

from probe import Client, Probe, get


def clients_of(probe, count):
    return [probe.client() for _ in range(count)]


def close_all(clients):
    for client in clients:
        client.socket.close()


@pytest.mark.parametrize('count', [127, 128, 129, 256])
def test_lock_step_clients(probe, count):
    """All send, then all wait: there are servers that stall at 128 events of one poll."""
    clients = clients_of(probe, count)
    begin = time.monotonic()
    for turn in range(10):
        for client in clients:
            client.send(get('/echo?%d' % turn))
        for client in clients:
            assert b'query=%d ' % turn in client.answer().body
    assert time.monotonic() - begin < 5
    close_all(clients)


def test_the_cap(make_probe):
    probe = make_probe(connections=5)
    clients = clients_of(probe, 5)
    for client in clients:
        assert client.ask(get()).status == 200
    for _ in range(3):
        with probe.client() as refused:
            refused.send(get())
            answer = refused.answer()
            assert (answer.status, answer.headers['x-code']) == (503, 'unavailable')
            assert answer.last and refused.rest() == b''
    assert clients[0].ask(get()).status == 200
    assert probe.counts(clients[0])['connections_refused'] == 3
    clients.pop().socket.close()
    probe.until('connections_open', 4, clients[0])
    assert probe.ask(get()).status == 200    # the one that is gone made room
    close_all(clients)


def test_a_crowd_beyond_the_cap_is_just_closed(make_probe):
    probe = make_probe(connections=5)
    clients = clients_of(probe, 200)
    time.sleep(0.1)
    told = 0
    for client in clients[5:]:
        try:
            told += client.rest() != b''
        except ConnectionResetError:
            pass
    assert 10 <= told <= 64
    assert clients[0].ask(get()).status == 200
    close_all(clients[1:])
    probe.until('connections_open', 1, clients[0])
    close_all(clients)


def test_the_cap_of_an_address(make_probe):
    probe = make_probe(connections_per_address=3)
    clients = clients_of(probe, 3)
    for client in clients:
        assert client.ask(get()).status == 200
    with probe.client() as refused:
        answer = refused.answer()
        assert answer.status == 503 and b'from this address' in answer.body
    # Other addresses are not concerned.
    with Client(probe.address6) as other, Client(probe.address, '127.0.0.2') as third:
        assert other.ask(get()).status == 200
        assert b' peer=127.0.0.2 ' in third.ask(get()).body
    clients.pop().socket.close()
    probe.until('connections_open', 2, clients[0])
    assert probe.ask(get()).status == 200
    close_all(clients)


def test_without_descriptors_it_neither_spins_nor_dies():
    """Who cannot be accepted waits in the kernel's queue until there is a descriptor again."""
    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    with Probe(prepare=few_descriptors) as probe:
        clients = clients_of(probe, 60)
        assert clients[0].ask(get()).status == 200
        begin = probe.cpu_s()
        time.sleep(0.5)
        assert probe.cpu_s() - begin < 0.1
        close_all(clients[:40])
        for client in clients[40:]:
            assert client.ask(get()).status == 200
        close_all(clients)


def test_many_at_once(probe):
    """Threads that come, ask, and leave in all ways."""
    failures = []

    def visit(number):
        try:
            for i in range(20):
                with probe.client() as client:
                    if (number + i) % 3 == 0:
                        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                 b'\1\0\0\0\0\0\0\0')
                    client.send(get('/thread?1') * 3)
                    if (number + i) % 2 == 0:
                        assert client.answer().body == b'waited'
        except (AssertionError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=visit, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    probe.until('connections_open', 1)
    probe.until('requests_open', 1)
