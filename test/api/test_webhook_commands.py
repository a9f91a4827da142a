"""The commands about webhooks: listen, trigger, webhook verify, deliveries."""
import json
import os
import re
import subprocess
import time

import pytest

from client import until
from contract import table_of
from installation import binary, environment, purser, serving
from sink import Sink

# Of a gateway that changes its mind, or of a card that is only saved.
NOT_CAUSED = {'payment.rerouted', 'payment.cancel_failed', 'payment.corrected', 'payment.verified',
              'refund.corrected'}


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp('purser') / 'data',
                 PURSER_WEBHOOK_ADDRESSES='any') as server:
        yield server


@pytest.fixture(scope='module')
def sink():
    sink = Sink()
    yield sink
    sink.close()


def run(server, *arguments, **env):
    return purser(*arguments, '--data', server.data, **env)


def trigger(server, event, **env):
    return run(server, 'trigger', event, '--url', 'http://127.0.0.1:%d' % server.port, **env)


def verify(tmp_path, key, request, *options):
    """A request that the sink took, held against a key: (exit code, what was said)."""
    (tmp_path / 'key').write_text(key)
    head = ''.join('%s: %s\r\n' % pair for pair in request['headers'].items())
    (tmp_path / 'request').write_bytes(b'POST /hook HTTP/1.1\r\n' + head.encode() + b'\r\n'
                                       + request['body'])
    said = purser('webhook', 'verify', '--key', str(tmp_path / 'key'), *options,
                  str(tmp_path / 'request'))
    return said.returncode, said.stdout + said.stderr


