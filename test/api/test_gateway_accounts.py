"""A merchant's accounts at gateways, and what their settings do."""
import pytest


def make(client, **members):
    return client.post('/v1/gateway_accounts', dict({'gateway': 'sandbox'}, **members)).expect(201)


def change(client, account, **members):
    return client.patch('/v1/gateway_accounts/' + account['id'], members)


def test_a_new_installation_has_one(client):
    default = [a for a in client.pages('/v1/gateway_accounts') if a['is_default']]
    assert len(default) == 1 and default[0]['gateway'] == 'sandbox'
    assert default[0]['settings'] == {} and default[0]['live'] is False


def test_made_and_read(client):
    settings = {'capture': 'separate', 'authorization_hours': 48, 'payment_minutes': 30,
                'refund_days': 180, 'capture_retry_minutes': 5, 'capture_tries': 3,
                'calls_at_once': 7, 'calls_per_minute': 0, 'reference_from': 200001}
    answer = client.post('/v1/gateway_accounts', {'gateway': 'sandbox', 'description': 'Second',
                                                  'settings': settings})
    account = answer.expect(201)
    assert answer.headers['Location'].endswith('/v1/gateway_accounts/' + account['id'])
    assert account['settings'] == settings and account['description'] == 'Second'
    assert (account['is_default'], account['disabled']) == (False, False)
    assert client.get('/v1/gateway_accounts/' + account['id']).expect(200) == account


def test_an_account_is_checked(client, stranger):
    """The sandbox has no network: what there is to look at is the account itself."""
    account = make(client, description='Checked')
    path = '/v1/gateway_accounts/%s/check' % account['id']
    found = client.post(path).expect(200)
    assert found['status'] == 'ready' and found['gateway_account'] == account['id']
    assert [one['status'] for one in found['checks']] == ['ok', 'ok']
    change(client, account, disabled=True).expect(200)
    found = client.post(path).expect(200)
    assert found['status'] == 'not_ready' and found['checks'][0]['advice'].startswith('Enable it')
    stranger.post(path).refused('not_found')


def test_what_is_not_sent_stays(client):
    account = make(client, description='Before', settings={'refund_days': 9})
    changed = change(client, account, description='After').expect(200)
    assert changed['description'] == 'After' and changed['settings'] == {'refund_days': 9}
    assert change(client, account, settings={}).expect(200)['settings'] == {}
    assert change(client, account, description=None).expect(200)['description'] is None
    now = client.get('/v1/gateway_accounts/' + account['id']).expect(200)
    assert now['updated_at'] >= account['updated_at'] and now['id'] == account['id']


def test_one_default_at_a_time(client):
    before, = [a for a in client.pages('/v1/gateway_accounts') if a['is_default']]
    new = make(client, is_default=True)
    assert [a['id'] for a in client.pages('/v1/gateway_accounts') if a['is_default']] == [new['id']]
    assert client.captured()['gateway_account'] == new['id']
    change(client, before, is_default=True).expect(200)
    assert client.captured()['gateway_account'] == before['id']


def test_without_a_default_an_account_must_be_named(client):
    default, = [a for a in client.pages('/v1/gateway_accounts') if a['is_default']]
    change(client, default, is_default=False).expect(200)
    client.pay().refused('no_gateway_account', 'gateway_account')
    assert client.captured(gateway_account=default['id'])
    change(client, default, is_default=True).expect(200)


def test_a_disabled_account_takes_no_new_payments(client):
    account = make(client)
    payment = client.authorized(gateway_account=account['id'])
    assert change(client, account, disabled=True).expect(200)['disabled'] is True
    client.pay(gateway_account=account['id']).refused('no_gateway_account', 'gateway_account')
    assert client.act(payment, 'capture').expect(200)['status'] == 'captured'
    change(client, account, disabled=False).expect(200)
    assert client.captured(gateway_account=account['id'])


def test_an_account_that_is_not_there(client):
    client.pay(gateway_account='ga_01k1jqsm0xe3cvpj7fz1n4d9q8') \
        .refused('no_gateway_account', 'gateway_account')


def test_an_id_of_zeros_is_not_the_same_as_none(client):
    for name, zeros in (('gateway_account', 'ga_' + '0' * 26), ('invoice', 'inv_' + '0' * 26)):
        answer = client.pay(**{name: zeros})
        assert answer.status in (404, 422) and answer.json['param'] == name


def test_an_account_that_takes_money_in_one_step(client):
    account = make(client, settings={'capture': 'sale'})
    client.pay(gateway_account=account['id'], capture_method='manual') \
        .refused('capture_method_not_supported', 'capture_method')
    payment = client.captured(gateway_account=account['id'])
    operations = client.pages('/v1/payments/%s/operations' % payment['id'])
    assert [o['kind'] for o in operations] == ['authorize']
    assert client.act(payment, 'refunds').expect(201)['status'] == 'succeeded'


def test_an_account_that_can_do_both(client):
    account = make(client, settings={'capture': 'both'})
    one_step = client.captured(gateway_account=account['id'])
    assert len(client.pages('/v1/payments/%s/operations' % one_step['id'])) == 1
    two_steps = client.authorized(gateway_account=account['id'])
    assert client.act(two_steps, 'capture').expect(200)['status'] == 'captured'


def test_how_long_a_payment_may_take(client):
    from datetime import datetime
    account = make(client, settings={'payment_minutes': 7, 'authorization_hours': 3})

    def seconds(payment):
        moments = [datetime.fromisoformat(payment[name].replace('Z', '+00:00'))
                   for name in ('created_at', 'expires_at')]
        return (moments[1] - moments[0]).total_seconds()
    unfinished = client.pay(None, gateway_account=account['id']).expect(201)
    reserved = client.authorized(gateway_account=account['id'])
    assert seconds(unfinished) == 7 * 60
    assert 3 * 3600 <= seconds(reserved) < 3 * 3600 + 20


@pytest.mark.parametrize('members,code,param', [
    ({'gateway': 'nobody'}, 'validation_failed', 'gateway'),
    ({'gateway': None}, 'validation_failed', 'gateway'),
    ({'gateway': 7}, 'validation_failed', 'gateway'),
    ({'is_default': 'yes'}, 'validation_failed', 'is_default'),
    ({'disabled': 1}, 'validation_failed', 'disabled'),
    ({'description': ''}, 'validation_failed', 'description'),
    ({'description': 'd' * 1001}, 'validation_failed', 'description'),
    ({'settings': []}, 'validation_failed', 'settings'),
    ({'settings': {'capture': 'maybe'}}, 'validation_failed', 'settings.capture'),
    ({'settings': {'refund_days': -1}}, 'validation_failed', 'settings.refund_days'),
    ({'settings': {'refund_days': 1.5}}, 'validation_failed', 'settings.refund_days'),
    ({'settings': {'capture_tries': 0}}, 'validation_failed', 'settings.capture_tries'),
    ({'settings': {'payment_minutes': 43201}}, 'validation_failed', 'settings.payment_minutes'),
    ({'settings': {'colour': 'red'}}, 'unknown_member', 'settings.colour'),
    ({'credentials': []}, 'validation_failed', 'credentials'),
    ({'credentials': {'api_key': 'k'}}, 'unknown_member', 'credentials.api_key')])
def test_what_is_refused(client, members, code, param):
    client.post('/v1/gateway_accounts', dict({'gateway': 'sandbox'}, **members)) \
        .refused(code, param)
    if 'gateway' not in members:
        change(client, make(client), **members).refused(code, param)


def test_the_gateway_of_an_account_does_not_change(client):
    change(client, make(client), gateway='sandbox').refused('unknown_member', 'gateway')
