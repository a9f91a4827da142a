"""Hyperswitch from end to end, when nothing goes wrong."""
import http.client


def test_paid_on_their_page(hyperswitch):
    payment = hyperswitch.create()
    assert payment['status'] == 'requires_action' and payment['next_action']['type'] == 'redirect'
    assert payment['next_action']['url'].startswith(hyperswitch.sim.url + '/payment_link/')
    hyperswitch.pay(payment)
    paid = hyperswitch.comes_to(payment, 'captured', seconds=10)
    assert paid['amount_captured'] == payment['amount'] and paid['next_action'] is None
    assert hyperswitch.agree(paid) == {'authorize': (1, paid['amount']),
                                       'capture': (1, paid['amount'])}


def test_the_page_is_there(hyperswitch):
    url = hyperswitch.create()['next_action']['url']
    page = http.client.HTTPConnection(hyperswitch.sim.address)
    page.request('GET', url.removeprefix(hyperswitch.sim.url))
    assert page.getresponse().status == 200
    page.close()


def test_declined_on_their_page(hyperswitch):
    payment = hyperswitch.create()
    hyperswitch.pay(payment, 'decline')
    declined = hyperswitch.comes_to(payment, 'failed')
    assert declined['failure']['code'] == 'card_declined', declined
    assert hyperswitch.agree(declined) == {}


def test_a_saved_card(hyperswitch):
    payment = hyperswitch.create(hyperswitch.saved)
    assert hyperswitch.comes_to(payment, 'captured')['amount_captured'] == payment['amount']


def test_captured_by_hand(hyperswitch):
    payment = hyperswitch.authorized()
    assert hyperswitch.agree(payment) == {'authorize': (1, payment['amount'])}
    hyperswitch.act(payment, 'capture')
    hyperswitch.comes_to(payment, 'captured')
    assert hyperswitch.agree(payment)['capture'] == (1, payment['amount'])


def test_a_part_is_captured(hyperswitch):
    payment = hyperswitch.authorized()
    hyperswitch.act(payment, 'capture', {'amount': 400})
    assert hyperswitch.comes_to(payment, 'captured')['amount_captured'] == 400
    assert hyperswitch.agree(payment)['capture'] == (1, 400)


def test_cancelled(hyperswitch):
    payment = hyperswitch.authorized()
    hyperswitch.act(payment, 'cancel')
    hyperswitch.comes_to(payment, 'cancelled')
    assert hyperswitch.agree(payment)['void'] == (1, payment['amount'])


def test_cancelled_before_the_payer_came(hyperswitch):
    payment = hyperswitch.create()
    hyperswitch.act(payment, 'cancel')
    hyperswitch.comes_to(payment, 'cancelled')
    assert hyperswitch.pay(payment) != {} and hyperswitch.agree(payment) == {}


def test_refunded_in_parts(hyperswitch):
    payment = hyperswitch.captured()
    for amount in (300, payment['amount'] - 300):
        hyperswitch.comes_to(hyperswitch.refund(payment, amount), 'succeeded')
    assert hyperswitch.agree(payment)['refund'] == (2, payment['amount'])
