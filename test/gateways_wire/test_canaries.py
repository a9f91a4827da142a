"""Secrets of accounts and payers through every call at both gateways, and where they are
afterwards: not in the books, not in the log, not in the memory that a core file would hold; and
there is no core file. (I19)

Of a release build: AddressSanitizer keeps what was freed, and its memory is too large to dump."""
import os
import resource
import shutil
import signal
import subprocess
import time

import pytest

from client import Client
from contract import Contract
from installation import Installation
from simulator import Simulator
from test_memory import places
from test_secrets import forms
from till import EpaymentTill, HyperswitchTill

BANK = {'client_id': 'sim', 'client_secret': 'canary-client-quibble-7319',
        'notify_secret': 'canary-notify-zaphodia-7319'}
HYPER = {'api_key': 'snd_canary_wombat_7319', 'webhook_key': 'canary-hash-thistle-7319'}
BEFORE = 'canary-before-bramble-7319'         # a client_secret until it was changed
CARD = {'type': 'saved_card', 'token': 'cus_canaryfern7319:pm_canarymoss7319'}
PAN = '4444555566661007'                      # where none belongs


class Bank(EpaymentTill):
    credentials = BANK


class Hyper(HyperswitchTill):
    credentials = HYPER
    saved = CARD


def all_calls(till):
    """Each operation, done, declined, and with its answer lost; those are returned."""
    till.comes_to(till.create(till.saved), 'captured')
    till.pay(till.create(), 'decline')
    till.client.post('/v1/gateway_accounts/%s/check' % till.account_for({})['id']).expect(200)
    return [till.fail(call, 'accept_then_drop_reply', {})
            for call in ('authorize', 'capture', 'cancel', 'refund')]


def odd_calls(till, client):
    """Secrets and card numbers in notifications, and credentials that change."""
    account = till.account_for({})
    path = '/v1/notifications/%s/%s' % (till.gateway, account['id'])
    stranger = Client(client.server, None, client.contract)
    for body in ({'card': PAN, 'secret_hash': BANK['notify_secret']}, {'event_id': PAN}):
        stranger.call('POST', path, body, {'x-webhook-signature-512': HYPER['webhook_key']})
    client.patch('/v1/gateway_accounts/' + account['id'],
                 {'credentials': {**till.credentials, 'api_key': PAN, 'more': BEFORE}}) \
        .expect(422)
    client.call('GET', '/v1/payments', headers={'X-Secret': HYPER['api_key'], 'X-Card': PAN})
    client.get('/v1/payments?reference=' + PAN)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    sim = Simulator(tmp_path_factory.mktemp('canary-sim'))
    server = Installation(tmp_path_factory.mktemp('canary') / 'data').start()
    try:
        client = Client(server, server.key(), Contract())
        sim.sim('settings', client_secret=BANK['client_secret'], api_key=HYPER['api_key'],
                webhook_key=HYPER['webhook_key'])
        bank, hyper = Bank(client, sim), Hyper(client, sim)
        for account in (bank.sale, bank.hold):
            old = {**BANK, 'client_secret': BEFORE, 'terminal': account['id']}
            client.patch('/v1/gateway_accounts/' + account['id'], {'credentials': old}).expect(200)
        for account, terminal in ((bank.sale, 1), (bank.hold, 2)):
            client.patch('/v1/gateway_accounts/' + account['id'], {'credentials': {
                **BANK, 'terminal': '00000000-0000-4000-8000-00000000000%d' % terminal}}) \
                .expect(200)
        bank.save_card()
        lost = [(till, *one) for till in (bank, hyper) for one in all_calls(till)]
        for till in (bank, hyper):
            odd_calls(till, client)
        for till, payment, thing in lost:
            till.comes_to(thing, 'captured', 'cancelled', 'succeeded')
            till.agree(payment)
        yield {'server': server,
               'secrets': [*(v for k, v in BANK.items() if k != 'client_id'), *HYPER.values(),
                           BEFORE, *CARD['token'].split(':'), bank.saved['token'], PAN]}
    finally:
        server.stop()
        sim.end()


def test_not_in_the_books_nor_in_the_log(run):
    found = [(path, secret) for path, content in run['server'].bytes_on_disk()
             for secret in run['secrets'] for form in forms(secret) if form in content]
    assert found == []


def test_not_in_memory(run):
    """What was used is wiped when its call ends; tokens of the bank and the installation's own key
    are kept, and are not looked for here."""
    if not os.access('/proc/%d/mem' % run['server'].process.pid, os.R_OK):
        pytest.skip('the memory of other processes may not be read here')
    time.sleep(1)       # the last call's end
    found = {secret: [bytes(at) for at in places(run['server'].process.pid, secret.encode())]
             for secret in run['secrets']}
    assert {secret: at for secret, at in found.items() if at} == {}


def memory_of(pid):
    """All that is mapped, in bytes."""
    with open(f'/proc/{pid}/statm', encoding='ascii') as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def test_not_in_a_core_that_somebody_takes(run, tmp_path):
    """As root; others are refused."""
    if os.getuid() != 0 or not shutil.which('gcore'):
        pytest.skip('no gcore, or not allowed to')
    if memory_of(run['server'].process.pid) > 8 << 30:
        pytest.skip('a core of terabytes: built with AddressSanitizer')
    core = subprocess.run(['gcore', '-o', str(tmp_path / 'core'), str(run['server'].process.pid)],
                          capture_output=True, text=True, timeout=120)
    files = list(tmp_path.glob('core*'))
    if not files:
        pytest.skip('gcore did nothing: ' + core.stderr[-200:])
    content = files[0].read_bytes()
    files[0].unlink()
    assert len(content) > 1 << 20
    assert [secret for secret in run['secrets'] if secret.encode() in content] == []


def test_no_core_is_written(tmp_path):
    """Not even where the system would let every process."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip('the limit may not be raised here')
    server = Installation(tmp_path / 'data')
    server.start(wrapper=('sh', '-c', 'ulimit -c unlimited; cd %s; exec "$@"' % tmp_path, 'sh'))
    server.process.send_signal(signal.SIGABRT)
    assert server.process.wait(20) != 0
    assert not list(tmp_path.glob('core*'))
