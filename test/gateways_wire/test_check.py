"""Whether an account is ready: each thing that can be wrong with it, played by the simulator, is
found, named and explained, by the API and by `purser check`."""
import json
import os
import socket

import pytest

from installation import purser
from simulator import API_KEY, HASH_KEY, ONE_STEP

ALL = ['settings', 'currencies', 'gateway', 'credentials', 'terminal', 'clock', 'notifications']
SECRETS = ('sim-secret', API_KEY, HASH_KEY.decode(), 'wire-notify-secret')


def closed_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Desk:
    """Accounts for one test, and what a check finds out about them."""

    def __init__(self, client, sim):
        self.client, self.sim = client, sim
        self.made = []

    def account(self, gateway, credentials, settings, **members):
        base = self.sim.url + '/' + gateway
        if gateway == 'epayment':
            credentials = {'client_id': 'sim', 'client_secret': 'sim-secret', 'terminal': ONE_STEP,
                           'notify_secret': 'wire-notify-secret', **credentials}
            settings = {'oauth_url': base + '/oauth2/token', 'api_url': base, 'capture': 'sale',
                        'currencies': ['KZT'], 'reference_from': 900001, **settings}
        else:
            credentials = {'api_key': API_KEY, 'webhook_key': HASH_KEY.decode(), **credentials}
            settings = {'base_url': base, **settings}
        made = self.client.post('/v1/gateway_accounts', {
            'gateway': gateway, 'credentials': credentials, 'settings': settings,
            **members}).expect(201)
        self.made.append(made)
        return made

    def check(self, account):
        found = self.client.post('/v1/gateway_accounts/%s/check' % account['id'], None).expect(200)
        return found['status'], by_name(found)

    def left(self, rule):
        """How often the rule will still strike."""
        one = [one for one in self.sim.sim('plan')['rules'] if one['rule'] == rule][0]
        return one['times'] - one['used']

    def made_and_checked(self, gateway, credentials={}, settings={}, **members):
        return self.check(self.account(gateway, credentials, settings, **members))


def by_name(found):
    assert [one['name'] for one in found['checks']] in (ALL, ALL[:2])
    for one in found['checks']:
        assert (one['status'] == 'ok') == (one['advice'] is None), one
        assert not any(secret in str(one) for secret in SECRETS), one
    return {one['name']: one for one in found['checks']}


def states(checks, *names):
    return [checks[name]['status'] for name in names or ALL]


@pytest.fixture(scope='module')
def desk(client, sim):
    desk = Desk(client, sim)
    yield desk
    for account in desk.made:
        client.patch('/v1/gateway_accounts/' + account['id'], {'disabled': True}).expect(200)


def test_ready_at_the_bank(desk):
    status, checks = desk.made_and_checked('epayment')
    assert status == 'ready', checks
    assert states(checks) == ['ok', 'by_hand', 'ok', 'ok', 'ok', 'ok', 'ok']
    assert checks['currencies']['detail'] == 'Taken: KZT.'


def test_ready_at_hyperswitch(desk):
    """What a key may be used for can be asked there; which profile it is for, cannot."""
    status, checks = desk.made_and_checked('hyperswitch')
    assert status == 'ready', checks
    assert states(checks) == ['ok', 'by_hand', 'ok', 'ok', 'by_hand', 'ok', 'ok']


def test_the_sandbox_is_always_ready(desk):
    default = [one for one in desk.client.pages('/v1/gateway_accounts')
               if one['gateway'] == 'sandbox'][0]
    status, checks = desk.check(default)
    assert status == 'ready' and set(checks) == {'settings', 'currencies'}


def test_nothing_is_left_behind(desk):
    """No order at the bank, no row here."""
    before = desk.sim.ledger()
    desk.made_and_checked('epayment')
    desk.made_and_checked('hyperswitch')
    assert desk.sim.ledger() == before


@pytest.mark.parametrize('gateway, credentials', [
    ('epayment', {'client_secret': 'another'}), ('epayment', {'client_id': 'nobody'}),
    ('hyperswitch', {'api_key': 'snd_another'})])
