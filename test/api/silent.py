"""A gateway that takes a request and never says anything."""
import contextlib
import socket

import store
from aged import LETTERS


@contextlib.contextmanager
def silent_gateway(client):
    """A Hyperswitch account whose host accepts connections, and that is all."""
    with socket.create_server(('127.0.0.1', 0), backlog=64) as listener:
        yield client.post('/v1/gateway_accounts', {
            'gateway': 'hyperswitch', 'credentials': {'api_key': 'key_1', 'webhook_key': 'key_2'},
            'settings': {'base_url': 'http://127.0.0.1:%d' % listener.getsockname()[1]}}
            ).expect(201)


def attempt_is_older(server, payment, by_ms):
    number = 0
    for letter in payment.partition('_')[2]:
        number = number * 32 + LETTERS.index(letter)
    store.run(server.data, 'purser.db', 'UPDATE payments SET updated_ms = updated_ms - ?'
              ' WHERE id = ?', by_ms, number.to_bytes(16, 'big'))
