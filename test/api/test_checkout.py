"""Checkout sessions and the payer's page: every way through it and every end, without JavaScript,
and what must not work."""
import base64
import email
import re
import socket
import urllib.parse
import uuid

import pytest

from client import Answer, Client, together, until
from installation import Installation
from payer import CARD, SHOP, Page, Payer, becomes, open_session, payments_of, read
from silent import attempt_is_older, silent_gateway

DECLINED = '4000000000000002'
CHALLENGED = '4000002500003155'
SILENT = '4000000000000259'
SILENT_AND_UNSEEN = '4000000000000267'
PNG = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBg'
                       'AAAABQABh6FO1AAAAABJRU5ErkJggg==')


def events_of(client, session):
    return [e['type'] for e in client.get('/v1/events', limit=100).expect(200)['data']
            if e['checkout_session'] == session['id']]


@pytest.fixture(scope='module', autouse=True)
def silent(client):
    """Two attempts whose answer never comes: begun before all tests, looked at after them."""
    sessions = [open_session(client) for _ in range(2)]
    payers = [Payer(client, session) for session in sessions]
    pages = together(*[lambda p=p, n=n: p.pay(number=n)
                       for p, n in zip(payers, (SILENT, SILENT_AND_UNSEEN))])
    return list(zip(sessions, payers, pages))


def test_a_payer_pays(client):
    session = open_session(client)
    assert session['status'] == 'open' and session['payment'] is None
    payer = Payer(client, session)
    page = payer.go()
    assert page.title == 'Your payment' and page.lang == 'en'
    for text in ('Test mode', 'Cup shop', 'Two cups', '1,250.50\xa0EUR', 'Card security code'):
        assert text in page.text, text
    page = payer.press(page, 'review', **CARD)
    assert page.title == 'Check and pay' and '4242' in page.text
    assert '4242424242424242' not in page.raw and '4242 4242' not in page.raw
    assert payments_of(client, session) == []
    page = payer.press(page, 'pay')
    assert page.title == 'Paid' and page.forms == []
    assert page.links[1:] == ['https://shop.example/thanks?order=7&checkout_session=%s#top'
                              % session['id']]
    session = read(client, session)
    assert session['status'] == 'paid' and [session['payment']] == payments_of(client, session)
    payment = client.get('/v1/payments/' + session['payment']).expect(200)
    assert payment['status'] == 'captured' and payment['payment_method']['last4'] == '4242'
    assert payment['id'] in page.text
    assert events_of(client, session) == ['checkout_session.' + t for t in
                                          ('created', 'processing', 'paid')]


def test_the_page_asks_nobody_else_and_is_kept_by_nobody(client):
    session = open_session(client)
    payer = Payer(client, session)
    page = payer.go()
    headers = payer.answer.headers
    policy = headers['Content-Security-Policy']
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy and 'unsafe' not in policy and 'script' not in policy
    assert headers['Cache-Control'] == 'no-store'
    assert headers['Referrer-Policy'] == 'no-referrer'
    assert headers['X-Content-Type-Options'] == 'nosniff'
    assert set(page.references) == {'?'} and 'script' not in page.tags
    style = payer.call('GET', '/pages/checkout.css')
    assert style.headers['Content-Type'].startswith('text/css')
    assert len(payer.go().raw.encode()) < 60000


def test_what_is_wrong_is_said_beside_the_field(client):
    payer = Payer(client, open_session(client))
    page = payer.press(payer.go(), 'review', number='4242', expiry='13/34', cvc='1')
    assert payer.answer.status == 422 and page.title.startswith('! ')
    assert page.fields['number']['aria-invalid'] == 'true'
    assert page.fields['number']['aria-describedby'] == 'number-fault'
    assert '#number' in page.links and 'Card number' in page.text
    page = payer.press(page, 'review', **dict(CARD, expiry='01/20'))
    assert 'aria-invalid' in page.fields['expiry'] and 'aria-invalid' not in page.fields['number']
    page = payer.press(page, 'review', **dict(CARD, name='4111111111111111'))
    assert 'aria-invalid' in page.fields['name'] and '4111111111111111' not in page.raw


