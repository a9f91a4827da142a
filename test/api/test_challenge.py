"""3-D Secure in the sandbox: the page of the payer's bank, used as a browser would without
JavaScript: read the form, press a button, follow where it leads."""
import html.parser
import urllib.parse

import pytest

from client import until

NUMBER = '4000002500003155'
SHOP = 'https://shop.example/thanks?order=7'


class Form(html.parser.HTMLParser):
    """The page's form, and what makes it usable for everyone."""

    def __init__(self, page):
        super().__init__()
        self.action, self.method, self.fields, self.buttons = None, 'get', {}, []
        self.tags, self.lang, self.text = [], None, ''
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        if tag == 'html':
            self.lang = given.get('lang')
        if tag == 'form':
            self.action, self.method = given.get('action', ''), given.get('method', 'get').lower()
        if tag == 'input' and given.get('type') == 'hidden':
            self.fields[given['name']] = given['value']
        if tag == 'button':
            self.buttons.append((given.get('name'), given.get('value')))

    def handle_data(self, data):
        self.text += data


class Browser:
    """Follows the URL of a next_action; has no key."""

    def __init__(self, client, payment):
        self.client = client.with_key(None)
        self.url = payment['next_action']['url']
        parts = urllib.parse.urlsplit(self.url)
        assert (parts.hostname, parts.port) == (client.server.host, client.server.port)
        self.path = parts.path + ('?' + parts.query if parts.query else '')

    def page(self):
        answer = self.client.call('GET', self.path)
        assert answer.status == 200, answer.raw
        return Form(answer.raw.decode('utf-8'))

    def press(self, value):
        form = self.page()
        button = next(b for b in form.buttons if b[1] == value)
        where = urllib.parse.urljoin(self.path, form.action or self.path)
        assert form.method == 'post'
        return self.post(urllib.parse.urlsplit(where).path, dict(form.fields, **dict([button])))

    def post(self, path, fields):
        return self.client.call('POST', path, urllib.parse.urlencode(fields).encode(),
                                {'Content-Type': 'application/x-www-form-urlencoded'})


def challenged(client, **members):
    payment = client.pay(NUMBER, **members).expect(201)
    assert payment['status'] == 'requires_action'
    return payment, Browser(client, payment)


def becomes(client, payment, status):
    return until(lambda: next((p for p in [client.read(payment)] if p['status'] == status), None),
                 5, '%s to be %s' % (payment['id'], status))


def test_the_payer_approves(client):
    payment, browser = challenged(client, return_url=SHOP)
    answer = browser.press('approve')
    assert (answer.status, answer.headers['Location']) == (303, SHOP)
    captured = becomes(client, payment, 'captured')
    assert captured['next_action'] is None and captured['amount_captured'] == 1250
    types = [e['type'] for e in client.pages('/v1/payments/%s/events' % payment['id'])]
    assert types == ['payment.created', 'payment.authorizing', 'payment.requires_action',
                     'payment.authorizing', 'payment.authorized', 'payment.capturing',
                     'payment.captured']


def test_the_payer_declines(client):
    payment, browser = challenged(client, return_url=SHOP)
    assert browser.press('decline').headers['Location'] == SHOP
    failed = becomes(client, payment, 'failed')
    assert (failed['failure']['type'], failed['failure']['code']) == ('declined',
                                                                      'authentication_failed')
    assert failed['next_action'] is None


def test_the_page_is_for_everyone(client):
    _, browser = challenged(client, description='Two books <b>& more</b>')
    form = browser.page()
    assert form.lang and 'title' in form.tags and 'h1' in form.tags and 'script' not in form.tags
    assert 'b' not in form.tags and 'Two books <b>& more</b>' in form.text
    assert '12.50' in form.text and 'EUR' in form.text
    assert {value for _, value in form.buttons} == {'approve', 'decline'}


def test_without_a_return_url_the_page_says_how_it_went(client):
    payment, browser = challenged(client)
    answer = browser.press('approve')
    assert urllib.parse.urlsplit(answer.headers['Location']).path == browser.path
    becomes(client, payment, 'captured')
    assert browser.page().buttons == []


def test_the_first_decision_stands(client):
    payment, browser = challenged(client)
    decided = browser.press('approve')
    again = browser.post(browser.path, {'decision': 'decline'})
    assert decided.status == again.status == 303
    assert becomes(client, payment, 'captured')


def test_manual_capture(client):
    payment, browser = challenged(client, capture_method='manual')
    browser.press('approve')
    becomes(client, payment, 'authorized')
    assert client.act(payment, 'capture').expect(200)['status'] == 'captured'


def test_a_cancelled_payment_takes_no_money_when_the_payer_approves_later(client):
    payment, browser = challenged(client)
    assert client.act(payment, 'cancel').expect(200)['status'] == 'cancelled'
    form = browser.page()
    if form.buttons:
        browser.press('approve')
    else:
        browser.post(browser.path, {'decision': 'approve'})
    assert client.read(payment)['status'] == 'cancelled'
    assert client.moved_at_gateway(payment).get('capture') is None


def test_confirm_may_lead_to_a_challenge(client):
    from client import card
    payment = client.pay(None).expect(201)
    waiting = client.act(payment, 'confirm', {'payment_method': card(NUMBER)}).expect(200)
    assert waiting['status'] == 'requires_action'
    Browser(client, waiting).press('approve')
    becomes(client, payment, 'captured')


@pytest.mark.parametrize('token', ['x', 'a' * 128, 'pay_00000000000000000000000000'])
def test_there_is_no_such_challenge(client, token):
    browser = client.with_key(None)
    assert browser.call('GET', '/sandbox/challenge/' + token).status == 404
    answer = browser.call('POST', '/sandbox/challenge/' + token, b'decision=approve',
                          {'Content-Type': 'application/x-www-form-urlencoded'})
    assert answer.status == 404


@pytest.mark.parametrize('body', [b'', b'decision=maybe', b'decision=', b'approve', b'{}'])
def test_what_is_no_decision(client, body):
    payment, browser = challenged(client)
    answer = browser.client.call('POST', browser.path, body,
                                 {'Content-Type': 'application/x-www-form-urlencoded'})
    assert 400 <= answer.status < 500
    assert client.read(payment)['status'] == 'requires_action'
