"""A card that the payer lets the shop keep, on the page of a checkout session."""
import pytest

from payer import CARD, SHOP, Payer, open_session, read


def customer_session(client, **members):
    customer = client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)
    return open_session(client, customer=customer['id'], save_card=True, **members), customer


def instrument_of(client, session):
    payment = client.get('/v1/payments/' + read(client, session)['payment']).expect(200)
    assert payment['customer'] == session['customer']
    return payment['instrument']


def test_the_card_is_kept_when_the_payer_ticks_the_box(client):
    session, customer = customer_session(client)
    assert (session['customer'], session['save_card']) == (customer['id'], True)
    payer = Payer(client, session)
    page = payer.go()
    box = page.fields['save']
    assert box['type'] == 'checkbox' and 'checked' not in box
    assert 'Save this card for later payments' in page.text and 'its last four digits' in page.text
    page = payer.press(page, 'review', **dict(CARD, number='1', save='yes'))
    assert 'checked' in page.fields['save'], 'what was said is not asked for again'
    page = payer.press(page, 'review', **dict(CARD, save='yes'))
    assert 'This card will be saved for later payments.' in page.text
    assert payer.press(page, 'pay').title == 'Paid'
    kept = client.get('/v1/instruments/' + instrument_of(client, session)).expect(200)
    assert (kept['status'], kept['customer'], kept['last4']) == ('active', customer['id'], '4242')
    again = client.post('/v1/payments', {
        'amount': 700, 'currency': 'EUR', 'payment_method': {
            'type': 'saved_card', 'instrument': kept['id']}}, prefer='wait=5').expect(201)
    assert again['status'] == 'captured'


def test_the_card_is_not_kept_otherwise(client):
    session, _ = customer_session(client)
    payer = Payer(client, session)
    assert payer.press(payer.review(), 'pay').title == 'Paid'
    assert instrument_of(client, session) is None


@pytest.mark.parametrize('language,asked', [
    ('en', 'Save this card'), ('ru', 'Сохранить карту'), ('kk', 'төлемдер үшін сақтау'),
    ('fr', 'Enregistrer cette carte'), ('de', 'speichern'), ('cy', 'Cadw’r cerdyn hwn')])
def test_the_payer_is_asked_in_their_language(client, language, asked):
    session, _ = customer_session(client, language=language)
    assert asked in Payer(client, session).go().text


def test_nobody_is_asked_unless_the_merchant_wants_it(client):
    customer = client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)
    session = open_session(client, customer=customer['id'])
    payer = Payer(client, session)
    page = payer.go()
    assert session['save_card'] is False and 'save' not in page.fields
    page = payer.press(page, 'review', **dict(CARD, save='yes'))
    assert payer.press(page, 'pay', save='yes').title == 'Paid'
    assert instrument_of(client, session) is None


def test_a_payer_whom_the_merchant_has_deleted_pays_without_a_trace(client):
    session, customer = customer_session(client)
    client.call('DELETE', '/v1/customers/' + customer['id']).expect(200, 204)
    payer = Payer(client, session)
    page = payer.go()
    assert 'save' not in page.fields
    page = payer.press(page, 'review', **dict(CARD, save='yes'))
    assert payer.press(page, 'pay', save='yes').title == 'Paid'
    payment = client.get('/v1/payments/' + read(client, session)['payment']).expect(200)
    assert (payment['customer'], payment['instrument']) == (None, None)


def test_sessions_that_cannot_keep_a_card(client):
    ask = {'amount': 100, 'currency': 'EUR', 'return_url': SHOP, 'save_card': True}
    client.post('/v1/checkout_sessions', ask).refused('validation_failed', 'customer')
    nobody = 'cus_01h455vb4pex5vsknk084sn02q'
    client.post('/v1/checkout_sessions', dict(ask, customer=nobody)
                ).refused('validation_failed', 'customer')
    customer = client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)['id']
    account = client.post('/v1/gateway_accounts', {
        'gateway': 'hyperswitch', 'settings': {'base_url': 'http://127.0.0.1:9'},
        'credentials': {'api_key': 'key_1', 'webhook_key': 'key_2'}}).expect(201)
    client.post('/v1/checkout_sessions', dict(ask, customer=customer,
                                              gateway_account=account['id'])
                ).refused('payment_method_not_supported', 'save_card')
    invoice = client.post('/v1/invoices', {'amount': 100, 'currency': 'EUR'}).expect(201)
    ask = {'invoice': invoice['id'], 'return_url': SHOP, 'customer': customer}
    first = client.post('/v1/checkout_sessions', ask).expect(201)
    assert client.post('/v1/checkout_sessions', ask).expect(200) == first
    client.post('/v1/checkout_sessions', dict(ask, save_card=True)).refused('state_conflict')
