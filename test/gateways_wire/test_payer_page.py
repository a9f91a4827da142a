"""The payer's page at gateways that take the card themselves: the bank's script with the token of
one order, and a redirect. The payer's browser is played, its script too."""
import json
import os
import re
import urllib.parse

import pytest

from client import until
from payer import Payer

SHOP = 'https://shop.example/thanks'


def open_session(till, **members):
    body = dict({'amount': till.amount(), 'currency': till.currency, 'language': 'en',
                 'gateway_account': till.account_for(members)['id'], 'return_url': SHOP,
                 'description': 'Two cups </script><script>alert(1)</script>'}, **members)
    return till.client.post('/v1/checkout_sessions', body).expect(201)


def begin(till, **members):
    """The payer presses the button: (session, payer, the page after it)."""
    session = open_session(till, **members)
    payer = Payer(till.client, session)
    page = payer.go()
    assert page.fields.keys() == {'website'}, 'no card is asked for'
    page = payer.press(page, 'pay')
    session = till.client.get('/v1/checkout_sessions/' + session['id']).expect(200)
    till.payments.append(session['payment'])
    return session, payer, page


def object_of(page):
    return json.loads(re.search(r'var object = (.*);\n', page.raw).group(1))


def at_the_gateway(sim, method, address, fields=None):
    """What a browser does there; where it leads."""
    where = urllib.parse.urlsplit(address)
    body = urllib.parse.urlencode(fields) if fields else None
    headers = {'Content-Type': 'application/x-www-form-urlencoded'} if fields else {}
    answer = sim.call(method, where.path + ('?' + where.query if where.query else ''), body,
                      headers)
    return answer, answer.headers.get('Location') or answer.headers.get('location')


def comes_back(payer, address, title):
    """Gateways add what they like to the address; it says nothing to us."""
    path = urllib.parse.urlsplit(address).path
    assert path.startswith('/pay/back/cs_')
    return until(lambda: next((p for p in [payer.go(target=path)] if p.title == title), None), 15,
                 title)


def pay_by_script(till, payer, page, action):
    answer, address = at_the_gateway(till.sim, 'POST', till.sim.url + '/payform',
                                     {'object': json.dumps(object_of(page))})
    assert answer.status == 303, answer.body
    return at_the_gateway(till.sim, 'POST', address, {'action': action})[1]


def test_the_banks_script_has_its_token_and_nobody_else(epayment):
    session, payer, page = begin(epayment, language='ru')
    thing = object_of(page)
    token = thing['auth']['access_token']
    assert thing['language'] == 'rus' and thing['backLink'].endswith('/pay/back/' + session['id'])
    assert thing['postLink'] == thing['failurePostLink']
    assert thing['description'].endswith('</script>') and page.raw.count('<script') == 2
    headers = payer.answer.headers
    policy, origin = headers['Content-Security-Policy'], epayment.sim.url
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy).group(1)
    # The bank's script, ours, and the style.
    assert page.raw.count('nonce="%s"' % nonce) == 3
    for directive in ("default-src 'none'", "script-src 'nonce-%s' %s;" % (nonce, origin),
                      "form-action 'self' %s;" % origin, 'frame-src %s;' % origin,
                      'connect-src %s;' % origin, "frame-ancestors 'none'"):
        assert directive in policy, policy
    assert headers['Cache-Control'] == 'no-store' and headers['Referrer-Policy'] == 'no-referrer'
    assert all(token not in link for link in page.links + page.references)
    assert object_of(payer.go())['auth']['access_token'] != token, 'each view has its own'
    server = epayment.client.server
    for folder, _, names in os.walk(server.data):
        for name in names:
            with open(os.path.join(folder, name), 'rb') as file:
                assert token.encode() not in file.read(), name
    with open(server.log_path, 'rb') as log:
        assert token.encode() not in log.read()


@pytest.mark.parametrize('capture,title', [('automatic', 'Paid'), ('manual', 'Approved')])
def test_paid_by_the_banks_script(epayment, capture, title):
    session, payer, page = begin(epayment, capture_method=capture)
    comes_back(payer, pay_by_script(epayment, payer, page, 'approve'), title)
    now = epayment.client.get('/v1/checkout_sessions/' + session['id']).expect(200)
    assert now['status'] == 'paid'


def test_declined_at_the_bank_and_paid_with_another_order(epayment):
    session, payer, page = begin(epayment)
    first = object_of(page)['invoiceId']
    page = comes_back(payer, pay_by_script(epayment, payer, page, 'decline'), 'Your payment')
    assert 'The payment did not go through' in page.text
    page = payer.press(page, 'pay')
    assert object_of(page)['invoiceId'] != first
    comes_back(payer, pay_by_script(epayment, payer, page, 'approve'), 'Paid')
    session = epayment.client.get('/v1/checkout_sessions/' + session['id']).expect(200)
    epayment.payments.append(session['payment'])


def test_the_bank_keeps_the_card_when_the_payer_ticks_the_box(epayment):
    customer = epayment.client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)['id']
    for tick in ({'save': 'yes'}, {}):
        session = open_session(epayment, customer=customer, save_card=True)
        payer = Payer(epayment.client, session)
        page = payer.press(payer.go(), 'pay', **tick)
        thing = object_of(page)
        assert thing['accountId'] == customer and thing.get('cardSave') is (True if tick else None)
        comes_back(payer, pay_by_script(epayment, payer, page, 'approve'), 'Paid')
        session = epayment.client.get('/v1/checkout_sessions/' + session['id']).expect(200)
        epayment.payments.append(session['payment'])
        payment = epayment.client.get('/v1/payments/' + session['payment']).expect(200)
        if not tick:
            assert payment['instrument'] is None
            continue
        kept = until(lambda p=payment: next((i for i in [epayment.client.get(
            '/v1/instruments/' + p['instrument']).expect(200)] if i['status'] == 'active'), None),
            15, 'the card')
        assert kept['customer'] == customer


def test_no_token_no_script(epayment):
    session, payer, page = begin(epayment)
    order = object_of(page)['invoiceId']
    epayment.plan('http_503', 'payment_token', invoice=order)
    page = payer.go()
    assert 'cannot be reached' in page.text and '?' in page.links
    assert page.refresh is None and 'script' not in page.tags
    assert 'object' in payer.go().raw
    payer.press(page, 'leave')
    until(lambda: epayment.client.get('/v1/checkout_sessions/' + session['id']
                                      ).expect(200)['status'] == 'open', 15)


def test_led_to_the_gateways_own_page(hyperswitch):
    session, payer, page = begin(hyperswitch)
    assert page.title == 'One more step' and 'script' not in page.tags
    _, address = at_the_gateway(hyperswitch.sim, 'POST', page.links[0], {'action': 'approve'})
    comes_back(payer, address, 'Paid')
    now = hyperswitch.client.get('/v1/checkout_sessions/' + session['id']).expect(200)
    assert now['status'] == 'paid'