def test_wrong_credentials(desk, gateway, credentials):
    status, checks = desk.made_and_checked(gateway, credentials)
    assert status == 'not_ready'
    assert states(checks, 'gateway', 'credentials', 'terminal', 'notifications') == \
        ['ok', 'failed', 'not_run', 'ok'], checks
    assert 'credentials' in checks['credentials']['advice']


@pytest.mark.parametrize('gateway, fault, call', [
    ('epayment', 'login_401', 'login'), ('epayment', 'http_401', 'status'),
    ('hyperswitch', 'http_401', 'payment_get')])
def test_credentials_that_are_refused_by_plan(desk, gateway, fault, call):
    account = desk.account(gateway, {}, {})
    desk.sim.plan(fault, gateway=gateway, call=call)
    status, checks = desk.check(account)
    assert status == 'not_ready' and checks['credentials']['status'] == 'failed', checks
    assert desk.check(account)[0] == 'ready'


def test_a_terminal_of_another_client(desk):
    status, checks = desk.made_and_checked(
        'epayment', {'terminal': '99999999-0000-4000-8000-000000000009'})
    assert status == 'not_ready'
    assert states(checks, 'credentials', 'terminal') == ['ok', 'failed'], checks
    assert '109' in checks['terminal']['detail'] and 'terminal' in checks['terminal']['advice']


@pytest.mark.parametrize('code, found', [
    ('104', 'failed'), ('109', 'failed'), ('103', 'not_run'), ('106', 'not_run'),
    ('107', 'not_run')])
def test_what_the_bank_says_of_the_terminal(desk, code, found):
    account = desk.account('epayment', {}, {})
    desk.sim.plan('error_code', gateway='epayment', call='status', code=code)
    status, checks = desk.check(account)
    assert checks['terminal']['status'] == found, checks
    assert status == ('not_ready' if found == 'failed' else 'unknown')


@pytest.mark.parametrize('gateway, call', [('epayment', 'login'), ('hyperswitch', 'payment_get')])
@pytest.mark.parametrize('ms, words', [(120000, 'behind'), (-120000, 'ahead of')])
def test_another_clock(desk, gateway, call, ms, words):
    account = desk.account(gateway, {}, {})
    desk.sim.plan('skewed_date', gateway=gateway, call='enquire' if gateway == 'hyperswitch'
                  else 'login', ms=ms)
    if gateway == 'epayment':
        desk.sim.plan('skewed_date', gateway=gateway, call='status', ms=ms)
    status, checks = desk.check(account)
    assert status == 'not_ready' and checks['clock']['status'] == 'failed', checks
    assert words in checks['clock']['detail'] and 'NTP' in checks['clock']['advice']


@pytest.mark.parametrize('gateway, call', [
    ('epayment', 'login'), ('epayment', 'status'), ('hyperswitch', 'payment_get')])
@pytest.mark.parametrize('fault', ['drop_before', 'http_503', 'http_429'])
def test_silence_is_no_answer(desk, gateway, call, fault):
    """Nothing is known to be wrong, so it is neither ready nor not."""
    account = desk.account(gateway, {}, {})
    rule = desk.sim.plan(fault, gateway=gateway, call=call, times=2)
    status, checks = desk.check(account)
    while desk.left(rule):      # a question on a kept connection may have been sent twice
        desk.check(account)
    assert status == 'unknown', checks
    assert 'failed' not in states(checks) and 'not_run' in states(checks)
    assert checks['terminal']['status'] == 'not_run'


def test_an_address_where_nothing_listens(desk):
    url = 'http://127.0.0.1:%d' % closed_port()
    status, checks = desk.made_and_checked('hyperswitch', settings={'base_url': url})
    assert status == 'not_ready'
    assert states(checks, 'gateway', 'credentials', 'clock') == ['failed', 'not_run', 'not_run']
    assert 'firewall' in checks['gateway']['advice'], checks


