"""Who may do what: keys, scopes, modes and merchants."""
import time
from datetime import datetime, timedelta, timezone

import pytest

from client import card, until
from installation import purser

NOBODY = {'pay': 'pay_00000000000000000000000000', 'inv': 'inv_00000000000000000000000000',
          'ref': 'ref_00000000000000000000000000', 'ga': 'ga_00000000000000000000000000',
          'evt': 'evt_00000000000000000000000000', 'key': 'key_00000000000000000000000000',
          'we': 'we_00000000000000000000000000', 'whd': 'whd_00000000000000000000000000',
          'cus': 'cus_00000000000000000000000001', 'ins': 'ins_00000000000000000000000001',
          'cs': 'cs_00000000000000000000000000', 'whr': 'whr_00000000000000000000000000',
          'drf': 'drf_00000000000000000000000000',
          'tsk': 'tsk_00000000000000000000000000', 'rec': 'rec_00000000000000000000000000'}
OWED = {'amount': 1250, 'currency': 'EUR'}


def make_key(client, **members):
    made = client.post('/v1/api_keys', members).expect(201)
    return client.with_key(made['key']), made


def test_no_key(client):
    answer = client.with_key(None).get('/v1/payments')
    answer.refused('unauthenticated')
    assert answer.headers['WWW-Authenticate'].startswith('Bearer')


@pytest.mark.parametrize('header', [
    'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'psk_test_x', 'Bearer psk_test_x',
    'Bearer psk_test_' + 'a' * 39, 'Bearer ' + 'x' * 4000, 'Bearer psk_fake_' + 'a' * 39])
def test_what_is_no_key(client, header):
    client.call('GET', '/v1/payments', headers={'Authorization': header}).refused('unauthenticated')


def test_one_character_off(client):
    for at in (9, 20, len(client.key) - 1):
        wrong = client.key[:at] + ('A' if client.key[at] != 'A' else 'B') + client.key[at + 1:]
        client.with_key(wrong).get('/v1/payments').refused('unauthenticated')
    swapped = client.key.replace('psk_test_', 'psk_live_')
    client.with_key(swapped).get('/v1/payments').refused('unauthenticated')


def test_the_scheme_is_bearer_in_any_case(client):
    answer = client.call('GET', '/v1/payments', headers={'Authorization': 'bearer ' + client.key})
    assert answer.expect(200)


def test_a_key_is_shown_once(client):
    _, made = make_key(client, description='For the desk', scopes=['read', 'refund'])
    assert made['hint'] in (made['hint'], made['key']) and made['key'].endswith(made['hint'][-4:])
    listed = next(k for k in client.pages('/v1/api_keys') if k['id'] == made['id'])
    assert listed == dict(made, key=None)
    assert listed['scopes'] == ['read', 'refund'] and listed['description'] == 'For the desk'


def test_a_key_that_says_nothing_may_do_everything(client):
    other, made = make_key(client)
    assert made['scopes'] == ['read', 'write', 'refund', 'admin'] and made['addresses'] == []
    assert made['expires_at'] is None and made['revoked_at'] is None and made['live'] is False
    assert other.captured()


def test_a_revoked_key_stops_within_a_second(client):
    other, made = make_key(client)
    assert other.get('/v1/payments').expect(200)
    revoked = client.delete('/v1/api_keys/' + made['id']).expect(200)
    assert revoked['revoked_at'] and revoked['key'] is None
    until(lambda: other.get('/v1/payments').status == 401, 1, 'the key to stop working')
    assert client.delete('/v1/api_keys/' + made['id']).expect(200) == revoked


def test_a_key_revoked_by_the_command_stops_within_a_second(client, server):
    other, made = make_key(client)
    assert other.get('/v1/payments').expect(200)
    assert purser('key', 'revoke', made['id'], '--data', server.data).returncode == 0
    until(lambda: other.get('/v1/payments').status == 401, 1, 'the key to stop working')


def test_an_expired_key(client):
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime('%Y-%m-%dT%H:%M:%S.000Z')
    other, made = make_key(client, expires_at=soon)
    assert made['expires_at'] == soon
    until(lambda: other.get('/v1/payments').status == 401, 3, 'the key to expire')
    client.post('/v1/api_keys', {'expires_at': '2020-01-01T00:00:00Z'}) \
        .refused('validation_failed', 'expires_at')


