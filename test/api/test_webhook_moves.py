"""A merchant of hooker moves over and changes nothing: its receiver goes by hooker's own document,
with the key that it has had for years, and knows of no header and no field beyond it."""
import base64
import json
import re
import subprocess
import threading

import pytest

import store
from client import Client, card, until
from installation import purser, serving
from sink import Sink

# What hooker's document says of the body: name, kind, and what may stand there.
FIELDS = [('event_type', str), ('invoice_id', str), ('payment_id', (str, type(None))),
          ('shop_id', int), ('amount', int), ('currency', str), ('created_at', str),
          ('metadata', dict), ('status', str)]
STATUSES = {'invoice': {'unpaid', 'paid', 'cancelled', 'fulfilled'},
            'payment': {'pending', 'processed', 'captured', 'cancelled', 'failed'}}
METADATA = {'order_id': 'my_order_id', 'note': 'Счёт № 7 "срочно" </b>'}


class Receiver:
    """Answers 200, to what its key verifies; 400 to the rest, as its document lets it."""

    def __init__(self, tmp_path, public_key, signature_of):
        self.folder, self.signature_of = tmp_path, signature_of
        self.taken, self.sink, self.lock = [], Sink(), threading.Lock()
        der = base64.b64decode(public_key, validate=True)
        (tmp_path / 'public.der').write_bytes(der)
        self.sink.answer = self.answer

    def verifies(self, headers, body):
        (self.folder / 'signature').write_bytes(self.signature_of(headers))
        (self.folder / 'body').write_bytes(body)
        return subprocess.run(['openssl', 'dgst', '-sha256', '-keyform', 'DER', '-verify',
                               self.folder / 'public.der', '-signature',
                               self.folder / 'signature', self.folder / 'body'],
                              capture_output=True).returncode == 0

    def answer(self, request):
        with self.lock:
            if not self.verifies(request['headers'], request['body']):
                return 400, {}, b''
            self.taken.append(json.loads(request['body']))
        return 200, {}, b''


def x_signature(headers):
    assert headers['Content-Type'] == 'application/json; charset=utf-8'
    return base64.b64decode(headers['X-Signature'], validate=True)


def content_signature(headers):
    algorithm, digest = re.fullmatch(r'alg=(\S+); digest=(\S+)',
                                     headers['Content-Signature']).groups()
    assert algorithm == 'RS256'
    return base64.urlsafe_b64decode(digest)


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp('purser') / 'data',
                 PURSER_WEBHOOK_ADDRESSES='any') as server:
        yield server


@pytest.fixture
def merchant(request, server, contract):
    """One of its own for each test, since a merchant has one key of a size."""
    name = request.node.name.replace('[', '-').rstrip(']')
    server.merchant(name)
    client = Client(server, server.key(merchant=name), contract)
    client.post('/v1/gateway_accounts', {'gateway': 'sandbox', 'is_default': True}).expect(201)
    return name, client


def openssl(*arguments, **more):
    return subprocess.run(['openssl', *arguments], check=True, capture_output=True, **more).stdout


def hookers_key(tmp_path, bits):
    """(private, public) as hooker keeps them: base64 of PKCS#8 and of SubjectPublicKeyInfo."""
    pem = openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:%d' % bits)
    private = openssl('pkcs8', '-topk8', '-nocrypt', '-outform', 'DER', input=pem)
    public = openssl('pkey', '-pubout', '-outform', 'DER', input=pem)
    (tmp_path / 'pem').write_bytes(pem)
    (tmp_path / 'hooker').write_bytes(base64.b64encode(private))
    return base64.b64encode(public).decode()


def take_over(server, merchant, file):
    return purser('webhook', 'import', '--data', server.data, '--merchant', merchant, str(file))


def lives(client):
    """All that hooker tells of: paid at once, fulfilled, held and cancelled, refused."""
    paid = client.pay(shop='55', metadata=METADATA).expect(201)
    client.post('/v1/invoices/%s/fulfil' % paid['invoice'], {}).expect(200)
    held = client.authorized(shop='55', metadata=METADATA)
    client.act(held, 'cancel', {}).expect(200, 201)
    client.pay('4000000000000002', shop='55', metadata=METADATA).expect(201)
    return paid


def test_a_receiver_of_the_first_generation(server, merchant, tmp_path):
    name, client = merchant
    public = hookers_key(tmp_path, 1024)
    said = take_over(server, name, tmp_path / 'hooker')
    assert (said.returncode, said.stdout.strip()) == (0, public), said.stderr
    receiver = Receiver(tmp_path, public, x_signature)
    made = client.post('/v1/webhook_endpoints', {
        'url': receiver.sink.url(), 'format': 'hooker-flat', 'rsa_bits': 1024,
        'ordering': 'per_invoice', 'success': '200'}).expect(201)
    assert made['rsa_public_key'] == public
    paid = lives(client)
    until(lambda: not client.get('/v1/webhook_endpoints/' + made['id']).expect(200)['backlog']
          ['count'], 15)
    for body in receiver.taken:
        assert list(body) == [field for field, _ in FIELDS]
        for field, kind in FIELDS:
            assert isinstance(body[field], kind), body
        assert body['status'] in STATUSES[body['event_type']], body
        assert (body['payment_id'] is None) == (body['event_type'] == 'invoice')
        assert body['metadata'] == METADATA and body['shop_id'] == 55
        assert re.fullmatch(r'[A-Z]{3}', body['currency'])
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', body['created_at'])
    told = [(b['event_type'], b['status']) for b in receiver.taken
            if b['invoice_id'] == paid['invoice']]
    assert told == [('invoice', 'unpaid'), ('payment', 'pending'), ('payment', 'processed'),
                    ('payment', 'captured'), ('invoice', 'paid'), ('invoice', 'fulfilled')]
    seen = {(b['event_type'], b['status']) for b in receiver.taken}
    assert seen == {(kind, status) for kind, of in STATUSES.items() for status in of}
    assert len(receiver.taken) == len(receiver.sink.at('/hook'))


