"""Who changed what: each change of what gives access is in the audit log, with its commit."""
import store
from installation import purser


def entries(server):
    """(actor, action, object) of all of the installation, from old to new."""
    rows = store.run(server.data, 'purser.db',
                     'SELECT actor, action, object, detail FROM audit ORDER BY number')
    return [(row['actor'], row['action'], row['object'], row['detail']) for row in rows]


def latest(server):
    return entries(server)[-1][:3]


def test_keys_by_the_api(client, server):
    made = client.post('/v1/api_keys', {'scopes': ['read']}).expect(201)
    actor, action, about = latest(server)
    assert (action, about) == ('api_key.create', made['id']) and actor.startswith('key_')
    client.delete('/v1/api_keys/' + made['id']).expect(200)
    assert latest(server) == (actor, 'api_key.revoke', made['id'])


def test_keys_by_the_command(client, server):
    text = server.key(scopes='read')
    actor, action, about = latest(server)
    assert (actor, action) == ('operator', 'api_key.create')
    assert all(text not in (detail or '') for _, _, _, detail in entries(server))
    assert purser('key', 'revoke', about, '--data', server.data).returncode == 0
    assert latest(server) == ('operator', 'api_key.revoke', about)
    assert purser('key', 'revoke', about, '--data', server.data).returncode == 1
    assert [e[1:3] for e in entries(server)].count(('api_key.revoke', about)) == 1


def test_gateway_accounts(client, server):
    secrets = {'api_key': 'snd_once-upon-a-time', 'webhook_key': 'hook-upon-that'}
    wish = {'gateway': 'hyperswitch', 'credentials': secrets,
            'settings': {'base_url': 'https://sandbox.hyperswitch.io'}}
    account = client.post('/v1/gateway_accounts', wish).expect(201)
    assert latest(server)[1:] == ('gateway_account.create', account['id'])
    path = '/v1/gateway_accounts/' + account['id']
    client.patch(path, {'description': 'x'}).expect(200)
    assert latest(server)[1:] == ('gateway_account.change', account['id'])
    client.patch(path, {'credentials': dict(secrets, api_key='snd_anew-upon-that')}).expect(200)
    assert latest(server)[1:] == ('gateway_account.change_credentials', account['id'])
    assert all('-upon' not in (detail or '') for _, _, _, detail in entries(server))


def test_credentials_are_sealed_anew(server):
    done = purser('credentials', 'rotate', '--data', server.data)
    assert done.returncode == 0, done.stderr
    actor, action, about = latest(server)
    assert (actor, action) == ('operator', 'credentials.rotate')
    assert 'key %s  current' % about in done.stdout


def test_webhook_endpoints(client, server):
    endpoint = client.post('/v1/webhook_endpoints', {'url': 'https://example.com/in'}).expect(201)
    secret = endpoint['secret']
    assert latest(server)[1:] == ('webhook_endpoint.create', endpoint['id'])
    path = '/v1/webhook_endpoints/' + endpoint['id']
    for action in ('rotate_secret', 'disable', 'enable'):
        client.post('%s/%s' % (path, action), {}).expect(200)
        assert latest(server)[1:] == ('webhook_endpoint.' + action, endpoint['id'])
    client.patch(path, {'at_once': 1}).expect(200)
    assert latest(server)[1:] == ('webhook_endpoint.change', endpoint['id'])
    client.delete(path).expect(200)
    assert latest(server)[1:] == ('webhook_endpoint.delete', endpoint['id'])
    assert all(secret not in (detail or '') for _, _, _, detail in entries(server))


def test_a_refusal_is_no_change(client, server):
    before = len(entries(server))
    client.post('/v1/api_keys', {'scopes': ['all']}).refused('validation_failed')
    client.delete('/v1/api_keys/key_01h455vb4pex5vsknk084sn02q').refused('not_found')
    assert len(entries(server)) == before


def test_the_chain_holds(server):
    verified = purser('audit', 'verify', '--data', server.data)
    assert verified.returncode == 0
    assert '%d entries hold' % len(entries(server)) in verified.stdout