@pytest.mark.parametrize('addresses,may', [
    (['127.0.0.1'], True), (['127.0.0.0/8'], True), (['192.0.2.0/24', '127.0.0.1/32'], True),
    (['192.0.2.0/24'], False), (['127.0.0.2'], False), (['::1'], False)])
def test_a_key_with_addresses(client, addresses, may):
    other, made = make_key(client, addresses=addresses)
    assert made['addresses'] == addresses
    answer = other.get('/v1/payments')
    if may:
        answer.expect(200)
    else:
        answer.refused('forbidden')


def test_an_address_is_not_what_a_header_says(client):
    other, _ = make_key(client, addresses=['192.0.2.0/24'])
    for name in ('X-Forwarded-For', 'X-Real-IP', 'Forwarded'):
        answer = other.call('GET', '/v1/payments', headers={name: '192.0.2.7'})
        answer.refused('forbidden')


@pytest.mark.parametrize('members,param', [
    ({'scopes': []}, 'scopes'), ({'scopes': ['all']}, 'scopes'), ({'scopes': 'read'}, 'scopes'),
    ({'scopes': ['read', 'read']}, 'scopes'), ({'addresses': ['localhost']}, 'addresses'),
    ({'addresses': ['10.0.0.0/33']}, 'addresses'), ({'addresses': ['300.1.1.1']}, 'addresses'),
    ({'addresses': '10.0.0.1'}, 'addresses'), ({'expires_at': 'never'}, 'expires_at'),
    ({'description': 'd' * 256}, 'description'), ({'description': ''}, 'description')])
def test_keys_that_cannot_be(client, members, param):
    problem = client.post('/v1/api_keys', members).refused('validation_failed')
    assert problem['param'].startswith(param)


def calls(client, payment):
    """One call of each kind: (scope it needs, the call)."""
    at = '/v1/payments/%s' % payment['id']
    invoice = '/v1/invoices/%s' % payment['invoice']
    return [
        ('read', lambda c: c.get('/v1/payments')), ('read', lambda c: c.get(at)),
        ('read', lambda c: c.get(at + '/events')), ('read', lambda c: c.get(at + '/operations')),
        ('read', lambda c: c.get(at + '/refunds')), ('read', lambda c: c.get('/v1/events')),
        ('read', lambda c: c.get('/v1/invoices')), ('read', lambda c: c.get(invoice)),
        ('read', lambda c: c.get('/v1/gateway_accounts')),
        ('read', lambda c: c.get('/v1/refunds/' + NOBODY['ref'])),
        ('read', lambda c: c.get('/v1/events/' + NOBODY['evt'])),
        ('read', lambda c: c.get('/v1/gateway_accounts/' + NOBODY['ga'])),
        ('write', lambda c: c.post('/v1/payments', OWED)),
        ('write', lambda c: c.post(at + '/confirm', {'payment_method': card()})),
        ('write', lambda c: c.post(at + '/capture')), ('write', lambda c: c.post(at + '/cancel')),
        ('write', lambda c: c.post('/v1/invoices', OWED)),
        ('write', lambda c: c.post('/v1/gateway_accounts/%s/check' % NOBODY['ga'])),
        ('write', lambda c: c.post(invoice + '/cancel')),
        ('write', lambda c: c.post(invoice + '/fulfil')),
        ('refund', lambda c: c.post(at + '/refunds', {'amount': 1})),
        ('admin', lambda c: c.get('/v1/api_keys')),
        ('admin', lambda c: c.post('/v1/api_keys', {})),
        ('admin', lambda c: c.delete('/v1/api_keys/' + NOBODY['key'])),
        ('admin', lambda c: c.post('/v1/gateway_accounts', {'gateway': 'sandbox'})),
        ('admin', lambda c: c.patch('/v1/gateway_accounts/' + NOBODY['ga'], {'disabled': True})),
        *wallet_calls(), *webhook_calls(), *checkout_calls(), *reconciliation_calls(),
        *job_calls(),
    ]


def job_calls():
    job = '/v1/jobs/checkouts'
    return [
        ('operator', lambda c: c.get('/v1/jobs')), ('operator', lambda c: c.get(job)),
        ('operator', lambda c: c.post(job + '/pause', {'note': 'x'})),
        ('operator', lambda c: c.post(job + '/resume', {})),
        ('operator', lambda c: c.post(job + '/run', {})),
    ]