def test_declined_and_paid_with_another_card(client):
    session = open_session(client)
    payer = Payer(client, session)
    page = payer.pay(number=DECLINED)
    assert 'The payment did not go through' in page.text and 'Nothing was taken' in page.text
    assert read(client, session)['status'] == 'open'
    page = payer.press(page, 'review', **CARD)
    assert payer.press(page, 'pay').title == 'Paid'
    session = read(client, session)
    assert session['attempts'] == 2 and len(payments_of(client, session)) == 2
    assert 'checkout_session.attempt_failed' in events_of(client, session)


@pytest.mark.parametrize('decision,title', [('approve', 'Paid'), ('decline', 'Your payment')])
def test_the_bank_asks_the_payer(client, decision, title):
    session = open_session(client)
    payer = Payer(client, session)
    page = payer.pay(number=CHALLENGED)
    assert page.title == 'One more step' and 'Nothing has been taken yet' in page.text
    bank = urllib.parse.urlsplit(page.links[0]).path
    answer = payer.call('POST', bank, {'decision': decision})
    back = urllib.parse.urlsplit(answer.headers['Location'])
    assert back.path == '/pay/back/' + session['id'] and not back.query
    assert payer.go(target=back.path).title == title
    becomes(client, session, 'paid' if decision == 'approve' else 'open')


def test_the_way_back_from_the_bank_is_for_the_browser_that_paid(client):
    session = open_session(client)
    payer = Payer(client, session)
    payer.pay(number=CHALLENGED)
    back = '/pay/back/' + session['id']
    assert payer.go('POST', back).title == 'Your payment is being processed'
    stranger = Payer(client, session)
    assert stranger.go(target=back).title == 'This link does not work'
    assert stranger.answer.status == 404


def test_the_payer_turns_back(client):
    session = open_session(client, cancel_url='https://shop.example/basket')
    payer = Payer(client, session)
    page = payer.press(payer.go(), 'leave')
    assert page.title == 'Payment cancelled'
    assert page.links == ['https://shop.example/basket?checkout_session=' + session['id']]
    assert read(client, session)['status'] == 'cancelled'
    invoice = client.get('/v1/invoices/' + session['invoice']).expect(200)
    assert invoice['status'] == 'cancelled'


def test_the_payer_turns_back_from_the_bank(client):
    session = open_session(client)
    payer = Payer(client, session)
    payer.press(payer.pay(number=CHALLENGED), 'leave')
    becomes(client, session, 'open')
    assert 'leave' in payer.go().buttons()


def test_the_money_is_reserved(client):
    session = open_session(client, capture_method='manual')
    assert Payer(client, session).pay().title == 'Approved'
    assert read(client, session)['status'] == 'paid'


# --- twice, late, from elsewhere ---

def test_two_presses_are_one_payment(client):
    session = open_session(client)
    payers = [Payer(client, session) for _ in range(4)]
    pages = [payer.review() for payer in payers]
    ends = together(*[lambda i=i: payers[i].press(pages[i], 'pay') for i in range(4)])
    assert {page.title for page in ends} == {'Paid'}
    assert len(payments_of(client, session)) == 1


def test_going_back_and_pressing_again_pays_nothing(client):
    session = open_session(client)
    payer = Payer(client, session)
    card_page = payer.go()
    confirmation = payer.press(card_page, 'review', **CARD)
    assert payer.press(confirmation, 'pay').title == 'Paid'
    assert payer.press(confirmation, 'pay').title == 'Paid'
    assert payer.press(card_page, 'review', **CARD).title == 'Paid'
    assert payer.press(card_page, 'leave').title == 'Paid'
    assert len(payments_of(client, session)) == 1


