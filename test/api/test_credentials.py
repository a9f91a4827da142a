"""The credentials of gateway accounts: sealed, never shown, under keys that can be replaced."""
import base64
import json
import os
import re

import pytest

import store
from client import Client
from installation import Installation, purser
from test_notifications import message, send, signed

SECRETS = {'api_key': 'snd_Oolonthwick7719', 'webhook_key': 'Grunthosian-4412-key'}
LATER = {'api_key': 'snd_Prostetnik9931', 'webhook_key': 'Jeltzander-0077-key'}


@pytest.fixture()
def server(tmp_path):
    server = Installation(tmp_path / 'data').start()
    yield server
    if server.alive():
        server.stop()


def client_of(server, contract):
    return Client(server, server.key(), contract)


def make(client, secrets=SECRETS):
    return client.post('/v1/gateway_accounts', {
        'gateway': 'hyperswitch', 'settings': {'base_url': 'http://127.0.0.1:9'},
        'credentials': secrets}).expect(201)


def keys(server):
    return os.path.join(server.data, 'credentials.key')


def lines(server):
    with open(keys(server), encoding='ascii') as file:
        return file.read().splitlines()


def status(server, code=0):
    """{key's name: how many it seals}, the current key first."""
    run = purser('credentials', 'status', '--data', server.data)
    assert run.returncode == code, run.stdout + run.stderr
    return {name: int(count) for name, count in
            re.findall(r'^key ([0-9a-f]{8}) .* (\d+) sealed', run.stdout, re.MULTILINE)}


def rotate(server, **env):
    run = purser('credentials', 'rotate', '--data', server.data, **env)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def takes(gateway, account, secrets=SECRETS):
    """Whether the server can open the account's credentials: it checks a signature with them."""
    body = message()
    answer = send(gateway, account, body, signed(body, secrets['webhook_key']))
    return answer.status == 200


def test_they_are_nowhere(server, contract):
    client = client_of(server, contract)
    account = make(client)
    client.patch('/v1/gateway_accounts/' + account['id'], {'credentials': LATER}).expect(200)
    client.post('/v1/gateway_accounts', {'gateway': 'hyperswitch', 'credentials': SECRETS}) \
        .refused('validation_failed', 'settings.base_url')
    client.post('/v1/gateway_accounts', {'gateway': 'sandbox', 'credentials': SECRETS}) \
        .refused('unknown_member', 'credentials.api_key')
    assert takes(Client(server, None, contract), account, LATER)
    shown = client.get('/v1/gateway_accounts/' + account['id']).expect(200)
    assert 'credentials' not in shown
    rotate(server)
    sealed = 'v1.%s.' % next(iter(status(server)))
    assert server.stop() == 0
    files = dict(server.bytes_on_disk())
    # What is sealed is found, so the search looks in the right place.
    assert any(sealed.encode() in content for content in files.values())
    for secret in (*SECRETS.values(), *LATER.values()):
        for form in (secret.encode(), base64.b64encode(secret.encode()), secret.encode().hex()):
            form = form if isinstance(form, bytes) else form.encode()
            assert [path for path, content in files.items() if form in content] == []


def test_the_file_is_made_once_for_its_owner(server):
    assert os.stat(keys(server)).st_mode & 0o777 == 0o600
    before = lines(server)
    assert len(before) == 1 and re.match('[0-9a-f]{64} #', before[0])
    server.stop()
    server.start()
    assert lines(server) == before


def test_without_its_keys_a_server_does_not_start(server, contract):
    account = make(client_of(server, contract))
    server.stop()
    os.rename(keys(server), keys(server) + '.away')
    run = purser('serve', '--data', server.data, '--listen', '127.0.0.1:0')
    assert run.returncode == 2 and keys(server) in run.stderr
    assert not os.path.exists(keys(server))
    with open(keys(server) + '.away', encoding='ascii') as file:
        key = file.read()[:64]
    server.start(PURSER_CREDENTIALS_KEYS=key)
    assert takes(Client(server, None, contract), account)
    server.stop()
    os.rename(keys(server) + '.away', keys(server))
    server.start()
    assert takes(Client(server, None, contract), account)