def reconciliation_calls():
    drift, task = '/v1/drift/' + NOBODY['drf'], '/v1/tasks/' + NOBODY['tsk']
    return [
        ('read', lambda c: c.get('/v1/reconciliations')),
        ('read', lambda c: c.get('/v1/reconciliations/' + NOBODY['rec'])),
        ('read', lambda c: c.get('/v1/drift')), ('read', lambda c: c.get(drift)),
        ('read', lambda c: c.get('/v1/tasks')), ('read', lambda c: c.get(task)),
        ('admin', lambda c: c.get('/v1/audit')),
        ('admin', lambda c: c.post('/v1/reconciliations', {'gateway': 'epayment'})),
        ('admin', lambda c: c.post(drift + '/resolve', {'resolution': 'settled', 'note': 'x'})),
        ('admin', lambda c: c.post(task + '/resolve', {'action': 'close', 'note': 'x'})),
    ]


def checkout_calls():
    session = '/v1/checkout_sessions/' + NOBODY['cs']
    return [
        ('read', lambda c: c.get('/v1/payments/%s/receipt' % NOBODY['pay'])),
        ('write', lambda c: c.post('/v1/checkout_sessions',
                                   dict(OWED, return_url='https://shop.example'))),
        ('read', lambda c: c.get(session)),
        ('write', lambda c: c.post(session + '/cancel')),
        ('write', lambda c: c.post(session + '/expire')),
        ('read', lambda c: c.get('/v1/checkout_settings')),
        ('admin', lambda c: c.patch('/v1/checkout_settings', {})),
    ]


def wallet_calls():
    customer, instrument = '/v1/customers/' + NOBODY['cus'], '/v1/instruments/' + NOBODY['ins']
    return [
        ('read', lambda c: c.get('/v1/customers')), ('read', lambda c: c.get(customer)),
        ('read', lambda c: c.get('/v1/instruments')), ('read', lambda c: c.get(instrument)),
        ('write', lambda c: c.post('/v1/customers', {})),
        ('write', lambda c: c.patch(customer, {})), ('write', lambda c: c.delete(customer)),
        ('write', lambda c: c.post('/v1/instruments', {
            'customer': NOBODY['cus'], 'currency': 'EUR', 'payment_method': card()})),
        ('write', lambda c: c.post(instrument + '/deactivate')),
    ]


def webhook_calls():
    endpoint = '/v1/webhook_endpoints/' + NOBODY['we']
    delivery = '/v1/webhook_deliveries/' + NOBODY['whd']
    replay = '/v1/webhook_replays/' + NOBODY['whr']
    return [
        ('read', lambda c: c.get('/v1/webhook_endpoints')), ('read', lambda c: c.get(endpoint)),
        ('read', lambda c: c.get('/v1/webhook_deliveries')), ('read', lambda c: c.get(delivery)),
        ('admin', lambda c: c.post('/v1/webhook_endpoints', {'url': 'https://127.0.0.1/'})),
        ('admin', lambda c: c.patch(endpoint, {'at_once': 1})),
        ('admin', lambda c: c.delete(endpoint)),
        ('admin', lambda c: c.post(endpoint + '/disable', {})),
        ('admin', lambda c: c.post(endpoint + '/enable', {})),
        ('admin', lambda c: c.post(endpoint + '/rotate_secret', {})),
        ('write', lambda c: c.post(endpoint + '/test', {})),
        ('write', lambda c: c.post(delivery + '/redeliver', {})),
        ('read', lambda c: c.get('/v1/webhook_replays')), ('read', lambda c: c.get(replay)),
        ('write', lambda c: c.post('/v1/webhook_replays', {'webhook_endpoint': NOBODY['we']})),
        ('write', lambda c: c.post(replay + '/pause', {})),
        ('write', lambda c: c.post(replay + '/resume', {})),
        ('write', lambda c: c.post(replay + '/cancel', {})),
    ]


@pytest.mark.parametrize('scope', ['read', 'write', 'refund', 'admin'])
def test_a_scope_is_needed_and_enough(client, scope):
    limited, _ = make_key(client, scopes=[scope])
    for needed, call in calls(client, client.captured()):
        answer = call(limited)
        if needed == scope:
            assert answer.status != 403
        else:
            assert needed in answer.refused('forbidden')['detail']