def test_a_confirmation_is_good_for_one_attempt(client):
    session = open_session(client)
    payer = Payer(client, session)
    old = payer.review(number=DECLINED)
    payer.press(old, 'pay')
    assert payer.press(old, 'pay').title == 'Your payment'
    # Nor with the new page's proof: what was sealed is bound to the old one.
    fields = dict(payer.go().forms[0]['hidden'], card=old.forms[0]['hidden']['card'], do='pay')
    assert payer.go('POST', fields=fields).title == 'Your payment'
    assert len(payments_of(client, session)) == 1


def test_a_card_that_was_sealed_for_another_session_pays_nothing(client):
    first, second = open_session(client), open_session(client)
    card = Payer(client, first).review().forms[0]['hidden']['card']
    payer = Payer(client, second)
    fields = dict(payer.go().forms[0]['hidden'], card=card, do='pay')
    assert payer.go('POST', fields=fields).title == 'Your payment'
    assert payments_of(client, second) == []


@pytest.mark.parametrize('change', [{'form': ''}, {'form': '0-' + 32 * '0'}, {'website': 'x'},
                                    {'card': ''}, {'card': 'AAAA'}, {'do': 'give'}])
def test_a_form_that_was_not_shown_does_nothing(client, change):
    session = open_session(client)
    payer = Payer(client, session)
    fields = dict(payer.review().forms[0]['hidden'], do='pay')
    assert payer.go('POST', fields=dict(fields, **change)).title == 'Your payment'
    assert payments_of(client, session) == []


def test_another_site_cannot_press(client):
    session = open_session(client)
    page = Payer(client, session).review()
    foreign = Payer(client, session, Sec_Fetch_Site='cross-site')
    assert foreign.press(page, 'pay').title == 'Your payment'
    assert payments_of(client, session) == []


def test_a_body_that_is_no_form(client):
    payer = Payer(client, open_session(client))
    assert payer.call('POST', payer.path, {'a': '\0'}).status == 400


def test_it_ends_when_the_merchant_says_so(client):
    session = open_session(client)
    payer = Payer(client, session)
    confirmation = payer.review()
    path = '/v1/checkout_sessions/' + session['id']
    assert client.post(path + '/expire').expect(200)['status'] == 'expired'
    assert payer.go().title == 'This page has expired'
    assert payer.press(confirmation, 'pay').title == 'This page has expired'
    assert payments_of(client, session) == []
    client.post(path + '/cancel').refused('state_conflict')
    other = open_session(client)
    path = '/v1/checkout_sessions/' + other['id']
    assert client.post(path + '/cancel').expect(200)['status'] == 'cancelled'
    client.post(path + '/expire').refused('state_conflict')


def test_nobody_ends_it_while_an_attempt_is_under_way(client):
    session = open_session(client)
    Payer(client, session).pay(number=CHALLENGED)
    path = '/v1/checkout_sessions/' + session['id']
    for deed in ('/expire', '/cancel'):
        client.post(path + deed).refused('operation_in_progress')
        client.post(path + deed, {'x': 1}).refused('unknown_member')
        client.post('/v1/checkout_sessions/cs_01h455vb4pex5vsknk084sn02q' + deed
                    ).refused('not_found')


def test_links_that_are_wrong(client):
    session = open_session(client)
    payer = Payer(client, session)
    changed = payer.path[:-1] + ('0' if payer.path[-1] != '0' else '1')
    for path in (changed, '/pay/x', '/pay/' + session['id'], payer.path + '0'):
        for method, fields in (('GET', None), ('POST', {'do': 'pay'})):
            answer = payer.call(method, path, fields)
            assert answer.status == 404
            assert Page(answer.raw.decode()).title == 'This link does not work'


