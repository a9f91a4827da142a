"""Where payments are made: purser's API on one side, the simulator's control API on the other.

A till remembers the payments that were made with it, and compares purser's books with the
simulator's ledger at the end.
"""
import itertools
import threading

from client import until
from simulator import API_KEY, HASH_KEY, ONE_STEP, TWO_STEP

PATIENCE_S = 15
OPEN = ('created', 'authorizing', 'capturing', 'cancelling', 'pending')


def every_or_each(calls, faults, every):
    """Each fault with every call; or each once, the calls taking turns."""
    if every:
        return [(call, fault) for call in calls for fault in faults]
    return [(calls[place % len(calls)], fault) for place, fault in enumerate(faults)]


class Till:
    gateway = None
    calls = {}          # the simulator's names of the calls, where they are not ours
    saved = None        # a payment method that takes money without a payer
    refund_question = None      # the simulator's name of a question about a refund

    def __init__(self, client, sim):
        self.client, self.sim = client, sim
        self.numbers = itertools.count(1001)
        self.lock = threading.Lock()
        self.payments = []
        self.rules = []     # of the simulator's plan, that must have struck by the end

    def amount(self):
        """One that no other payment of the run has, so that a plan can name it."""
        with self.lock:
            return next(self.numbers) * self.unit

    def account(self, credentials, settings, **members):
        return self.client.post('/v1/gateway_accounts', {
            'gateway': self.gateway, 'credentials': credentials, 'settings': settings,
            **members}).expect(201)

    def create(self, method=None, **members):
        body = {'amount': self.amount(), 'currency': self.currency,
                'payment_method': method or {'type': 'gateway_page'},
                'gateway_account': self.account_for(members)['id'], **members}
        payment = self.client.post('/v1/payments', body, prefer='wait=5').expect(201, 202)
        with self.lock:
            self.payments.append(payment['id'])
        return payment

    def account_for(self, members):
        raise NotImplementedError

    def plan(self, fault, call, **match):
        """A fault for one payment only: at least one of `match` says which."""
        members = match.pop('members', {})
        return self.sim.plan(fault, gateway=self.gateway, call=self.calls.get(call, call),
                             match=match, **members)

    def leave_open(self, payment):
        """The test has looked at it; it is not expected to agree in the end."""
        self.payments.remove(payment['id'])

    def must_strike(self, rule):
        with self.lock:
            self.rules.append(rule)

    def comes_to(self, thing, *statuses, seconds=PATIENCE_S):
        """The object, once it is in one of these states."""
        last = []

        def there():
            last[:] = [self.client.read(thing)]
            return last[0] if last[0]['status'] in statuses else None
        try:
            return until(there, seconds, str(statuses), pause_s=0.1)
        except AssertionError as error:
            raise AssertionError('%s: %s\n%s' % (error, last[0], self.story(thing))) from None

    def comes_to_rest(self, thing, seconds=PATIENCE_S):
        def rests():
            now = self.client.read(thing)
            return now if now['status'] not in OPEN else None
        return until(rests, seconds, '%s to rest' % thing['id'], pause_s=0.1)

    def story(self, thing):
        payment = thing if thing['object'] == 'payment' else {'id': thing['payment']}
        return self.client.get('/v1/payments/%s/operations' % payment['id']).expect(200)['data']

    def moved(self, payment):
        """What the gateway did: {kind: (how often, sum)}; nothing that it should have refused."""
        lines = self.sim.ledger('authorize,capture,void,refund,refund_reversed',
                                reference=self.reference(payment))
        assert not [line for line in lines if line.get('wrong')], lines
        moved = {}
        for line in lines:
            count, total = moved.get(line['kind'], (0, 0))
            moved[line['kind']] = (count + 1, total + line['amount'])
        return moved

    def authorized(self, **members):
        payment = self.create(capture_method='manual', **members)
        self.pay(payment)
        return self.comes_to(payment, 'authorized')

    def captured(self, **members):
        payment = self.create(**members)
        self.pay(payment)
        return self.comes_to(payment, 'captured')

    def act(self, payment, action, body=None):
        return self.client.act(payment, action, body, prefer='wait=1').expect(200, 201, 202)

    def refund(self, payment, amount):
        return self.client.act(payment, 'refunds', {'amount': amount},
                               prefer='wait=1').expect(201, 202)

    def strike(self, call, fault, members, asked, **match):
        """The call goes wrong, no notification tells of it, and the first question goes wrong too
        when `asked` says how: (fault, members)."""
        name = 'saved' if call == 'authorize' else call
        self.must_strike(self.plan(fault, name, members=members, **match))
        self.plan('notification_none', 'notification', members={'times': 0}, **match)
        if asked:
            question = self.refund_question if call == 'refund' else 'enquire'
            self.must_strike(self.plan(asked[0], question, members=asked[1], **match))

    def fail(self, call, fault, members, part=None, asked=None):
        """Makes a payment whose `call` goes wrong; returns the payment, and what has to come to an
        end: the payment or its refund."""
        if call == 'authorize':
            amount = self.amount()
            self.strike(call, fault, members, asked, amount=amount // self.unit)
            payment = self.create(self.saved, amount=amount)
            return payment, payment
        payment = self.captured() if call == 'refund' else self.authorized()
        self.strike(call, fault, members, asked, **self.match(payment))
        if call == 'refund':
            return payment, self.refund(payment, part or payment['amount'])
        return payment, self.act(payment, call)

    def tell(self, faults):
        """Payments on the gateway's page, each with a fault of all its notifications."""
        payments = {}
        for fault, members in faults.items():
            payment = self.create()
            self.must_strike(self.plan(fault, 'notification', **self.match(payment),
                                       members={'times': 0, **members}))
            self.pay(payment)
            payments[fault] = payment
        return payments

    def reference(self, payment):
        raise NotImplementedError

    def agree(self, payment):
        """Purser's amounts of a payment are those of the simulator's ledger. (I1)"""
        now, moved = self.client.read(payment), self.moved(payment)
        ours = {'capture': now['amount_captured'], 'refund': now['amount_refunded']}
        theirs = {kind: moved.get(kind, (0, 0))[1] for kind in ours}
        assert ours == theirs, (now, moved, self.story(now))
        for kind in ('authorize', 'capture', 'void'):
            assert moved.get(kind, (0, 0))[0] <= 1, (kind, moved)
        if now['status'] in ('cancelled', 'failed'):
            held = moved.get('authorize', (0, 0))[1] - moved.get('void', (0, 0))[1]
            assert held == 0, (now, moved)
        return moved

    def check(self):
        """All payments of the run agree, and all that was planned to go wrong did."""
        for payment in self.payments:
            self.agree({'object': 'payment', 'id': payment})
        used = {rule['rule'] for rule in self.sim.sim('plan')['rules'] if rule['used']}
        assert set(self.rules) <= used, sorted(set(self.rules) - used)


class HyperswitchTill(Till):
    gateway, currency, unit = 'hyperswitch', 'EUR', 1
    calls = {'saved': 'payment_create', 'capture': 'payment_capture',
             'cancel': 'payment_cancel', 'refund': 'refund_create', 'enquire': 'payment_get'}
    refund_question = 'refund_get'
    credentials = {'api_key': API_KEY, 'webhook_key': HASH_KEY.decode()}
    saved = {'type': 'saved_card', 'token': 'cus_1:pm_2'}

    def __init__(self, client, sim):
        super().__init__(client, sim)
        self.made = self.account(self.credentials, {'base_url': sim.url + '/hyperswitch'})
        sim.sim('settings', webhook_url='http://%s:%d/v1/notifications/hyperswitch/%s' % (
            client.server.host, client.server.port, self.made['id']))

    def account_for(self, members):
        return self.made

    def reference(self, payment):
        operations = self.story(payment)
        first = [one for one in operations if one['kind'] == 'authorize'][0]
        return 'pay_' + first['id'].removeprefix('op_')

    def pay(self, payment, action='approve'):
        return self.sim.sim('pay', gateway=self.gateway, action=action,
                            payment_id=self.reference(payment))

    def match(self, payment):
        return {'payment_id': self.reference(payment)}


class EpaymentTill(Till):
    """Two accounts, because the terminal decides whether the money is held or taken. They share
    the bank's order numbers, so one counts from elsewhere."""

    gateway, currency, unit = 'epayment', 'KZT', 100
    calls = {'saved': 'card_pay', 'capture': 'charge', 'enquire': 'status'}
    refund_question = 'status'
    credentials = {'client_id': 'sim', 'client_secret': 'sim-secret',
                   'notify_secret': 'wire-notify-secret'}

    def __init__(self, client, sim):
        super().__init__(client, sim)
        self.sale = self.terminal(ONE_STEP, 'sale', 100001)
        self.hold = self.terminal(TWO_STEP, 'separate', 500001)
        self.saved = None

    def save_card(self):
        """A payer pays and leaves a card behind."""
        payment = self.create()
        paid = self.sim.sim('pay', gateway=self.gateway, action='approve', save_card=True,
                            invoice=self.reference(payment))
        self.saved = {'type': 'saved_card', 'token': paid['transaction']['cardID']}

    def terminal(self, terminal, capture, first):
        base = self.sim.url + '/epayment'
        return self.account(
            {**self.credentials, 'terminal': terminal},
            {'oauth_url': base + '/oauth2/token', 'api_url': base, 'capture': capture,
             'page_url': self.sim.url + '/payform/payment-api.js', 'reference_from': first})

    def account_for(self, members):
        if 'gateway_account' in members:
            return {'id': members['gateway_account']}
        return self.hold if members.get('capture_method') == 'manual' else self.sale

    def reference(self, payment):
        first = [one for one in self.story(payment) if one['kind'] == 'authorize'][0]
        return first['reference']

    def pay(self, payment, action='approve'):
        return self.sim.sim('pay', gateway=self.gateway, action=action,
                            invoice=self.reference(payment))

    def match(self, payment):
        return {'invoice': self.reference(payment)}