def test_a_name_that_is_none(desk):
    status, checks = desk.made_and_checked(
        'hyperswitch', settings={'base_url': 'http://nobody.invalid'})
    assert status == 'not_ready' and checks['gateway']['status'] == 'failed', checks
    # The address of this purser is for this machine alone, and that gateway is elsewhere.
    assert checks['notifications']['status'] == 'failed'
    assert 'public_url' in checks['notifications']['advice']


def test_something_else_answers(desk):
    status, checks = desk.made_and_checked(
        'epayment', settings={'api_url': desk.sim.url + '/payform'})
    assert status == 'not_ready'
    assert states(checks, 'credentials', 'gateway') == ['ok', 'failed'], checks
    assert 'settings' in checks['gateway']['advice']


def test_a_currency_that_cannot_be_sent(desk):
    status, checks = desk.made_and_checked('hyperswitch', settings={'currencies': ['EUR', 'CLF']})
    assert status == 'not_ready' and checks['currencies']['status'] == 'failed'
    assert checks['currencies']['detail'].startswith('CLF '), checks


def test_a_disabled_account_is_looked_at_too(desk):
    status, checks = desk.made_and_checked('epayment', disabled=True)
    assert status == 'not_ready'
    assert states(checks, 'settings', 'credentials', 'terminal') == ['failed', 'ok', 'ok'], checks


def command(server, *arguments, **env):
    return purser('check', '--data', server.data, *arguments,
                  PURSER_PUBLIC_URL='http://%s:%d' % (server.host, server.port), **env)


def test_the_command(server, desk):
    account = desk.account('epayment', {}, {})
    good = command(server, account['id'])
    assert good.returncode == 0 and '\nready\n' in good.stdout, good.stdout + good.stderr
    assert 'came in.' in good.stdout
    as_json = json.loads(command(server, account['id'], '--json').stdout)
    assert as_json['status'] == 'ready' and as_json['installation'][0]['status'] == 'ok'
    assert [one['gateway_account'] for one in as_json['gateway_accounts']] == [account['id']]
    assert as_json['gateway_accounts'][0]['status'] == 'ready'


def test_the_command_says_no(server, desk):
    account = desk.account('epayment', {'client_secret': 'another'}, {})
    run = command(server, account['id'])
    assert run.returncode == 1 and 'failed   credentials' in run.stdout, run.stdout + run.stderr
    assert '-> Set the account\'s credentials' in run.stdout
    assert not any(secret in run.stdout + run.stderr for secret in SECRETS)


def test_the_command_could_not(server, desk):
    account = desk.account('hyperswitch', {}, {})
    desk.sim.plan('http_503', gateway='hyperswitch', call='payment_get')
    run = command(server, account['id'])
    assert run.returncode == 2 and 'not_run  gateway' in run.stdout, run.stdout + run.stderr
    for wrong in ('ga_00000000000000000000000000', 'epayment'):
        run = command(server, wrong)
        assert run.returncode == 2 and run.stderr.startswith('purser check: '), run.stderr


@pytest.mark.parametrize('url', ['http://127.0.0.1:1', 'SIM'])
def test_the_address_leads_elsewhere(server, desk, url):
    account = desk.account('epayment', {}, {})
    run = purser('check', account['id'], '--json', '--data', server.data,
                 PURSER_PUBLIC_URL=desk.sim.url if url == 'SIM' else url)
    assert run.returncode == 1, run.stdout + run.stderr
    checks = by_name(json.loads(run.stdout)['gateway_accounts'][0])
    assert checks['notifications']['status'] == 'failed', checks
    assert 'purser' in checks['notifications']['detail'] or url != 'SIM'


def test_keys_that_open_nothing(server, desk, tmp_path):
    account = desk.account('epayment', {}, {})
    keys = tmp_path / 'keys'
    keys.write_text(os.urandom(32).hex() + '\n')
    run = command(server, account['id'], '--json', PURSER_CREDENTIALS_KEY_FILE=str(keys))
    assert run.returncode == 1, run.stdout + run.stderr
    checks = by_name(json.loads(run.stdout)['gateway_accounts'][0])
    assert states(checks, 'settings', 'gateway') == ['failed', 'not_run'], checks