def test_who_tries_too_often_has_to_wait(client):
    payer = Payer(client, open_session(client))
    first = payer.call('POST', payer.path, {'do': 'x'})
    assert first.status == 303
    until(lambda: payer.call('POST', payer.path, {'do': 'x'}).status == 429, 20, pause_s=0)
    assert int(payer.answer.headers['Retry-After']) >= 1
    assert Page(payer.answer.raw.decode()).title == 'Too many tries'
    until(lambda: payer.call('GET', payer.path).status == 429, 20, pause_s=0)
    for method, fields in (('GET', None), ('POST', {})):
        # A try may have come back meanwhile.
        until(lambda: payer.call(method, '/pay/back/x', fields).status == 429, 20, pause_s=0)
    until(lambda: payer.call('GET', payer.path + '/receipt').status == 429, 20, pause_s=0)
    payer.source = ('127.2.0.1', 0)
    assert payer.call('GET', payer.path).status == 200


# --- languages ---

@pytest.mark.parametrize('language,title,amount', [
    ('en', 'Your payment', '1,250.50\xa0EUR'), ('ru', 'Ваш платёж', '1\xa0250,50\xa0EUR'),
    ('kk', 'Төлеміңіз', '1\xa0250,50\xa0EUR'), ('fr', 'Votre paiement', '1\u202f250,50\xa0EUR'),
    ('de', 'Ihre Zahlung', '1.250,50\xa0EUR'), ('cy', 'Eich taliad', '1,250.50\xa0EUR')])
def test_it_speaks_the_payers_language(client, language, title, amount):
    page = Payer(client, open_session(client, language=language)).go()
    assert (page.lang, page.title) == (language, title) and amount in page.text
    asks = Payer(client, open_session(client, language=None),
                 Accept_Language='xx, %s-XX;q=0.8, en' % language)
    assert asks.go().lang == language


# --- the API ---

def test_the_same_key_gives_the_same_session(client):
    body = {'amount': 100, 'currency': 'EUR', 'return_url': SHOP}
    key = str(uuid.uuid4())
    first = client.post('/v1/checkout_sessions', body, key=key).expect(201)
    again = client.post('/v1/checkout_sessions', body, key=key)
    assert again.expect(201) == first and again.headers['Idempotent-Replayed'] == 'true'
    assert first['url'].startswith('http://%s:%d/pay/cs_' % (client.server.host,
                                                                     client.server.port))


def test_an_invoice_has_one_page(client):
    invoice = client.post('/v1/invoices', {'amount': 100, 'currency': 'EUR'}).expect(201)

    def ask(**members):
        body = dict({'invoice': invoice['id'], 'return_url': SHOP}, **members)
        return client.post('/v1/checkout_sessions', body)
    first = ask().expect(201)
    assert ask().expect(200) == first
    ask(language='fr').refused('state_conflict')
    Payer(client, first).pay()
    ask().refused('state_conflict')
    client.post('/v1/checkout_sessions', {'invoice': 'inv_01h455vb4pex5vsknk084sn02q',
                                          'return_url': SHOP}).refused('not_found')


def test_an_invoice_paid_elsewhere_is_not_paid_again(client):
    invoice = client.post('/v1/invoices', {'amount': 100, 'currency': 'EUR'}).expect(201)
    session = client.post('/v1/checkout_sessions', {'invoice': invoice['id'], 'return_url': SHOP,
                                                    'language': 'en'}).expect(201)
    payer = Payer(client, session)
    confirmation = payer.review()
    client.pay(amount=100, invoice=invoice['id']).expect(201)
    assert read(client, session)['status'] == 'paid'
    assert payer.press(confirmation, 'pay').title == 'Paid'
    assert len(payments_of(client, session)) == 1


@pytest.mark.parametrize('change,param', [
    ({'amount': 0}, 'amount'), ({'currency': None}, 'amount'), ({'language': 'xx'}, 'language'),
    ({'return_url': 'ftp://x'}, 'return_url'), ({'return_url': None}, 'return_url'),
    ({'expires_in_minutes': 0}, 'expires_in_minutes'),
    ({'expires_in_minutes': 43201}, 'expires_in_minutes'),
    ({'invoice': 'inv_01h455vb4pex5vsknk084sn02q'}, 'invoice'),
    ({'gateway_account': 'ga_01h455vb4pex5vsknk084sn02q'}, 'gateway_account')])
