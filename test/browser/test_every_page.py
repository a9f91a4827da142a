"""Every page and every end, in two languages, as axe-core, a narrow screen and the dark see it.
With PURSER_PICTURES naming a folder it leaves the pictures of docs/checkout.md there."""
import os

import pytest
from selenium.webdriver.common.keys import Keys

from browser import Browser, until
from payer import Payer
from silent import attempt_is_older, silent_gateway
from test_payer import open_session

CHALLENGED, DECLINED = '4000002500003155', '4000000000000002'
SILENT = '4000000000000259'
# Our language, and what its pages are called.
WORDS = {
    'en': {'card': 'Your payment', 'wrong card': '! Your payment', 'confirm': 'Check and pay',
           'save': 'Check and pay', 'gateway': 'Your payment', 'bank': 'One more step',
           'waiting': 'Your payment is being processed', 'checking': 'We do not know yet',
           'paid': 'Paid', 'already paid': 'Paid', 'reserved': 'Approved',
           'declined': 'Your payment', 'bank declined': 'Your payment',
           'cancelled': 'Payment cancelled', 'expired': 'This page has expired',
           'away': 'Not possible just now', 'wrong': 'This link does not work',
           'receipt': 'Receipt', 'refunded': 'Receipt'},
    'kk': {'card': 'Төлеміңіз', 'wrong card': '! Төлеміңіз', 'confirm': 'Тексеріп, төлеңіз',
           'save': 'Тексеріп, төлеңіз', 'gateway': 'Төлеміңіз', 'bank': 'Тағы бір қадам',
           'waiting': 'Төлем өңделуде', 'checking': 'Әзірге белгісіз',
           'paid': 'Төленді', 'already paid': 'Төленді', 'reserved': 'Мақұлданды',
           'declined': 'Төлеміңіз', 'bank declined': 'Төлеміңіз',
           'cancelled': 'Төлем тоқтатылды', 'expired': 'Уақыт бітті',
           'away': 'Қазір мүмкін емес', 'wrong': 'Сілтеме жұмыс істемейді',
           'receipt': 'Түбіртек', 'refunded': 'Түбіртек'},
}
SAYS = {'declined': ('The payment did not go through', 'Төлем өтпеді'),
        'bank declined': ('The payment did not go through', 'Төлем өтпеді'),
        'refunded': ('Paid after refunds', 'Қайтарудан кейінгі сома'),
        'save': ('will be saved for later payments', 'үшін сақталады'),
        'checking': ('Do not pay again', 'Қайта төлемеңіз')}


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


def to_save(browser, client, session):
    to_card(browser, client, session)
    assert not browser.find('#save').is_selected()
    browser.find('#save').click()
    browser.fill()
    browser.press('review')


def to_away(browser, client, session):
    to_confirm(browser, client, session)
    at = '/v1/gateway_accounts/' + session['gateway_account']
    client.patch(at, {'disabled': True}).expect(200)
    browser.press('pay')


def to_already_paid(browser, client, session):
    payer = Payer(client, session)
    payer.pay()
    browser.open(session['url'])


def to_bank_declined(browser, client, session):
    to_bank(browser, client, session)
    browser.follow('a.go')
    browser.follow('button[value=decline]')


def to_refunded(browser, client, session):
    to_already_paid(browser, client, session)
    payment = client.get('/v1/checkout_sessions/' + session['id']).expect(200)['payment']
    client.post('/v1/payments/%s/refunds' % payment, {'amount': 250}, prefer='wait=20').expect(201)
    browser.follow('a[href$="/receipt"]')


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


WAYS = {'card': to_card, 'wrong card': to_wrong_card, 'confirm': to_confirm, 'save': to_save,
        'gateway': to_card, 'bank': to_bank, 'waiting': to_waiting, 'checking': to_checking,
        'paid': to_paid, 'already paid': to_already_paid, 'reserved': to_paid,
        'declined': to_declined, 'bank declined': to_bank_declined, 'cancelled': to_cancelled,
        'expired': to_expired, 'away': to_away, 'wrong': to_wrong, 'receipt': to_receipt,
        'refunded': to_refunded}
PICTURES = {'card', 'wrong card', 'confirm', 'bank', 'waiting', 'checking', 'paid', 'declined',
            'refunded'}


@pytest.fixture(scope='module')
def silent(client):
    """An account at a gateway that says nothing: what waits there waits."""
    with silent_gateway(client) as account:
        yield account['id']


