"""How the pages look: the merchant's colours, on paper, in the other direction; the demo shop."""
import base64
import struct
import zlib

from browser import Browser, until
from client import Client
from contract import Contract
from installation import Installation
from test_payer import open_session

ARABIC = 'متجر الأكواب 24'


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
        browser.open(open_session(client)['url'])
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
    browser.size(640, 560)
    browser.picture('checkout-demo')
    browser.size(800, 1000)
    browser.driver.close()
    browser.driver.switch_to.window(shop)
    browser.driver.switch_to.frame(browser.find('iframe'))
    until(lambda: 'checkout_session.paid' in browser.text, 'the events')
    browser.driver.switch_to.default_content()
    assert browser.violations() == []


def test_on_paper(browser, client):
    session = open_session(client)
    browser.pay(session['url'])
    browser.follow('a[href$="/receipt"]')
    browser.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': 'print'})
    try:
        assert not browser.find('a[href$=pdf]').is_displayed()
        ink = browser.find('h1').value_of_css_property('color').replace(' ', '')
        assert ink in ('rgba(0,0,0,1)', 'rgb(0,0,0)')
        assert browser.find('dl').is_displayed()
    finally:
        browser.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': ''})


STYLE_OF = 'return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]'


def test_the_other_direction_is_the_mirror_image(browser, client):
    """No language of ours is written from right to left yet: the page is turned round here."""
    session = open_session(client, shop=ARABIC, description=ARABIC + ' (2) EUR')
    browser.open(session['url'])
    browser.fill(number='1')
    browser.press('review')
    ours = [browser.driver.execute_script(STYLE_OF, '.alert', 'border%sWidth' % side)
            for side in ('Left', 'Right')]
    browser.driver.execute_script('document.documentElement.dir = "rtl"')
    turned = [browser.driver.execute_script(STYLE_OF, '.alert', 'border%sWidth' % side)
              for side in ('Left', 'Right')]
    assert turned == ours[::-1] and ours[0] != ours[1]
    assert browser.driver.execute_script(STYLE_OF, '#number', 'direction') == 'ltr'
    first, second = (browser.find(css).rect for css in ('#expiry', '#cvc'))
    assert first['x'] > second['x'] and first['y'] == second['y']
    for width in (800, 320):
        browser.size(width, 800)
        assert browser.width_used() <= width
    browser.size(480, 760)
    browser.picture('checkout-rtl')
    browser.size(800, 1000)
    assert browser.violations() == []


def test_foreign_words_do_not_turn_what_stands_around_them(browser, client):
    session = open_session(client, shop='\u202e' + ARABIC, description=ARABIC)
    client.patch('/v1/checkout_settings', {'name': 'Two Cups'}).expect(200)
    try:
        browser.open(session['url'])
        places = browser.driver.execute_script(
            'return [...document.querySelectorAll(".shop bdi")]'
            '.map(e => e.getBoundingClientRect().x)')
        assert len(places) == 2 and places[0] < places[1], 'ours, a comma, theirs'
        assert browser.find('h1').value_of_css_property('direction') == 'ltr'
    finally:
        client.patch('/v1/checkout_settings', {'name': None}).expect(200)


def test_too_many_tries(tmp_path):
    home = Installation(tmp_path / 'data').start('--page-requests', '10')
    try:
        one = Client(home, home.key(), Contract())
        for language, title in (('en', 'Too many tries'), ('kk', 'Тым көп әрекет')):
            with Browser() as browser:
                browser.driver.execute_cdp_cmd('Network.enable', {})
                browser.driver.execute_cdp_cmd('Network.setExtraHTTPHeaders',
                                               {'headers': {'Accept-Language': language}})
                url = open_session(one)['url']
                until(lambda: browser.open(url) or browser.title == title, title)
                assert browser.find('html').get_attribute('lang') == language
                assert browser.violations() == []
    finally:
        assert home.stop() == 0