def test_what_is_refused(client, change, param):
    body = {'amount': 100, 'currency': 'EUR', 'return_url': SHOP}
    body.update(change)
    body = {n: v for n, v in body.items() if v is not None}
    answer = client.post('/v1/checkout_sessions', body)
    assert answer.json['param'] == param and answer.status == 422


def test_it_is_its_merchants(client, stranger):
    session = open_session(client)
    stranger.get('/v1/checkout_sessions/' + session['id']).refused('not_found')
    stranger.post('/v1/checkout_sessions/%s/expire' % session['id']).refused('not_found')


# --- settings ---

def test_the_merchants_own_look_and_origins(server, contract):
    server.merchant('tea')
    tea = Client(server, server.key(merchant='tea'), contract)
    empty = tea.get('/v1/checkout_settings').expect(200)
    assert (empty['name'], empty['origins'], empty['updated_at']) == (None, [], None)
    set_ = tea.call('PATCH', '/v1/checkout_settings', {
        'name': 'Tea & Co', 'colour': '#1a4fa0', 'logo': base64.b64encode(PNG).decode(),
        'origins': ['https://Shop.Example:443', 'http://localhost:3000']}).expect(200)
    assert set_['origins'] == ['https://shop.example', 'http://localhost:3000']
    assert tea.get('/v1/checkout_settings').expect(200) == set_
    tea.post('/v1/gateway_accounts', {'gateway': 'sandbox', 'is_default': True}).expect(201)
    session = open_session(tea)
    payer = Payer(tea, session)
    page = payer.go()
    policy = payer.answer.headers['Content-Security-Policy']
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert len(nonce) == 32 and 'nonce="%s"' % nonce in page.raw and 'img-src data:' in policy
    assert 'Tea & Co' in page.text and '#1a4fa0' in page.raw and 'data:image/png' in page.raw
    payer.go()
    assert nonce not in payer.answer.headers['Content-Security-Policy']
    open_session(tea, return_url='http://localhost:3000/x')
    for url in ('https://shop.example.evil.test/', 'https://evil.test', 'http://shop.example/',
                'https://shop.example@evil.test/', 'https://shop.example:8443/',
                'https://evil.test\\@shop.example/'):
        answer = tea.post('/v1/checkout_sessions', {'amount': 1, 'currency': 'EUR',
                                                    'return_url': url})
        answer.refused('validation_failed', 'return_url')
    tea.post('/v1/checkout_sessions', {'amount': 1, 'currency': 'EUR', 'return_url': SHOP,
                                       'cancel_url': 'https://evil.test'}
             ).refused('validation_failed', 'cancel_url')
    cleared = tea.call('PATCH', '/v1/checkout_settings', {'logo': None, 'name': None}).expect(200)
    assert (cleared['logo'], cleared['name'], cleared['colour']) == (None, None, '#1a4fa0')


@pytest.mark.parametrize('change,param', [
    ({'colour': '#ffff00'}, 'colour'), ({'colour': 'blue'}, 'colour'), ({'logo': 'AAAA'}, 'logo'),
    ({'logo': 'x'}, 'logo'), ({'origins': ['https://shop.example/x']}, 'origins'),
    ({'origins': ['http://shop.example']}, 'origins'), ({'origins': ['*.example']}, 'origins'),
    ({'origins': ['https://*.example']}, 'origins'), ({'origins': [7]}, 'origins'),
    ({'origins': ['https://a%d.example' % i for i in range(21)]}, 'origins'), ({'x': 1}, 'x')])
def test_settings_that_are_refused(client, change, param):
    answer = client.call('PATCH', '/v1/checkout_settings', change)
    assert answer.status == 422 and answer.json['param'] == param


