"""Sixty-four threads at once against the same payment, over the wire: whoever is first, the gateway
never sees more than one may do, and books and ledger are the same at the end.

PURSER_RACES says how many rounds each race has at each gateway (1)."""
import os
import time
import uuid

import both_books
from client import together, until

ROUNDS = int(os.environ.get('PURSER_RACES', '1'))
THREADS = 64
TRIES = 6
PART = 3000
WHOLE = 10000


def insist(client, path, body):
    """The same request again while another is under way, a few times; its last answer."""
    key = str(uuid.uuid4())
    for _ in range(TRIES):
        answer = client.post(path, body, key=key, prefer='wait=5')
        if answer.status != 409 and answer.status != 503:
            break
        time.sleep(0.02)
    assert answer.status in (200, 201, 202, 409, 412, 422, 503), answer.raw
    return answer


def paid(place, till, capture):
    """A payment of a card that the gateway keeps."""
    payment = till.create(till.saved, amount=WHOLE, capture_method=capture)
    return till.comes_to(payment, 'captured' if capture == 'automatic' else 'authorized')


def agree(place, till, payment):
    """Nothing is under way, and the ledger says the same."""
    until(lambda: payment['id'] not in both_books.under_way(place.data), 30, 'the end')
    return till.agree(payment)


def each_round(place):
    for till in place.tills:
        for _ in range(ROUNDS):
            yield till


def spread(place, count=THREADS):
    """A node for each thread, in turns."""
    return [place.clients[i % len(place.clients)] for i in range(count)]


def test_refunds_never_exceed_the_capture(place):
    for till in each_round(place):
        payment = paid(place, till, 'automatic')
        path = '/v1/payments/%s/refunds' % payment['id']
        answers = together(*[lambda client=client: insist(client, path, {'amount': PART})
                             for client in spread(place)])
        moved = agree(place, till, payment)
        count, total = moved['refund']
        taken = [answer for answer in answers if answer.status in (201, 202)]
        assert count == len(taken) and total == count * PART <= WHOLE, (moved, len(taken))


def test_of_capture_and_cancel_one_is_done(place):
    for till in each_round(place):
        payment = paid(place, till, 'manual')
        together(*[lambda client=client, action=('capture', 'cancel')[i % 2]:
                   insist(client, '/v1/payments/%s/%s' % (payment['id'], action), {})
                   for i, client in enumerate(spread(place))])
        moved = agree(place, till, payment)
        assert ('capture' in moved) + ('void' in moved) == 1, moved
        ended = till.comes_to(payment, 'captured', 'cancelled')
        assert (ended['status'] == 'captured') == ('capture' in moved)


def test_one_key_makes_one_payment(place):
    for till in each_round(place):
        key = str(uuid.uuid4())
        body = {'amount': WHOLE, 'currency': till.currency, 'payment_method': till.saved,
                'gateway_account': till.account_for({})['id']}
        answers = together(*[lambda client=client: client.post('/v1/payments', body, key=key,
                                                               prefer='wait=10')
                             for client in spread(place)])
        made = {answer.json['id'] for answer in answers if answer.status in (201, 202)}
        assert len(made) == 1, [answer.raw for answer in answers]
        assert {answer.status for answer in answers} <= {201, 202, 409}
        bodies = {answer.raw for answer in answers if answer.status == 201}
        assert len(bodies) <= 1, bodies
        moved = agree(place, till, {'object': 'payment', 'id': made.pop()})
        assert moved == {'authorize': (1, WHOLE), 'capture': (1, WHOLE)}


def test_notifications_and_questions_take_the_money_once(place):
    """The payer pays on the gateway's page; notifications come more than once, and everybody
    reads, so that the gateway is asked from all sides."""
    for till in each_round(place):
        payment = till.comes_to(till.create(amount=WHOLE), 'requires_action')
        till.plan('notification_duplicate', 'notification', members={'times': 0},
                  **till.match(payment))
        readers = [lambda client=client: client.get('/v1/payments/' + payment['id'])
                   for client in spread(place, THREADS - 1)]
        together(*readers, lambda: till.pay(payment))
        till.comes_to(payment, 'captured')
        assert agree(place, till, payment) == {'authorize': (1, WHOLE), 'capture': (1, WHOLE)}
        sent = [line['status'] for line in
                place.sim.wait_for('notification', 2, reference=till.reference(payment))]
        assert 200 in sent, sent


def test_both_books_are_the_same_in_the_end(place):
    """Of all that was done above, and nothing that a gateway should have refused was asked for."""
    left = both_books.settle(place.data, 30)
    assert not left, left
    assert both_books.differences(place.data, place.sim, True) == []
    for till in place.tills:
        till.check()
