"""Every page and every end, in two languages, as axe-core, a narrow screen and the dark see it.
With PURSER_PICTURES naming a folder it leaves the pictures of docs/checkout.md there."""
import base64
import os
import struct
import zlib

import pytest

from browser import Browser, until
from payer import Payer
from silent import attempt_is_older, silent_gateway
from test_payer import open_session

CHALLENGED, DECLINED = '4000002500003155', '4000000000000002'
SILENT = '4000000000000259'
# Our language, and what its pages are called.
WORDS = {
    'en': {'card': 'Your payment', 'wrong card': '! Your payment', 'confirm': 'Check and pay',
           'bank': 'One more step', 'waiting': 'Your payment is being processed',
           'checking': 'We do not know yet',
           'paid': 'Paid', 'reserved': 'Approved', 'declined': 'Your payment',
           'cancelled': 'Payment cancelled', 'expired': 'This page has expired',
           'wrong': 'This link does not work', 'receipt': 'Receipt'},
    'kk': {'card': 'Төлеміңіз', 'wrong card': '! Төлеміңіз', 'confirm': 'Тексеріп, төлеңіз',
           'bank': 'Тағы бір қадам', 'waiting': 'Төлем өңделуде',
           'checking': 'Әзірге белгісіз', 'paid': 'Төленді',
           'reserved': 'Мақұлданды', 'declined': 'Төлеміңіз', 'cancelled': 'Төлем тоқтатылды',
           'expired': 'Уақыт бітті', 'wrong': 'Сілтеме жұмыс істемейді',
           'receipt': 'Түбіртек'},
}


def to_card(browser, client, session):
    browser.open(session['url'])


def to_wrong_card(browser, client, session):
    to_card(browser, client, session)
    browser.fill(number='1234', cvc='1')
    browser.press('review')


def to_confirm(browser, client, session):
    to_card(browser, client, session)
    browser.fill()
    browser.press('review')


def to_bank(browser, client, session):
    browser.pay(session['url'], number=CHALLENGED)


def to_waiting(browser, client, session):
    """The page that does not change by itself: the driver says nothing of one that is going."""
    payer = Payer(client, session)
    payer.press(payer.go(), 'pay')
    browser.open(session['url'] + '?still')


def to_checking(browser, client, session):
    to_waiting(browser, client, session)
    payment = client.get('/v1/checkout_sessions/' + session['id']).expect(200)['payment']
    until(lambda: is_doubted(browser, client, session, payment), 'doubt')


def is_doubted(browser, client, session, payment):
    attempt_is_older(client.server, payment, 30000)
    browser.open(session['url'] + '?still')
    return browser.title in [words['checking'] for words in WORDS.values()]


def to_paid(browser, client, session):
    browser.pay(session['url'])


def to_declined(browser, client, session):
    browser.pay(session['url'], number=DECLINED)


def to_cancelled(browser, client, session):
    to_card(browser, client, session)
    browser.press('leave')


def to_expired(browser, client, session):
    client.post('/v1/checkout_sessions/%s/expire' % session['id']).expect(200)
    to_card(browser, client, session)


def to_wrong(browser, client, session):
    browser.open(session['url'] + '0')


def to_receipt(browser, client, session):
    to_paid(browser, client, session)
    browser.follow('a[href$="/receipt"]')


WAYS = {'card': to_card, 'wrong card': to_wrong_card, 'confirm': to_confirm, 'bank': to_bank,
        'waiting': to_waiting,
        'checking': to_checking, 'paid': to_paid, 'reserved': to_paid, 'declined': to_declined,
        'cancelled': to_cancelled, 'expired': to_expired, 'wrong': to_wrong,
        'receipt': to_receipt}
PICTURES = {'card', 'wrong card', 'confirm', 'bank', 'waiting', 'paid', 'declined', 'receipt'}


@pytest.fixture(scope='module')
def silent(client):
    """An account at a gateway that says nothing: what waits there waits."""
    with silent_gateway(client) as account:
        yield account['id']


def go(browser, client, page, language, silent):
    members = {'waiting': {'gateway_account': silent}, 'checking': {'gateway_account': silent},
               'reserved': {'capture_method': 'manual'}}.get(page, {})
    session = open_session(client, language=language, **members)
    browser.driver.execute_cdp_cmd('Network.enable', {})
    browser.driver.execute_cdp_cmd('Network.setExtraHTTPHeaders',
                                   {'headers': {'Accept-Language': language}})
    WAYS[page](browser, client, session)
    browser.comes_to(WORDS[language][page])
    return session