def test_live_payers_are_sent_to_registered_origins_only(live):
    ask = {'amount': 1, 'currency': 'EUR', 'return_url': 'https://shop.example'}
    live.post('/v1/checkout_sessions', ask).refused('validation_failed', 'return_url')
    live.call('PATCH', '/v1/checkout_settings', {'origins': ['http://localhost']}
              ).refused('validation_failed', 'origins')
    live.call('PATCH', '/v1/checkout_settings', {'origins': ['https://shop.example']}).expect(200)
    live.post('/v1/checkout_sessions', ask).refused('no_gateway_account')


# --- receipts ---

def test_a_receipt_for_the_payer_and_for_the_merchant(client):
    session = open_session(client, reference='order-7', language='de')
    payer = Payer(client, session)
    assert payer.call('GET', payer.path + '/receipt').status == 404
    paid = payer.pay()
    assert paid.links[0] == payer.path + '/receipt'
    payment = read(client, session)['payment']
    number = '-'.join(re.findall('.{1,4}', payment.split('_')[1].upper()))
    page = payer.go(target=paid.links[0])
    for text in ('Quittung', number, '1.250,50\xa0EUR', 'order-7', '4242', 'Two cups'):
        assert text in page.text, text
    assert 'Erstattung' not in page.text
    at = '/v1/payments/%s' % payment
    client.post(at + '/refunds', {'amount': 25050}, prefer='wait=20').expect(201)
    page = payer.go(target=paid.links[0])
    assert '250,50\xa0EUR' in page.text and '1.000,00\xa0EUR' in page.text
    answer = client.get(at + '/receipt', language='kk')
    assert answer.status == 200 and number in answer.raw.decode()
    assert Page(answer.raw.decode()).lang == 'kk'
    pdf = client.get(at + '/receipt', language='kk', format='pdf')
    assert pdf.headers['Content-Type'] == 'application/pdf'
    assert pdf.raw.startswith(b'%PDF-') and b'/FontFile2' in pdf.raw and len(pdf.raw) < 150000
    assert client.get(at + '/receipt', language='kk', format='pdf').raw == pdf.raw
    assert payer.call('GET', paid.links[0] + '?format=pdf').raw.startswith(b'%PDF-')


def test_receipts_that_there_are_none_of(client, stranger):
    payment = client.captured()
    at = '/v1/payments/%s/receipt' % payment['id']
    stranger.get(at).refused('not_found')
    client.get('/v1/payments/%s/receipt' % client.authorized()['id']).refused('not_found')
    client.get(at, format='doc').refused('validation_failed', 'format')
    client.get(at, language='xx').refused('validation_failed', 'language')
    client.get(at, x=1).refused('unknown_member', 'x')
    payer = Payer(client, open_session(client))
    assert payer.call('GET', payer.path + '/receipt?format=doc').status == 422
    assert payer.call('GET', '/pay/x/receipt').status == 404


# --- the demo shop ---

def test_the_demo_shop_is_there_where_it_is_wanted_only(client):
    anyone = client.with_key(None)
    for method, path in (('GET', '/demo'), ('POST', '/demo'), ('GET', '/demo/events')):
        anyone.call(method, path).refused('not_found')


def test_the_demo_shop_shows_the_whole_way(tmp_path, contract):
    shop = Installation(tmp_path / 'data').start('--demo', 'on')
    try:
        anyone = Client(shop, None, contract)
        assert 'Nothing yet' in anyone.get('/demo/events').raw.decode()
        bought = anyone.call('POST', '/demo')
        assert bought.status == 303
        payer = Payer(anyone, {'url': bought.headers['Location']}, Accept_Language='en')
        page = payer.pay()
        assert page.title == 'Paid'
        back = urllib.parse.urlsplit(page.links[1])
        assert (back.path, back.port) == ('/demo', shop.port)
        assert '</code> is <strong>paid<' in anyone.call('GET', '/demo?' + back.query).raw.decode()
        events = anyone.get('/demo/events').raw.decode()
        for told in ('checkout_session.created', 'payment.captured', 'checkout_session.paid',
                     'invoice.paid', '&quot;amount_captured&quot;:1250'):
            assert told in events, told
        anyone.get('/demo', checkout_session='cs_1').refused('not_found')
    finally:
        assert shop.stop() == 0


