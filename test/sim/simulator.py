"""The real purser-sim, a client of it, and a receiver of what it sends."""
import http.client
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 10
ONE_STEP = '00000000-0000-4000-8000-000000000001'
TWO_STEP = '00000000-0000-4000-8000-000000000002'
API_KEY = 'snd_sim_key'
HASH_KEY = b'sim_payment_response_hash_key'


def binary():
    return os.path.abspath(os.environ.get('PURSER_SIM', os.path.join(ROOT, 'build/purser-sim')))


def help_text():
    return subprocess.run([binary(), '--help'], capture_output=True, text=True, check=True).stdout


def table(title):
    """The first words of the lines below a heading of --help."""
    lines = help_text().split(title, 1)[1].split('\n\n', 1)[0].split('\n')[1:]
    return [line.split() for line in lines if line.strip()]


class Dropped(Exception):
    """The connection was closed without a whole answer."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Simulator:
    def __init__(self, folder, *options):
        self.ledger_file = os.path.join(folder, 'ledger.jsonl')
        self.process = subprocess.Popen(
            [binary(), '--listen', '127.0.0.1:0', '--ledger', self.ledger_file, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if ' on http://' not in line:
            raise RuntimeError(line + self.process.stderr.read())
        self.url = line.split(' on ')[1].strip()
        self.address = self.url.removeprefix('http://')

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode in (0, -signal.SIGKILL), errors

    # HTTP.

    def call(self, method, path, body=None, headers=None, timeout=PATIENCE_S):
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        except (http.client.RemoteDisconnected, http.client.IncompleteRead,
                ConnectionError) as trouble:
            raise Dropped(repr(trouble)) from trouble
        finally:
            connection.close()

    def sim(self, path, **members):
        """The control API: POST with members, else GET."""
        if members:
            return self.call('POST', '/sim/' + path, json.dumps(members)).json
        return self.call('GET', '/sim/' + path).json

    def reset(self):
        assert self.call('POST', '/sim/reset').json == {'ok': True}

    def plan(self, fault, **members):
        answer = self.sim('plan', fault=fault, **members)
        assert answer.get('rule'), answer
        return answer['rule']

    def ledger(self, kind=None, **query):
        if kind:
            query['kind'] = kind
        return self.sim('ledger?' + urllib.parse.urlencode(query))['entries']

    def effects(self, reference=None):
        """(kind, minor units, by) of what happened to money."""
        lines = self.ledger('authorize,capture,void,refund,refund_reversed',
                            **({'reference': reference} if reference else {}))
        return [(line['kind'], line['amount'], line['by']) for line in lines]

    def last_reply(self):
        return [line for line in self.sim('requests')['requests']
                if line['kind'] == 'reply'][-1]

    def wait_for(self, kind, count, **query):
        """The ledger's lines of that kind, once there are so many."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            lines = self.ledger(kind, **query)
            if len(lines) >= count:
                return lines
            time.sleep(0.02)
        raise AssertionError(f'no {count} lines {kind}: {lines}')


class Epay:
    """What purser is to the bank."""

    def __init__(self, simulator, terminal=ONE_STEP):
        self.simulator, self.terminal = simulator, terminal
        self.count = 100000
        self.token = self.login()

    def token_request(self, **fields):
        values = {'grant_type': 'client_credentials', 'scope': 'payment', 'client_id': 'sim',
                  'client_secret': 'sim-secret', 'terminal': self.terminal, **fields}
        values = {name: value for name, value in values.items() if value is not None}
        return self.simulator.call('POST', '/oauth2/token', urllib.parse.urlencode(values),
                                   {'Content-Type': 'application/x-www-form-urlencoded'})

    def login(self, **fields):
        return self.token_request(**fields).json['access_token']

    def order(self, amount='100', currency='KZT', **fields):
        """(invoice, the token's whole answer)."""
        self.count += 1
        invoice = fields.pop('invoiceID', f'{self.count:09}')
        answer = self.token_request(invoiceID=invoice, amount=amount, currency=currency, **fields)
        assert answer.status == 200, answer.body
        return invoice, answer.json

    def paid(self, amount='100', action='approve', **fields):
        """(invoice, its transaction) after the payer acted."""
        invoice, _ = self.order(amount, **fields)
        return invoice, self.pay(invoice, action)['transaction']

    def pay(self, invoice, action, **members):
        return self.simulator.sim('pay', gateway='epayment', invoice=invoice, action=action,
                                  **members)

    def get(self, path, token=None):
        return self.simulator.call('GET', path, headers=bearer(token or self.token))

    def post(self, path, body=None, token=None):
        return self.simulator.call('POST', path, body and json.dumps(body),
                                   {**bearer(token or self.token),
                                    'Content-Type': 'application/json'})

    def status(self, invoice):
        return self.get('/check-status/payment/transaction/' + invoice).json

    def state(self, invoice):
        return self.status(invoice)['transaction']['statusName']

    def operation(self, tx, name, query='', body=None):
        return self.post(f"/operation/{tx['id']}/{name}{query}", body)

    def card(self, account='client-1'):
        """A card that was saved with a payment."""
        invoice, _ = self.order()
        return self.pay(invoice, 'approve', save_card=True)['transaction']['cardID']

    def pay_by_card(self, card, price='50', **members):
        invoice, token = self.order(price)
        body = {'amount': float(price), 'currency': 'KZT', 'terminalId': self.terminal,
                'invoiceId': invoice, 'paymentType': 'cardId', 'cardId': {'id': card}, **members}
        return invoice, self.post('/payments/cards/auth', body, token['access_token'])


def bearer(token):
    return {'Authorization': 'Bearer ' + token}


class Hyper:
    """What purser is to Hyperswitch."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.count = 0

    def call(self, method, path, body=None, key=API_KEY):
        return self.simulator.call(method, path, body if body is None else json.dumps(body),
                                   {'api-key': key, 'Content-Type': 'application/json'})

    def new_id(self, prefix='pay'):
        self.count += 1
        return f'{prefix}_{self.count:026}'

    def create(self, amount=1000, **members):
        body = {'amount': amount, 'currency': 'EUR', 'payment_id': self.new_id(), **members}
        return self.call('POST', '/payments', body)

    def paid(self, amount=1000, **members):
        answer = self.create(amount, confirm=True, payment_token='token_1', **members)
        assert answer.status == 200, answer.body
        return answer.json

    def get(self, payment_id, query=''):
        return self.call('GET', f'/payments/{payment_id}{query}')

    def refund(self, payment_id, amount=None, **members):
        body = {'payment_id': payment_id, 'refund_id': self.new_id('ref'), **members}
        if amount is not None:
            body['amount'] = amount
        return self.call('POST', '/refunds', body)


class Receiver:
    """A purser that takes callbacks and webhooks: it keeps them, and answers as it is told."""

    def __init__(self):
        receiver = self
        self.got = []               # (path, headers, raw body)
        self.statuses = []          # for the next ones; 200 when empty
        self.hook = None            # called with each before it is answered

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):      # noqa: N802, its name is the library's
                body = self.rfile.read(int(self.headers['Content-Length']))
                receiver.got.append((self.path, dict(self.headers), body))
                if receiver.hook:
                    receiver.hook(body)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}/notify'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def wait(self, count):
        end = time.monotonic() + PATIENCE_S
        while len(self.got) < count and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.got) >= count, self.got
        return [json.loads(body) for _, _, body in self.got]

    def end(self):
        self.server.shutdown()
        self.server.server_close()