class Listener:
    def __init__(self, server, *options):
        self.process = subprocess.Popen(
            [binary(), 'listen', '--data', server.data, *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(server.data))
        self.said = []
        for line in self.process.stderr:
            self.said.append(line.strip())
            if line.startswith('listening'):
                break

    def secret(self, name='secret'):
        return next(line.split()[-1] for line in self.said if line.startswith(name))

    def lines(self, count):
        return [self.process.stdout.readline().rstrip('\n') for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def test_listen_forwards_and_signs(server, sink, client, tmp_path):
    sink.answer = lambda r: (418, {}, b'') if r['path'] == '/slow' else (200, {}, b'')
    with Listener(server, '--forward-to', sink.url('/dev'), '--events',
                  'payment.captured,invoice.paid') as listener:
        payment = client.captured()
        request = sink.wait(2, '/dev')[0]
        lines = listener.lines(4)
        assert [line.split()[1] for line in lines[::2]] == ['payment.captured', 'invoice.paid']
        assert payment['id'] in lines[0] and '-> 200 in' in lines[1]
        secret = listener.secret()
    assert json.loads(request['body'])['type'] == 'payment.captured'
    assert verify(tmp_path, secret, request) == (0, 'webhook-signature fits (v1).\n')
    with Listener(server, '--forward-to', sink.url('/slow')) as again:
        assert again.secret() == secret
        client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)
        assert '-> 418' in again.lines(2)[1]


def test_listen_to_one_mode_only(server, client, live):
    assert 'test or live' in run(server, 'listen', '--mode', 'both').stderr
    with Listener(server, '--mode', 'live') as listener:
        client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR'}).expect(201)
        invoice = live.post('/v1/invoices', {'amount': 6, 'currency': 'EUR'}).expect(201)
        assert invoice['id'] in listener.lines(1)[0]


def test_listen_in_hookers_format(server, sink, client, tmp_path):
    with Listener(server, '--forward-to', sink.url('/flat'), '--format', 'hooker-flat') as listener:
        client.captured()
        request = sink.wait(5, '/flat')[0]
        key = listener.secret('public key')
        assert verify(tmp_path, key, request) == (0, 'X-Signature fits.\n')


def can_be_caused(event):
    return event not in NOT_CAUSED and event.split('.')[0] in ('invoice', 'payment', 'refund')


EVENTS = [row[1] for row in table_of('src/core/event.def', 'EVENT_TYPES')]


def test_trigger_causes_every_event_that_can_be(server, client):
    """All in one case, so that the server's keys and the calls are shared."""
    before = {e['id'] for e in client.pages('/v1/events')}
    for event in EVENTS:
        said = trigger(server, event)
        if not can_be_caused(event):
            assert said.returncode == 2 and 'cannot be caused' in said.stderr, said.stderr
            continue
        assert said.returncode == 0, said.stdout + said.stderr
        assert said.stdout.startswith(event + ': invoice inv_'), said.stdout
    came = {e['type'] for e in client.pages('/v1/events') if e['id'] not in before}
    assert came >= set(filter(can_be_caused, EVENTS))
    assert 'there is no event' in trigger(server, 'payment.flew').stderr


def test_trigger_leaves_no_key_that_works(server):
    trigger(server, 'invoice.created')
    keys = [json.loads(line) for line in run(server, 'key', 'list', '--json').stdout.splitlines()]
    made = [key for key in keys if key['description'] == 'made by purser trigger']
    assert made and all(key['revoked_at'] for key in made)
    count = len(keys)
    assert trigger(server, 'invoice.created', PURSER_API_KEY=server.key()).returncode == 0
    assert len(run(server, 'key', 'list', '--json').stdout.splitlines()) == count + 1


def test_trigger_without_a_server(server):
    said = run(server, 'trigger', 'invoice.created', '--url', 'http://127.0.0.1:1')
    assert said.returncode == 1 and 'Is a server running there' in said.stderr, said.stderr


def endpoint_with_one_delivery(client, sink, path, **members):
    body = dict({'url': sink.url(path)}, **members)
    made = client.post('/v1/webhook_endpoints', body).expect(201)
    client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
    request = sink.wait(1, path)[0]
    client.post('/v1/webhook_endpoints/%s/disable' % made['id'], {}).expect(200)
    return made, request


def test_verify_every_format(client, sink, tmp_path):
    cases = [('standard', {'sign_v1a': True}, [], 'webhook-signature fits (v1).'),
             ('hooker-flat', {}, [], 'X-Signature fits.'),
             ('hooker-envelope', {}, [], 'Content-Signature fits.'),
             ('stripe-like', {}, ['--header', 'X-Webhook-Signature'], 'X-Webhook-Signature fits.'),
             ('hmac-body', {}, ['--header', 'X-Hub-Signature-256'], 'X-Hub-Signature-256 fits.')]
    for name, members, options, sentence in cases:
        made, request = endpoint_with_one_delivery(client, sink, '/' + name, format=name, **members)
        key = made['rsa_public_key_pem'] or made['secret']
        assert verify(tmp_path, key, request, *options) == (0, sentence + '\n'), name
        changed = dict(request, body=request['body'].replace(b':', b': ', 1))
        changed['headers'] = dict(request['headers'], **{'Content-Length': len(changed['body'])})
        code, said = verify(tmp_path, key, changed, *options)
        assert code == 1 and 'as it was sent' in said, (name, said)
        if members:
            assert verify(tmp_path, made['public_key'], request) == \
                (0, 'webhook-signature fits (v1a).\n')
        other, _ = endpoint_with_one_delivery(client, sink, '/other-' + name)
        assert verify(tmp_path, other['secret'], request)[0] == 1


# The vectors that the libraries of Standard Webhooks have in common.
VECTOR = {'headers': {'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
                      'webhook-timestamp': '1614265330',
                      'webhook-signature': 'v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= '
                      'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo'
                      '3mNl8EM+m7TBAg=='}, 'body': b'{"test": 2432232314}'}
VECTOR_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
VECTOR_PUBLIC = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='


def test_verify_the_published_vectors(tmp_path):
    assert verify(tmp_path, VECTOR_SECRET, VECTOR, '--tolerance', '0')[0] == 0
    assert verify(tmp_path, VECTOR_PUBLIC, VECTOR, '--tolerance', '0')[0] == 0
    code, said = verify(tmp_path, VECTOR_SECRET, VECTOR)
    assert code == 1 and re.search(r'its time is \d+ s ago; 300 s are allowed', said)
    code, said = verify(tmp_path, 'whsec_' + 'A' * 43 + '=', VECTOR)
    assert code == 1 and 'No signature fits' in said


def test_verify_says_what_is_missing(tmp_path):
    assert verify(tmp_path, 'psk_test_x', VECTOR)[0] == 1
    assert 'no webhook-id' in verify(tmp_path, VECTOR_SECRET, {'headers': {}, 'body': b''})[1]
    cut = dict(VECTOR, headers=dict(VECTOR['headers'], **{'Content-Length': '2000'}))
    assert verify(tmp_path, VECTOR_SECRET, cut) == \
        (2, 'purser webhook verify: Its body is cut off: 20 bytes of 2000.\n')
    assert verify(tmp_path, VECTOR_SECRET, VECTOR, '--header', 'X-None')[1] == \
        'It has no field X-None.\n'


def test_deliveries_are_listed_shown_and_sent_again(server, client, sink):
    made, request = endpoint_with_one_delivery(client, sink, '/again')
    client.post('/v1/webhook_endpoints/%s/enable' % made['id'], {}).expect(200)
    line = until(lambda: run(server, 'deliveries', 'list', '--endpoint', made['id'], '--status',
                             'delivered').stdout, 5, pause_s=0.2)
    delivery = re.search(r'whd_\w+', line).group()
    assert re.search(r'delivered +1 webhook.test', line) and made['id'] in line
    listed = run(server, 'deliveries', 'list', '--endpoint', made['id'], '--json').stdout
    assert json.loads(listed) == client.get('/v1/webhook_deliveries?webhook_endpoint='
                                            + made['id']).expect(200)['data'][0]
    assert run(server, 'deliveries', 'list', '--mode', 'live').stdout == ''
    said = run(server, 'deliveries', 'redeliver', delivery, '--url',
               'http://127.0.0.1:%d' % server.port)
    assert said.returncode == 0, said.stderr
    again = sink.wait(2, '/again')[1]
    assert again['headers']['webhook-id'] == request['headers']['webhook-id']
    shown = until(lambda: [text for text in [run(server, 'deliveries', 'show', delivery).stdout]
                           if re.search(r'^ +2 ', text, re.MULTILINE)], 5, pause_s=0.2)[0]
    assert shown.count('first byte') == 2 and '127.0.0.1:' in shown
    assert json.loads(run(server, 'deliveries', 'show', delivery, '--json').stdout) == \
        client.get('/v1/webhook_deliveries/' + delivery).expect(200)


def test_replays_are_begun_paused_and_resumed(server, client, sink):
    made, _ = endpoint_with_one_delivery(client, sink, '/replay')
    client.post('/v1/webhook_endpoints/%s/enable' % made['id'], {}).expect(200)
    until(lambda: run(server, 'deliveries', 'list', '--endpoint', made['id'], '--status',
                      'delivered').stdout, 5, pause_s=0.2)
    where = ['--url', 'http://127.0.0.1:%d' % server.port]
    said = run(server, 'deliveries', 'replay', '--endpoint', made['id'], '--status', 'delivered',
               '--since', '2026-01-01T00:00:00Z', '--per-minute', '1', *where)
    replay = json.loads(said.stdout)
    assert replay['per_minute'] == 1 and replay['delivery_status'] == 'delivered'
    again = sink.wait(2, '/replay')[1]
    assert again['headers']['webhook-attempt-reason'] == 'replay'
    until(lambda: client.get('/v1/webhook_replays/' + replay['id']).expect(200)['status'] == 'done',
          5)
    said = run(server, 'deliveries', 'pause', replay['id'], *where)
    assert said.returncode == 2 and 'The replay is done.' in said.stderr
    wide = json.loads(run(server, 'deliveries', 'replay', '--endpoint', made['id'], '--until',
                          '2026-01-01T00:00:00Z', *where).stdout)
    assert run(server, 'deliveries', 'resume', 'whr_00000000000000000000000001').returncode == 1
    assert wide['created_to'] == '2026-01-01T00:00:00.000Z'


def test_deliveries_that_there_are_not(server):
    none = 'whd_00000000000000000000000001'
    assert run(server, 'deliveries', 'show', none).returncode == 1
    assert run(server, 'deliveries', 'redeliver', none).returncode == 1
    for wrong in (['--status', 'lost'], ['--since', 'today'], ['--endpoint', 'x'],
                  ['--limit', '0'], ['--mode', 'both']):
        assert run(server, 'deliveries', 'list', *wrong).returncode == 2, wrong
