"""A client of the API that reads as documentation.

    payment = client.pay(amount=1250).expect(201)
    client.post('/v1/payments/%s/refunds' % payment['id'], {'amount': 250}).expect(201)
    client.pay(amount=-1).refused('validation_failed', 'amount')

Every exchange is checked against the contract (contract.py).
"""
import http.client
import json
import threading
import time
import urllib.parse
import uuid

from contract import Breach, parse_json

APPROVED = '4242424242424242'
TIMEOUT_S = 45


def card(number=APPROVED, **changes):
    """A payment method with a sandbox card; a member changed to None is left out."""
    details = dict(number=number, exp_month=12, exp_year=2034, cvc='123')
    details.update(changes)
    return {'type': 'card', 'card': {k: v for k, v in details.items() if v is not None}}


def until(question, seconds, what='it', pause_s=0.05):
    """Asks until the answer is true, and returns it; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, '%s did not happen within %s s' % (what, seconds)
        time.sleep(pause_s)


def together(*calls):
    """Runs the calls at the same time, each in a thread; their results, or the first failure."""
    results, failures = [None] * len(calls), []
    ready = threading.Barrier(len(calls))

    def run(index):
        try:
            ready.wait()
            results[index] = calls[index]()
        except BaseException as error:      # reported by the test's own thread, below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self):
        return parse_json(self.raw)

    def expect(self, *statuses):
        """The body, when the answer has one of these statuses."""
        said = self.raw.decode('utf-8', 'replace')
        assert self.status in statuses, '%d: %s' % (self.status, said)
        return self.json

    def refused(self, code, param=None):
        """The problem, when the answer is this refusal; `param` when it is about one member."""
        assert self.status >= 400, '%d, not %s: %s' % (self.status, code, self.raw)
        problem = self.json
        assert problem['code'] == code, problem
        if param is not None:
            assert problem['param'] == param, problem
        return problem


class Client:
    def __init__(self, server, key, contract):
        self.server, self.key, self.contract = server, key, contract

    def with_key(self, key):
        return Client(self.server, key, self.contract)

    def call(self, method, target, body=None, headers=None):
        """One exchange. `body` is an object, bytes to send as they are, or None."""
        sent = {}
        if self.key is not None:
            sent['Authorization'] = 'Bearer ' + self.key
        if body is not None:
            sent['Content-Type'] = 'application/json'
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode('utf-8')
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = http.client.HTTPConnection(self.server.host, self.server.port,
                                                timeout=TIMEOUT_S)
        try:
            connection.request(method, target, body, sent)
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()
        self.contract.check(method, target, sent, body, answer)
        return answer

    def get(self, path, **query):
        if query:
            path += '?' + urllib.parse.urlencode(query)
        return self.call('GET', path)

    def post(self, path, body=None, key=None, prefer=None, headers=None):
        """A POST with a fresh Idempotency-Key, unless `key` gives one (False: none at all)."""
        given = {'Prefer': prefer}
        if key is not False:
            given['Idempotency-Key'] = key or str(uuid.uuid4())
        given.update(headers or {})
        return self.call('POST', path, body, given)

    def patch(self, path, body):
        return self.call('PATCH', path, body)

    def delete(self, path):
        return self.call('DELETE', path)

    def pay(self, number=APPROVED, key=None, prefer='wait=20', **members):
        """POST /v1/payments with a sandbox card; a member given as None is left out."""
        body = {'amount': 1250, 'currency': 'EUR'}
        if number is not None:
            body['payment_method'] = card(number)
        body.update(members)
        return self.post('/v1/payments', {k: v for k, v in body.items() if v is not None},
                         key=key, prefer=prefer)

    def captured(self, **members):
        payment = self.pay(**members).expect(201)
        assert payment['status'] == 'captured', payment
        return payment

    def authorized(self, **members):
        payment = self.pay(capture_method='manual', **members).expect(201)
        assert payment['status'] == 'authorized', payment
        return payment

    def act(self, payment, action, body=None, key=None, prefer='wait=20'):
        """POST /v1/payments/{id}/{action}"""
        return self.post('/v1/payments/%s/%s' % (payment['id'], action), body, key, prefer)

    def read(self, thing):
        """The object as it is now."""
        return self.get('/v1/%ss/%s' % (thing['object'], thing['id'])).expect(200)

    def settles(self, thing, seconds=15, passing=None):
        """The object, once nothing is under way with it (nor is it in the state `passing`)."""
        open_ones = ('created', 'authorizing', 'requires_action', 'capturing', 'cancelling',
                     'pending')

        def settled():
            now = self.read(thing)
            return now if now['status'] not in (*open_ones, passing) else None
        return until(settled, seconds, '%s to settle' % thing['id'])

    def moved_at_gateway(self, payment):
        """What the sandbox's own ledger says was done for a payment: {kind: amount}."""
        operations = self.get('/v1/payments/%s/operations' % payment['id']).expect(200)['data']
        return self.server.moved_at_gateway(operations[0]['reference'])

    def pages(self, path, **query):
        """All objects of a list, page by page."""
        items, seen = [], set()
        while True:
            page = self.get(path, **query).expect(200)
            items += page['data']
            if page['next_cursor'] is None:
                return items
            if page['next_cursor'] in seen:
                raise Breach('%s: the cursor %s came twice' % (path, page['next_cursor']))
            seen.add(page['next_cursor'])
            query['after' if path == '/v1/events' else 'cursor'] = page['next_cursor']
