"""kill -9 at random moments under load, while two gateways are paid at over the wire: what was
acknowledged is there, and the gateways' ledger and the books are the same.

PURSER_KILLS says how often (8 in all); PURSER_SETTLE_S for how long the end is waited for. What
a node had committed and not sent when it died is proven absent after the gateway's visibility
window only, two minutes or ten: a short run leaves it open, and holds that nothing was done.
PURSER_SEED repeats a run's decisions."""
import os
import random
import time

import both_books
from load import Request, Worker, follow_up
from test_crash import check_acknowledged, keep

KILLS = int(os.environ.get('PURSER_KILLS', '8'))
SETTLE_S = int(os.environ.get('PURSER_SETTLE_S', '3'))
IS_LONG = SETTLE_S > 600
WORKERS = 8


class Payer(Worker):
    """Pays with cards that the gateways keep."""

    def __init__(self, ways, *arguments):
        super().__init__(*arguments)
        self.ways = ways

    def next_request(self, last):
        if self.unanswered:
            return self.unanswered.pop()
        request = None
        if last and last['object'] == 'payment' and self.seeded.random() < 0.8:
            request = follow_up(self.seeded, last)
        return request or self.create()

    def create(self):
        way = self.seeded.choice(self.ways)
        return Request('/v1/payments', {'amount': self.seeded.randint(100, 999) * 100, **way})


def ways_of(place):
    hyperswitch, epayment = place.hyperswitch, place.epayment
    return [
        {'currency': 'EUR', 'payment_method': hyperswitch.saved, 'capture_method': capture,
         'gateway_account': hyperswitch.made['id']} for capture in ('automatic', 'manual')
    ] + [
        {'currency': 'KZT', 'payment_method': epayment.saved, 'capture_method': capture,
         'gateway_account': account['id']}
        for capture, account in (('automatic', epayment.sale), ('manual', epayment.hold))]


def loaded(place, seeded, unanswered):
    """Load on all nodes, and kill -9 of one in the middle of it. Returns who was there."""
    workers = []
    for i in range(WORKERS):
        node = place.nodes[i % len(place.nodes)]
        workers.append(Payer(ways_of(place), node, place.key, seeded.random(),
                             unanswered[i::WORKERS], 30))
    for worker in workers:
        worker.start()
    time.sleep(seeded.expovariate(1 / 0.25))
    victim = seeded.choice(place.nodes)
    victim.process.kill()
    victim.process.wait()
    for worker in workers:
        worker.end = 0
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive() and not worker.surprises, worker.surprises
    victim.start()
    return workers


def settle(place):
    """Until nothing is under way, or only what stays so; nobody lends a hand."""
    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end and both_books.differences(place.data, place.sim, True):
        time.sleep(1)
    return both_books.under_way(place.data)


def test_kill_9_over_the_wire(place):
    seed = int(os.environ.get('PURSER_SEED', random.SystemRandom().randint(1, 10**9)))
    print('PURSER_SEED=%d' % seed)
    seeded = random.Random(seed)
    acknowledged, unanswered = {}, []
    for _ in range(KILLS // 2):
        workers = loaded(place, seeded, unanswered)
        unanswered = [request for worker in workers for request in worker.unanswered]
        fresh = {}
        for worker in workers:
            keep(acknowledged, worker.answered)
            keep(fresh, worker.answered)
        check_acknowledged(seeded.choice(place.nodes), place.key,
                           {name: acknowledged[name] for name in fresh})
    left = settle(place)
    check_acknowledged(place.first, place.key, acknowledged)
    found = both_books.differences(place.data, place.sim, IS_LONG)
    assert not found, '%d differences: %s' % (len(found), found[:5])
    sums, _ = both_books.ledger(place.sim)
    assert len(sums) > KILLS // 2
    print('%d kills, %d payments, %d acknowledged answers kept, %d payments left waiting'
          % (KILLS // 2, len(both_books.payments(place.data)), len(acknowledged), len(left)))