# --- last, because it takes its time ---

def test_an_outcome_that_is_not_known_is_not_guessed(client, silent):
    for _, _, page in silent:
        assert page.title == 'Your payment is being processed' and page.refresh == '0;url=?wait'
        assert 'do not pay again' in page.text and page.forms == []
    _, payer, page = silent[0]
    assert payer.path + '?wait' == urllib.parse.urljoin(payer.path, page.refresh.split('=')[1])
    page = payer.go(target=payer.path + '?wait')
    assert page.title == 'Paid', 'one request, answered when there is news'


def test_a_page_that_does_not_change_by_itself(client):
    payer = Payer(client, open_session(client))
    payer.pay(number=CHALLENGED)
    page = payer.go(target=payer.path + '?returned&still')
    assert page.refresh is None and 'does not change by itself' in page.text
    assert '?returned&still' in page.links and '?returned&' in page.links
    page = payer.go(target=payer.path + '?returned')
    assert page.refresh == '0;url=?returned&wait' and '?returned&still' in page.links


def test_after_a_while_we_say_that_we_do_not_know(server, client):
    with silent_gateway(client) as account:
        session = open_session(client, gateway_account=account['id'])
        payer = Payer(client, session)
        page = payer.press(payer.go(), 'pay')
        assert page.title == 'Your payment is being processed'
        page = until(lambda: next((p for p in [look_later(server, client, session, payer)]
                                   if p.title == 'We do not know yet'), None), 20, 'doubt')
        assert 'Do not pay again' in page.text and page.forms == []
        assert page.refresh == '0;url=?wait' and '?still' in page.links
        assert payer.go(target=payer.path + '?still').refresh is None


def test_a_node_that_stops_leaves_the_page_in_the_browser(tmp_path, contract):
    home = Installation(tmp_path / 'data').start()
    client = Client(home, home.key(), contract)
    payer = Payer(client, open_session(client))
    payer.pay(number=CHALLENGED)
    held = payer.path + '?returned&wait'
    # Two in one: when the first is answered, the second is held.
    both = ''.join('GET %s HTTP/1.1\r\nHost: x\r\n\r\n' % t for t in ('/healthz', held))
    with socket.create_connection((home.host, home.port), 20) as connection:
        connection.sendall(both.encode())
        said = connection.recv(4096)
        assert said.startswith(b'HTTP/1.1 200 ')
        assert home.stop() == 0
        while more := connection.recv(4096):
            said += more
    head, _, body = said[said.index(b'HTTP/1.1 204 '):].partition(b'\r\n\r\n')
    headers = email.message_from_string(head.decode().partition('\r\n')[2])
    contract.check('GET', held, {}, b'', Answer(204, headers, body))


def look_later(server, client, session, payer):
    """The page as if the attempt had been begun half a minute earlier."""
    attempt_is_older(server, read(client, session)['payment'], 30000)
    return payer.go()


def test_an_account_that_takes_nothing_now(client):
    account = client.post('/v1/gateway_accounts', {'gateway': 'sandbox'}).expect(201)
    session = open_session(client, gateway_account=account['id'])
    payer = Payer(client, session, Accept_Language='de')
    confirmation = payer.review()
    at = '/v1/gateway_accounts/' + account['id']
    client.patch(at, {'disabled': True}).expect(200)
    page = payer.press(confirmation, 'pay')
    assert (payer.answer.status, page.title) == (503, 'Im Moment nicht möglich')
    assert page.refresh is None and '?' in page.links and 'Retry-After' in payer.answer.headers
    client.patch(at, {'disabled': False}).expect(200)
    assert payer.press(confirmation, 'pay').title == 'Paid'


def test_an_attempt_that_the_bank_never_saw_may_be_repeated(client, silent):
    session, payer, _ = silent[1]
    becomes(client, session, 'open', 25)
    assert payer.pay().title == 'Paid'