@pytest.mark.parametrize('language', WORDS)
@pytest.mark.parametrize('page', WAYS)
def test_every_page_can_be_used_by_everybody(browser, client, silent, page, language):
    go(browser, client, page, language, silent)
    assert browser.find('html').get_attribute('lang') == language
    assert browser.violations() == []
    browser.dark()
    assert browser.violations() == []
    browser.dark(False)
    browser.size(320, 640)
    assert browser.width_used() <= 320, 'no scrolling sideways at 320 px, which is 400 % zoom'
    assert browser.violations() == []
    assert browser.complaints() == []
    browser.size(480, 760)
    if language == 'en' and page in PICTURES:
        browser.picture('checkout-' + page.replace(' ', '-'))
    browser.size(800, 1000)


@pytest.mark.parametrize('language', WORDS)
@pytest.mark.parametrize('page', WAYS)
def test_every_page_is_whole_without_javascript(plain, client, silent, page, language):
    go(plain, client, page, language, silent)
    assert plain.find('h1').is_displayed()


# Examines the page that goes on at once, while it does; then goes where it can be asked.
EXAMINE = """
if (location.search.indexOf('still') < 0) setTimeout(() => {
    if (document.querySelector('meta[http-equiv=refresh]'))
        axe.run(document, {resultTypes: ['violations']}).then(r => {
            sessionStorage.found = JSON.stringify(r.violations.map(v => v.id));
            location = '?still';
        });
}, 300);
"""


def test_the_page_that_waits_can_be_used_by_everybody(client, silent):
    session = open_session(client, gateway_account=silent)
    with Browser() as browser:
        browser.open(session['url'])
        browser.driver.execute_cdp_cmd('Page.addScriptToEvaluateOnNewDocument',
                                       {'source': browser.axe_script() + EXAMINE})
        browser.find('button[value=pay]').click()
        until(lambda: browser.driver.current_url.endswith('?still'), 'the page that stands still')
        assert browser.driver.execute_script('return sessionStorage.found') == '[]'


def test_the_page_that_waits_goes_on_without_javascript(plain, client):
    session = open_session(client)
    plain.pay(session['url'], number=SILENT)
    plain.comes_to('Paid')


def png(width, height, rgb):
    """A picture of one colour."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))
    rows = (b'\0' + bytes(rgb) * width) * height
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head)
            + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def test_the_merchants_own_look(browser, client):
    client.patch('/v1/checkout_settings', {
        'name': 'Two Cups', 'colour': '#7a1f5c',
        'logo': base64.b64encode(png(96, 32, (122, 31, 92))).decode()}).expect(200)
    try:
        go(browser, client, 'card', 'en', None)
        button = browser.find('button.deed').value_of_css_property('background-color')
        assert button.replace(' ', '') in ('rgba(122,31,92,1)', 'rgb(122,31,92)')
        assert browser.find('img.logo').size['width'] == 96
        assert browser.violations() == [] and browser.complaints() == []
        browser.dark()
        assert browser.violations() == []
        browser.dark(False)
    finally:
        client.patch('/v1/checkout_settings', {'name': None, 'colour': None, 'logo': None})


def test_the_demo_shop_in_one_window(browser, client):
    """The circle of a newcomer: buy, pay, come back, and see what the webhooks are told."""
    url = 'http://%s:%d/demo' % (client.server.host, client.server.port)
    browser.open(url)
    shop = browser.driver.current_window_handle
    browser.find('button').click()
    until(lambda: len(browser.driver.window_handles) == 2, 'a new tab')
    browser.driver.switch_to.window([w for w in browser.driver.window_handles if w != shop][0])
    browser.fill()
    browser.press('review')
    browser.press('pay')
    browser.comes_to('Paid')
    browser.follow('a.go')
    assert 'is paid' in browser.text
    browser.size(640, 640)
    browser.picture('checkout-demo')
    browser.size(800, 1000)
    browser.driver.close()
    browser.driver.switch_to.window(shop)
    browser.driver.switch_to.frame(browser.find('iframe'))
    until(lambda: 'checkout_session.paid' in browser.text, 'the events')
    browser.driver.switch_to.default_content()
    assert browser.violations() == []


def test_the_pictures_are_small():
    folder = os.path.join(os.path.dirname(__file__), '..', '..', 'docs', 'images')
    sizes = {name: os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)}
    assert sizes and max(sizes.values()) < 60000, sizes
