"""The ledger: what checkers of purser rely on. Also the program's options and its end."""
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from simulator import TWO_STEP, Dropped, Epay, Hyper, Simulator, binary, table

KINDS = {'start', 'reset', 'request', 'reply', 'authorize', 'capture', 'void', 'refund',
         'refund_reversed', 'refused', 'notification'}


def lines_of(sim):
    with open(sim.ledger_file, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def test_lines_are_numbered_and_whole(sim, epay, hyper):
    invoice, tx = epay.paid()
    epay.operation(tx, 'refund', '?amount=10')
    hyper.refund(hyper.paid(1000)['payment_id'], 5000)
    lines = lines_of(sim)
    assert [line['seq'] for line in lines] == list(range(1, len(lines) + 1))
    assert {line['kind'] for line in lines} <= KINDS
    assert all(line['at'].endswith('Z') and len(line['at']) == 24 for line in lines)
    effects = [line for line in lines if line['kind'] == 'refund'][-1:]
    assert effects == [{'seq': effects[0]['seq'], 'at': effects[0]['at'], 'kind': 'refund',
                        'gateway': 'epayment', 'reference': invoice, 'id': tx['id'],
                        'second': None, 'amount': 1000, 'currency': 'KZT', 'by': 'merchant',
                        'wrong': None}]


def test_the_request_comes_before_its_effect_and_the_reply_after(sim, hyper):
    hyper.paid(1000)
    kinds = [line['kind'] for line in lines_of(sim)]
    assert kinds[-5:] == ['request', 'authorize', 'capture', 'notification', 'reply']


def test_a_request_has_its_call_body_and_key(sim, hyper):
    sim.call('POST', '/hyperswitch/payments', '{"amount":5,"currency":"EUR"}',
             {'api-key': 'snd_sim_key', 'Idempotency-Key': 'key-1'})
    line = [line for line in sim.sim('requests')['requests'] if line['kind'] == 'request'][-1]
    assert (line['gateway'], line['call'], line['method'], line['path']) == (
        'hyperswitch', 'payment_create', 'POST', '/hyperswitch/payments')
    assert (line['body'], line['idempotency_key']) == ('{"amount":5,"currency":"EUR"}', 'key-1')
    assert len(line['body_sha256']) == 64
    reply = sim.last_reply()
    assert (reply['request'], reply['status'], reply['performed']) == (line['seq'], 200, True)


def test_no_credential_is_written_down(sim, epay, hyper):
    epay.paid(secret_hash='canary-of-the-callback')
    hyper.create(100, confirm=True, description='4242424242424242', payment_method_data={
        'card': {'card_number': '5555555555554444', 'card_cvc': '737'}})
    hyper.create(100, description='my card is 4111 1111 1111 1111')
    with open(sim.ledger_file, encoding='utf-8') as file:
        text = file.read()
    for secret in ('sim-secret', 'snd_sim_key', epay.token, 'canary-of-the-callback',
                   '5555555555554444', '4242424242424242', '4111 1111', '"737"', '\\"737\\"',
                   'sim_payment_response_hash_key'):
        assert secret not in text, secret


def test_lines_can_be_asked_for(sim, epay, hyper):
    invoice, _ = epay.paid()
    paid = hyper.paid(1000)['payment_id']
    assert {line['gateway'] for line in sim.ledger(gateway='epayment')} == {'epayment'}
    assert [line['kind'] for line in sim.ledger('authorize,capture', reference=paid)] == [
        'authorize', 'capture']
    seq = sim.ledger(reference=invoice)[-1]['seq']
    assert all(line['seq'] > seq for line in sim.ledger(after=seq)) and sim.ledger(after=seq)
    assert sim.ledger('dance') == []


def test_a_reset_forgets_all_but_the_ledger(sim, epay, hyper):
    invoice, _ = epay.paid()
    sim.sim('settings', lenient=True)
    sim.plan('http_500', times=0)
    before = len(lines_of(sim))
    sim.reset()
    lines = lines_of(sim)
    assert len(lines) == before + 1 and lines[-1]['kind'] == 'reset'
    assert sim.ledger() == [] and sim.sim('plan')['rules'] == []
    assert sim.sim('settings')['lenient'] is False
    fresh = Epay(sim)
    assert fresh.status(invoice)['resultCode'] == '102'


def test_it_is_written_before_the_answer_and_survives_a_kill(make_sim, tmp_path):
    sim = make_sim()
    hyper = Hyper(sim)
    ids = [hyper.paid(100 + i)['payment_id'] for i in range(20)]
    sim.process.send_signal(signal.SIGKILL)
    sim.process.wait()
    captured = [line['reference'] for line in lines_of(sim) if line['kind'] == 'capture']
    assert captured == ids
    count = len(lines_of(sim))
    again = Simulator(tmp_path)         # goes on at the end
    lines = lines_of(again)
    assert (lines[-1]['kind'], lines[-1]['seq'], len(lines)) == ('start', count + 1, count + 1)
    again.end()


def test_many_at_once(sim):
    """Each caller's effects are all there, and the numbers have no gap."""
    def work(number):
        hyper = Hyper(sim)
        hyper.count = number * 1000
        for _ in range(20):
            paid = hyper.paid(1000)['payment_id']
            assert hyper.refund(paid, 400).status == 200

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sim.ledger('capture')) == len(sim.ledger('refund')) == 160
    lines = lines_of(sim)
    assert [line['seq'] for line in lines] == list(range(1, len(lines) + 1))