def test_a_file_that_holds_no_keys_is_refused(server):
    server.stop()
    with open(keys(server), 'w', encoding='ascii') as file:
        file.write('0123\n')
    run = purser('serve', '--data', server.data, '--listen', '127.0.0.1:0')
    assert run.returncode == 2 and keys(server) in run.stderr and '0123' not in run.stderr


def test_rotated_beside_a_running_server(server, contract):
    client, gateway = client_of(server, contract), Client(server, None, contract)
    accounts = [make(client) for _ in range(3)]
    old, = status(server)
    assert status(server) == {old: 3}
    said = rotate(server)
    assert 'sealed anew: 3' in said and re.search('%s .*may be removed' % old, said)
    new = next(iter(status(server)))
    assert status(server) == {new: 3, old: 0}
    assert all(takes(gateway, account) for account in accounts)
    accounts.append(make(client))
    assert status(server) == {new: 4, old: 0}
    # The old key's line is removed, and nobody misses it.
    kept = [line for line in lines(server) if new in line]
    assert len(kept) == 1
    with open(keys(server), 'w', encoding='ascii') as file:
        file.write(kept[0] + '\n')
    server.stop()
    server.start()
    gateway = Client(server, None, contract)
    assert all(takes(gateway, account) for account in accounts)


def test_a_key_that_is_lost_is_told(server, contract):
    client, gateway = client_of(server, contract), Client(server, None, contract)
    account = make(client)
    with open(keys(server), 'w', encoding='ascii') as file:
        file.write('ab' * 32 + '\n')
    server.stop()
    server.start()
    gateway = Client(server, None, contract)
    send(gateway, account, message()).refused('internal_error')
    assert server.logged('credentials.unreadable', 5)['gateway_account'] == account['id']
    run = purser('credentials', 'status', '--data', server.data)
    assert run.returncode == 1 and account['id'] in run.stdout
    client = client_of(server, contract)
    client.patch('/v1/gateway_accounts/' + account['id'], {'credentials': LATER}).expect(200)
    assert takes(gateway, account, LATER) and sum(status(server).values()) == 1


def test_sealed_for_one_account_alone(server, contract):
    client, gateway = client_of(server, contract), Client(server, None, contract)
    one, other = make(client), make(client, LATER)
    store.run(server.data, 'purser.db', 'UPDATE gateway_accounts SET credentials = (SELECT'
              ' max(credentials) FROM gateway_accounts) WHERE credentials IS NOT NULL')
    opens = [takes(gateway, one), takes(gateway, other, LATER)]
    assert sorted(opens) == [False, True]


def test_keys_of_the_environment_are_sealed_with_but_not_made(tmp_path, contract):
    first, second = 'ab' * 32, 'cd' * 32
    server = Installation(tmp_path / 'data').start(PURSER_CREDENTIALS_KEYS=first)
    assert not os.path.exists(keys(server))
    account = make(client_of(server, contract))
    server.stop()
    server.start(PURSER_CREDENTIALS_KEYS=second + ',' + first)
    said = rotate(server, PURSER_CREDENTIALS_KEYS=second + ',' + first)
    assert 'sealed anew: 1' in said and not os.path.exists(keys(server))
    assert takes(Client(server, None, contract), account)
    config = purser('config', '--data', server.data, '--json', PURSER_CREDENTIALS_KEYS=first)
    assert first not in config.stdout
    assert json.loads(config.stdout)['credentials_keys']['value'] == '********'
    assert server.stop() == 0


def test_tokens_of_saved_cards_are_sealed_anew(server, contract):
    client = client_of(server, contract)
    customer = client.post('/v1/customers', {}).expect(201)
    paid = client.captured(customer=customer['id'], save_card=True)
    method = {'type': 'saved_card', 'instrument': paid['instrument']}
    assert 'sealed anew: 1' in rotate(server)
    assert client.pay(None, payment_method=method).expect(201)['status'] == 'captured'
    new = next(iter(status(server)))
    kept = [line for line in lines(server) if new in line]
    with open(keys(server), 'w', encoding='ascii') as file:
        file.write(kept[0] + '\n')
    server.stop()
    server.start()
    client = client_of(server, contract)
    assert client.pay(None, payment_method=method).expect(201)['status'] == 'captured'