def test_a_receiver_of_the_second_generation(server, merchant, tmp_path):
    """Another header, another alphabet, 2048 bits, a body with objects in it."""
    name, client = merchant
    public = hookers_key(tmp_path, 2048)
    assert take_over(server, name, tmp_path / 'pem').stdout.strip() == public
    receiver = Receiver(tmp_path, public, content_signature)
    made = client.post('/v1/webhook_endpoints', {
        'url': receiver.sink.url(), 'format': 'hooker-envelope', 'ordering': 'per_invoice',
        'success': '200'}).expect(201)
    assert made['rsa_public_key'] == public
    paid = lives(client)
    client.post('/v1/payments/%s/refunds' % paid['id'], {'amount': 100}).expect(201)
    until(lambda: not client.get('/v1/webhook_endpoints/' + made['id']).expect(200)['backlog']
          ['count'], 15)
    of_paid = [body for body in receiver.taken if body['invoice']['id'] == paid['invoice']]
    assert [body['eventType'] for body in of_paid] == [
        'InvoiceCreated', 'PaymentStarted', 'PaymentProcessed', 'PaymentCaptured', 'InvoicePaid',
        'InvoiceFulfilled', 'RefundCreated', 'RefundSucceeded']
    assert len({body['eventID'] for body in receiver.taken}) == len(receiver.taken)
    for body in receiver.taken:
        assert body['topic'] == 'InvoicesTopic' and body['occuredAt'].endswith('Z')
        assert body['invoice']['shopID'] == '55' and body['invoice']['metadata'] == METADATA
    assert len(receiver.taken) == len(receiver.sink.at('/hook'))


def weak_endpoints(server):
    """As the doctor counts them."""
    checks = json.loads(purser('doctor', '--data', server.data, '--json').stdout)['checks']
    check, = [check for check in checks if check['name'] == 'webhook keys']
    found = re.search(r'signs for (\d+) of', check['detail'])
    assert (check['status'] == 'warning') == bool(found), check
    return int(found.group(1)) if found else 0


def test_the_doctor_warns_of_short_keys(server, merchant):
    _, client = merchant
    before = weak_endpoints(server)
    wish = {'url': 'http://127.0.0.1:9/', 'format': 'hooker-flat'}
    client.post('/v1/webhook_endpoints', dict(wish, rsa_bits=2048)).expect(201)
    assert weak_endpoints(server) == before
    short = client.post('/v1/webhook_endpoints', dict(wish, rsa_bits=1024)).expect(201)
    assert weak_endpoints(server) == before + 1
    client.delete('/v1/webhook_endpoints/' + short['id']).expect(200)
    assert weak_endpoints(server) == before


def test_a_key_is_taken_over_once_and_whole(server, merchant, tmp_path):
    name, client = merchant
    first = hookers_key(tmp_path, 1024)
    assert take_over(server, name, tmp_path / 'pem').returncode == 0
    assert take_over(server, name, tmp_path / 'hooker').stdout.strip() == first
    assert len(store.run(server.data, 'purser.db', 'SELECT id FROM webhook_keys WHERE merchant ='
                         ' (SELECT id FROM merchants WHERE name = ?)', name)) == 1
    entry, = [entry for entry in client.get('/v1/audit').expect(200)['data']
              if entry['action'] == 'webhook_key.import']
    assert entry['actor'] == 'operator' and entry['about'].startswith('wk_')
    assert entry['detail'] == {'rsa_bits': 1024, 'rsa_public_key': first}
    private = (tmp_path / 'hooker').read_bytes()
    for path, content in server.bytes_on_disk():
        assert private[100:160] not in content, path
    hookers_key(tmp_path, 1024)
    other = take_over(server, name, tmp_path / 'pem')
    assert other.returncode == 1 and 'another key of 1024 bits' in other.stderr
    assert take_over(server, 'nobody', tmp_path / 'pem').returncode == 1
    for text, sentence in [(first, 'must hold a private RSA key'), ('', 'must hold'),
                           (private[:400].decode(), 'must hold')]:
        (tmp_path / 'bad').write_text(text)
        said = take_over(server, name, tmp_path / 'bad')
        assert said.returncode == 2 and sentence in said.stderr, said.stderr
    odd = openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1536')
    (tmp_path / 'bad').write_bytes(odd)
    assert '1536 bits' in take_over(server, name, tmp_path / 'bad').stderr