def test_refunds_at_once_never_exceed_the_capture(sim, hyper):
    paid = hyper.paid(1000)['payment_id']
    statuses = []

    def refund(number):
        statuses.append(hyper.refund(paid, 300, refund_id=f'ref_{number}').status)

    threads = [threading.Thread(target=refund, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 3 + [400] * 5
    assert len(sim.ledger('refused')) == 5


# Lenient: what a real gateway might let through is let through and written down.

def test_lenient_accepts_what_is_wrong_at_the_bank(sim):
    sim.sim('settings', lenient=True)
    epay = Epay(sim, TWO_STEP)
    invoice, tx = epay.paid('100')
    assert epay.operation(tx, 'charge', '?amount=150').status == 200
    assert epay.operation(tx, 'cancel').status == 200
    assert epay.operation(tx, 'charge').status == 200
    assert epay.operation(tx, 'refund', '?amount=900').status == 200
    wrong = [(line['kind'], line['amount'], line['wrong'])
             for line in sim.ledger('capture,void,refund', reference=invoice)]
    assert wrong == [('capture', 15000, 'over_capture'), ('void', 10000, 'void_after_capture'),
                     ('capture', 10000, 'capture_after_void'), ('refund', 90000, 'over_refund')]
    assert sim.ledger('refused') == []


def test_lenient_accepts_what_is_wrong_at_hyperswitch(sim, hyper):
    sim.sim('settings', lenient=True)
    held = hyper.paid(1000, capture_method='manual')['payment_id']
    path = f'/payments/{held}'
    assert hyper.refund(held, 10).status == 200
    assert hyper.call('POST', path + '/capture', {'amount_to_capture': 1500}).status == 200
    assert hyper.refund(held, 2000).status == 200
    assert hyper.call('POST', path + '/capture', {'amount_to_capture': 1}).status == 200
    assert hyper.call('POST', path + '/cancel', {}).status == 200
    assert hyper.call('POST', path + '/cancel', {}).status == 200
    assert hyper.call('POST', path + '/capture', {'amount_to_capture': 1}).status == 200
    wrong = [line['wrong'] for line in sim.ledger('capture,void,refund', reference=held)]
    assert wrong == ['refund_without_capture', 'over_capture', 'over_refund', 'capture_again',
                     'void_after_capture', 'void_again', 'capture_after_void']


def test_strict_refuses_and_writes_down(sim, hyper):
    made = hyper.create(1000).json['payment_id']
    assert hyper.call('POST', f'/payments/{made}/capture', {}).status == 400
    held = hyper.paid(1000, capture_method='manual')['payment_id']
    answer = hyper.call('POST', f'/payments/{held}/capture', {'amount_to_capture': 1001})
    assert answer.status == 422 and answer.json['error']['code'] == 'IR_06'
    assert [(line['asked'], line['wrong'], line['amount']) for line in sim.ledger('refused')] == [
        ('capture', 'capture_without_hold', 0), ('capture', 'over_capture', 1001)]


# The program.

def run(*options):
    return subprocess.run([binary(), *options], capture_output=True, text=True, timeout=10,
                          check=False)


def test_help_has_every_option_fault_and_setting():
    done = run('--help')
    assert done.returncode == 0 and done.stderr == ''
    for option in ('--listen', '--ledger', '--public-url', '--webhook-url', '--lenient', '--set'):
        assert option in done.stdout
    assert len(table('Settings (also')) >= 15


@pytest.mark.parametrize('options', [
    ['--dance'], ['--listen'], ['--set', 'nonsense'], ['--set', 'minute_ms=soon'],
    ['--set', 'no_such=1'], ['--listen', '0.0.0.0:0'], ['--listen', '192.0.2.1:9090'],
    ['--listen', '[::]:0'], ['--listen', 'example.org:80']])
def test_what_it_does_not_take(options, tmp_path):
    done = run('--ledger', str(tmp_path / 'ledger'), *options)
    assert done.returncode == 2 and done.stderr.startswith('purser-sim: ')
    assert not os.path.exists(tmp_path / 'ledger')


def test_a_ledger_that_cannot_be_written(tmp_path):
    done = run('--listen', '127.0.0.1:0', '--ledger', str(tmp_path / 'no' / 'ledger'))
    assert done.returncode == 1 and 'No such file' in done.stderr


def test_an_address_that_is_taken(make_sim, tmp_path):
    sim = make_sim()
    done = run('--listen', sim.address, '--ledger', str(tmp_path / 'other'))
    assert done.returncode == 1 and 'in use' in done.stderr


def test_options_are_what_a_reset_goes_back_to(make_sim):
    sim = make_sim('--lenient', '--set', 'minute_ms=7', '--set', 'expires_in_text=true',
                   '--webhook-url', 'http://127.0.0.1:1/x', '--public-url',
                   'https://pay.example.test/')
    sim.sim('settings', lenient=False, minute_ms=8)
    sim.reset()
    settings = sim.sim('settings')
    assert (settings['lenient'], settings['minute_ms'], settings['expires_in_text'],
            settings['webhook_url']) == (True, 7, True, 'http://127.0.0.1:1/x')
    made = Hyper(sim).create(1, payment_link=True).json
    assert made['payment_link']['link'].startswith('https://pay.example.test/payment_link/')


@pytest.mark.parametrize('change', [{'no_such': 1}, {'lenient': 1}, {'minute_ms': '1'},
                                    {'minute_ms': -1}, {'api_key': 5}])
def test_settings_are_changed_as_a_whole_or_not(sim, change):
    before = sim.sim('settings')
    answer = sim.call('POST', '/sim/settings', json.dumps({'token_seconds': 5, **change}))
    assert answer.status == 400 and answer.json['error']
    assert sim.sim('settings') == before
    assert sim.call('POST', '/sim/settings', 'nonsense').status == 400


@pytest.mark.parametrize('url', ['https://127.0.0.1/x', 'http://192.0.2.1/x', 'http://[::2]/x',
                                 'http://example.org/', 'http://127.0.0.1.example.org/',
                                 'http://128.0.0.1/', 'http://127.0.0.1:99999/', 'ftp://127.0.0.1/',
                                 'http://127.0.0.1@192.0.2.1/'])
def test_nothing_is_sent_to_another_machine(sim, hyper, url):
    sim.sim('settings', webhook_url=url, notify_ms=0)
    hyper.paid()
    line = sim.wait_for('notification', 1)[0]
    assert line['status'] == 0 and line['why'].startswith('refused: ')


def test_it_sends_to_this_machine_by_any_name(sim, hyper, receiver):
    port = receiver.server.server_port
    for host in ('localhost', '127.0.0.1', '127.0.0.2'):
        sim.sim('settings', webhook_url=f'http://{host}:{port}/', notify_ms=0)
        hyper.paid()
    # 127.0.0.2 is this machine too, but the receiver listens on 127.0.0.1 only.
    lines = sim.wait_for('notification', 3)
    assert sorted(line['status'] for line in lines) == [0, 200, 200]


def test_an_unknown_address_and_a_wrong_method(sim):
    for method, path in (('GET', '/'), ('GET', '/sim/'), ('GET', '/sim/no'), ('PUT', '/payments'),
                         ('GET', '/payments'), ('GET', '/payments//x')):
        assert sim.call(method, path).status == 404
    assert sim.sim('health') == {'ok': True}


def test_a_caller_who_goes_away_does_no_harm(sim, hyper):
    sim.plan('delay_ms', call='payment_create', ms=50)
    caller = socket.create_connection(tuple(sim.address.rsplit(':', 1)))
    body = b'{"amount":1,"currency":"EUR","confirm":true,"payment_token":"x"}'
    caller.sendall(b'POST /payments HTTP/1.1\r\nHost: a\r\napi-key: snd_sim_key\r\n'
                   b'Content-Length: %d\r\n\r\n' % len(body) + body)
    caller.close()
    assert len(sim.wait_for('capture', 1)) == 1
    assert hyper.paid()['status'] == 'succeeded'


def test_it_ends_when_told_with_calls_and_notices_open(make_sim):
    sim = make_sim('--webhook-url', 'http://127.0.0.1:1/', '--set', 'notify_ms=60000')
    hyper = Hyper(sim)
    hyper.paid()
    sim.plan('reply_after_ms', call='payment_create', ms=60000)

    def wait_in_vain():
        with pytest.raises(Dropped):
            hyper.create()

    caller = threading.Thread(target=wait_in_vain)
    caller.start()
    sim.wait_for('request', 2)
    sim.end()
    caller.join()
    assert sim.process.returncode == 0