def members_of(client, page, silent):
    """What a session is made with, so that it can come to that page."""
    if page in ('waiting', 'checking', 'gateway'):
        return {'gateway_account': silent}
    if page == 'reserved':
        return {'capture_method': 'manual'}
    if page == 'away':
        account = client.post('/v1/gateway_accounts', {'gateway': 'sandbox'}).expect(201)
        return {'gateway_account': account['id']}
    if page == 'save':
        customer = client.post('/v1/customers', {'name': 'Aigerim S.'}).expect(201)
        return {'customer': customer['id'], 'save_card': True}
    return {}


def go(browser, client, page, language, silent):
    session = open_session(client, language=language, **members_of(client, page, silent))
    browser.driver.execute_cdp_cmd('Network.enable', {})
    browser.driver.execute_cdp_cmd('Network.setExtraHTTPHeaders',
                                   {'headers': {'Accept-Language': language}})
    WAYS[page](browser, client, session)
    browser.comes_to(WORDS[language][page])
    for said in SAYS.get(page, ('', ''))[list(WORDS).index(language):][:1]:
        assert said in browser.text
    return session


def everything_is_reached_by_keyboard(browser):
    """In the order of the page, and the focus can be seen; nothing holds it."""
    wanted = browser.driver.find_elements(
        'css selector', 'a, button, input:not([type=hidden]):not([tabindex="-1"])')
    browser.driver.execute_script('document.activeElement.blur(); window.scrollTo(0, 0);')
    for element in wanted:
        browser.keys(Keys.TAB)
        focused = browser.driver.switch_to.active_element
        assert focused == element, focused.get_attribute('outerHTML')
        assert focused.value_of_css_property('outline-style') == 'solid'


@pytest.mark.parametrize('language', WORDS)
@pytest.mark.parametrize('page', WAYS)
def test_every_page_can_be_used_by_everybody(browser, client, silent, page, language):
    go(browser, client, page, language, silent)
    assert browser.find('html').get_attribute('lang') == language
    assert browser.violations() == []
    browser.dark()
    assert browser.violations() == []
    if (language, page) == ('en', 'save'):
        browser.size(480, 760)
        browser.picture('checkout-dark')
    browser.dark(False)
    browser.size(320, 640)
    assert browser.width_used() <= 320, 'no scrolling sideways at 320 px, which is 400 % zoom'
    assert browser.violations() == []
    everything_is_reached_by_keyboard(browser)
    assert [c for c in browser.complaints() if '503' not in c or page != 'away'] == []
    browser.size(480, 760)
    if language == 'en' and page in PICTURES:
        browser.picture('checkout-' + page.replace(' ', '-'))
    browser.size(800, 1000)


@pytest.mark.parametrize('language', WORDS)
@pytest.mark.parametrize('page', WAYS)
def test_every_page_is_whole_without_javascript(plain, client, silent, page, language):
    go(plain, client, page, language, silent)
    assert plain.find('h1').is_displayed() and plain.find('html').get_attribute('dir') == 'ltr'


# Examines the page that goes on at once, while it does; then goes where it can be asked.
EXAMINE = """
const again = location.search.indexOf('still') < 0 && setInterval(() => {
    if (!document.querySelector('a[href*=still]')) return;
    clearInterval(again);
    if (document.querySelector('meta[http-equiv=refresh]'))
        axe.run(document, {resultTypes: ['violations']}).then(r => {
            sessionStorage.found = JSON.stringify(r.violations.map(v => v.id));
            location = '?still';
        });
}, 100);
"""


def test_the_page_that_waits_can_be_used_by_everybody(client, silent):
    session = open_session(client, gateway_account=silent)
    with Browser() as browser:
        browser.open(session['url'])
        browser.driver.execute_cdp_cmd('Page.addScriptToEvaluateOnNewDocument',
                                       {'source': browser.axe_script() + EXAMINE})
        browser.find('button[value=pay]').click()
        until(lambda: browser.driver.current_url.endswith('?still'), 'the page that stands still',
              60)
        assert browser.driver.execute_script('return sessionStorage.found') == '[]'


def test_the_page_that_waits_goes_on_without_javascript(plain, client):
    session = open_session(client)
    plain.pay(session['url'], number=SILENT)
    plain.comes_to('Paid')


def test_the_pictures_are_small():
    folder = os.path.join(os.path.dirname(__file__), '..', '..', 'docs', 'images')
    sizes = {name: os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)}
    assert sizes and max(sizes.values()) < 60000, sizes
