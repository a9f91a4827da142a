"""Load for a server that is about to be killed: what it answered, and what it left unanswered."""
import http.client
import json
import random
import threading
import time
import uuid

CARDS = ['4242424242424242'] * 8 + ['5555555555554444', '4000000000000002', '4000000000000119',
                                    '4000000000000341', '4000000000005126', '4000000000000259',
                                    '4000000000000267', '4000000000000275', '4000000000000309',
                                    '4000000000000317']
MONEY_ROUTES = ('capture', 'cancel', 'refunds')


class Request:
    """One intended request: repeated with the same key and bytes until it is answered."""

    def __init__(self, target, body):
        self.target, self.key = target, str(uuid.uuid4())
        self.body = json.dumps(body).encode()


def card(seeded):
    return {'type': 'card', 'card': {'number': seeded.choice(CARDS), 'exp_month': 12,
                                     'exp_year': 2034, 'cvc': '123'}}


def create(seeded, customer=None):
    if customer and seeded.random() < 0.1:
        return Request('/v1/instruments', {'customer': customer, 'currency': 'EUR',
                                           'payment_method': card(seeded)})
    kept = {'customer': customer, 'save_card': True} if customer and seeded.random() < 0.3 else {}
    return Request('/v1/payments', {
        'amount': seeded.randint(100, 99999), 'currency': 'EUR',
        'capture_method': seeded.choice(['automatic', 'automatic', 'manual']),
        'payment_method': card(seeded), **kept})


def use_card(seeded, instrument):
    """A saved card is charged, or forgotten."""
    if seeded.random() < 0.5:
        return Request('/v1/instruments/%s/deactivate' % instrument, {})
    return Request('/v1/payments', {
        'amount': seeded.randint(100, 99999), 'currency': 'EUR',
        'payment_method': {'type': 'saved_card', 'instrument': instrument}})


def follow_up(seeded, payment):
    """What a merchant may do next with it, or None."""
    if payment['save_card'] and seeded.random() < 0.5:
        return use_card(seeded, payment['instrument'])
    if not payment['actions']:
        return None
    action = seeded.choice(payment['actions'])
    body = {}
    if action == 'refund':
        body = {'amount': seeded.randint(1, payment['amount_refundable'])}
    elif action == 'capture' and seeded.random() < 0.3:
        body = {'amount': seeded.randint(1, payment['amount'])}
    target = 'refunds' if action == 'refund' else action
    return Request('/v1/payments/%s/%s' % (payment['id'], target), body)


class Worker(threading.Thread):
    """Pays, captures, cancels, refunds, keeps and forgets cards until the server is gone."""

    def __init__(self, server, key, seed, unanswered, seconds):
        super().__init__(daemon=True)
        self.server, self.key, self.seeded = server, key, random.Random(seed)
        self.unanswered, self.answered = list(unanswered), []
        self.end = time.monotonic() + seconds
        self.surprises = []
        self.customer = None

    def send(self, connection, request):
        connection.request('POST', request.target, request.body, {
            'Authorization': 'Bearer ' + self.key, 'Content-Type': 'application/json',
            'Idempotency-Key': request.key, 'Prefer': 'wait=%d' % self.seeded.choice([0, 1, 1, 5])})
        reply = connection.getresponse()
        body = json.loads(reply.read())
        if reply.status in (200, 201, 202):
            self.answered.append(body)
            return body
        if reply.status not in (409, 412, 422, 503):
            self.surprises.append('%d %s' % (reply.status, body))
        return None

    def next_request(self, last):
        if self.unanswered:
            return self.unanswered.pop()
        request = None
        kind = last.get('object') if last else None
        if kind == 'customer':
            self.customer = last['id']
        if kind == 'payment' and self.seeded.random() < 0.7:
            request = follow_up(self.seeded, last)
        if kind == 'instrument' and self.seeded.random() < 0.7:
            request = use_card(self.seeded, last['id'])
        return request or create(self.seeded, self.customer)

    def run(self):
        last = request = None
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=20)
        try:
            request = Request('/v1/customers', {})
            last, request = self.send(connection, request), None
            while time.monotonic() < self.end:
                request = self.next_request(last)
                last = self.send(connection, request)
                request = None
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            connection.close()
        if request:
            self.unanswered.append(request)