def test_the_scopes_here_are_those_of_the_contract(client, contract):
    """Each call above, against the contract's word for its route."""
    seen = set()
    for needed, call in calls(client, client.captured()):
        before = dict(contract.called)
        contract.called.clear()
        call(client)
        name, = contract.called
        route = next(r for r in contract.routes if r.name == name)
        assert route.operation['security'] == [{'api_key': [needed]}], name
        seen.add(name)
        for known, statuses in before.items():
            contract.called.setdefault(known, set()).update(statuses)
    guarded = {r.name for r in contract.routes if r.operation.get('security') != []}
    assert seen == guarded


def test_nobody_sees_another_merchants_objects(client, stranger):
    payment = client.captured()
    refund = client.act(payment, 'refunds', {'amount': 1}).expect(201)
    event = client.get('/v1/events', limit=1).expect(200)['data'][0]
    account = client.get('/v1/gateway_accounts').expect(200)['data'][0]
    _, key = make_key(client)
    hidden_from(stranger, payment, refund, event, account, key)
    assert client.read(payment)['amount_refunded'] == 1
    assert client.delete('/v1/api_keys/' + key['id']).expect(200)['revoked_at']


def test_a_test_key_does_not_find_live_objects(client, live):
    invoice = live.post('/v1/invoices', OWED).expect(201)
    assert invoice['live'] is True
    where = '/v1/invoices/' + invoice['id']
    for answer in (client.get(where), client.post(where + '/cancel'),
                   client.post(where + '/fulfil'), client.pay(invoice=invoice['id'])):
        answer.refused('not_found')
    assert invoice['id'] not in [i['id'] for i in client.pages('/v1/invoices', limit=100)]
    assert live.read(invoice) == invoice
    events = live.pages('/v1/events')
    assert {e['live'] for e in events} == {True}
    client.get('/v1/events/' + events[0]['id']).refused('not_found')
    hidden_from(live, client.captured())


def test_live_mode_has_no_sandbox(live):
    live.pay().refused('no_gateway_account')
    live.post('/v1/gateway_accounts', {'gateway': 'sandbox'}) \
        .refused('validation_failed', 'gateway')


def hidden_from(other, payment, refund=None, event=None, account=None, key=None):
    """Every way to the objects ends at 404, as if they were not there."""
    at, invoice = '/v1/payments/' + payment['id'], '/v1/invoices/' + payment['invoice']
    answers = [other.get(at), other.get(at + '/events'), other.get(at + '/operations'),
               other.get(at + '/refunds'), other.post(at + '/confirm', {'payment_method': card()}),
               other.post(at + '/capture'), other.post(at + '/cancel'),
               other.post(at + '/refunds'), other.get(invoice), other.post(invoice + '/cancel'),
               other.post(invoice + '/fulfil'), other.pay(invoice=payment['invoice'])]
    if refund:
        answers += [other.get('/v1/refunds/' + refund['id']),
                    other.get('/v1/events/' + event['id']),
                    other.get('/v1/gateway_accounts/' + account['id']),
                    other.patch('/v1/gateway_accounts/' + account['id'], {'disabled': True}),
                    other.delete('/v1/api_keys/' + key['id'])]
        other.pay(gateway_account=account['id']).refused('no_gateway_account', 'gateway_account')
    for answer in answers:
        answer.refused('not_found')
    listed = other.pages('/v1/payments') + other.pages('/v1/invoices') + other.pages('/v1/events')
    named = {value for item in listed
             for value in (item['id'], item.get('invoice'), item.get('payment'))}
    assert not {payment['id'], payment['invoice']} & named


@pytest.mark.parametrize('path', [
    '/v1/payments/%s', '/v1/payments/%s/events', '/v1/payments/%s/operations',
    '/v1/payments/%s/refunds', '/v1/refunds/%s', '/v1/invoices/%s', '/v1/events/%s',
    '/v1/gateway_accounts/%s'])
@pytest.mark.parametrize('name', ['pay_nothing', 'x', '%00', '..', NOBODY['pay'], NOBODY['inv'],
                                  'PAY_00000000000000000000000000', 'a' * 500])
def test_ids_of_nothing(client, path, name):
    client.get(path % name).refused('not_found')


def test_a_key_made_beside_the_server_works_at_once(client, server):
    start = time.monotonic()
    assert client.with_key(server.key(scopes='read')).get('/v1/payments').expect(200)
    assert time.monotonic() - start < 10
