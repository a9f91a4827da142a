"""A payer's way in a real browser: with and without JavaScript, with the keyboard alone, in a
browser of text; what is loaded, and from whom."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import urllib.parse

from selenium.webdriver.common.keys import Keys

from browser import CARD, until

MOST_BYTES = 60000


def open_session(client, **members):
    body = {'amount': 1250, 'currency': 'EUR', 'description': 'Two cups', 'shop': 'Cup shop',
            'language': 'en', 'return_url': client_url(client) + '/demo'}
    body.update(members)
    return client.post('/v1/checkout_sessions', body).expect(201)


def client_url(client):
    return 'http://%s:%d' % (client.server.host, client.server.port)


def status_of(client, session):
    return client.get('/v1/checkout_sessions/' + session['id']).expect(200)['status']


def test_first_load_is_small_and_asks_nobody_else(browser, client):
    browser.loaded()
    browser.open(open_session(client)['url'])
    addresses, size = browser.loaded()
    ours = urllib.parse.urlsplit(client_url(client)).netloc
    assert {urllib.parse.urlsplit(a).netloc for a in addresses} == {ours}, addresses
    assert 1000 < size <= MOST_BYTES, size
    assert browser.complaints() == []
    print('first load: %d bytes, %d requests' % (size, len(addresses)))


def test_paid_with_script_and_back_to_the_shop(browser, client):
    session = open_session(client)
    browser.pay(session['url'])
    browser.comes_to('Paid')
    browser.follow('a.go')
    assert browser.title == 'Demo shop' and session['id'] in browser.text
    assert browser.complaints() == []


def test_paid_without_script(plain, client):
    session = open_session(client, language='ru')
    plain.pay(session['url'])
    plain.comes_to('Оплачено')
    plain.leaves(plain.driver.back, 'going back')
    plain.leaves(plain.driver.refresh, 'loading again')
    assert status_of(client, session) == 'paid'
    invoice = client.get('/v1/invoices/' + session['invoice']).expect(200)
    assert len(invoice['payments']) == 1


def test_bank_and_back_without_script(plain, client):
    session = open_session(client)
    plain.pay(session['url'], number='4000002500003155')
    plain.comes_to('One more step')
    plain.follow('a.go')
    plain.follow('button[value=approve]')
    plain.comes_to('Paid')
    assert status_of(client, session) == 'paid'


def test_paid_with_the_keyboard_alone(browser, client):
    session = open_session(client)
    browser.open(session['url'])
    for field, value in CARD.items():
        browser.tab_to('#' + field)
        outline = browser.driver.switch_to.active_element.value_of_css_property('outline-style')
        assert outline == 'solid', 'where the focus is can be seen'
        browser.keys(value)
    browser.keys(Keys.ENTER)
    browser.comes_to('Check and pay')
    browser.tab_to('button[value=pay]')
    browser.keys(Keys.ENTER)
    browser.comes_to('Paid')
    assert status_of(client, session) == 'paid'


def test_errors_lead_to_their_fields_by_keyboard(browser, client):
    browser.open(open_session(client)['url'])
    browser.fill(number='1')
    browser.press('review')
    browser.tab_to('a[href="#number"]')
    browser.keys(Keys.ENTER)
    until(lambda: browser.driver.current_url.endswith('#number'), 'the field')
    browser.keys(Keys.TAB)
    focused = browser.driver.switch_to.active_element.get_attribute('id')
    assert focused in ('number', 'expiry'), focused


def test_a_double_click_pays_once(browser, client):
    session = open_session(client)
    browser.open(session['url'])
    browser.fill()
    browser.press('review')
    browser.driver.execute_script(
        'const b = document.querySelector("button[value=pay]"); b.click(); b.click();')
    browser.comes_to('Paid')
    invoice = client.get('/v1/invoices/' + session['invoice']).expect(200)
    assert len(invoice['payments']) == 1


def test_two_tabs_pay_once(browser, client):
    session = open_session(client)
    windows = [browser.driver.current_window_handle]
    browser.open(session['url'])
    browser.driver.switch_to.new_window('tab')
    windows.append(browser.driver.current_window_handle)
    browser.open(session['url'])
    for window in windows:
        browser.driver.switch_to.window(window)
        browser.fill()
        browser.press('review')
    for window in windows:
        browser.driver.switch_to.window(window)
        browser.press('pay')
        browser.comes_to('Paid')
    browser.driver.close()
    browser.driver.switch_to.window(windows[0])
    invoice = client.get('/v1/invoices/' + session['invoice']).expect(200)
    assert len(invoice['payments']) == 1


class TextBrowser:
    """w3m on a terminal of its own."""

    def __init__(self, url, home):
        self.screen = ''
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=str(home), TERM='xterm', LANG='C.UTF-8')
            os.execvp('w3m', ['w3m', url])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 60, 100, 0, 0))

    def sees(self, text):
        """Reads what is drawn until the text is there; what was drawn before is forgotten."""
        def seen():
            ready, _, _ = select.select([self.terminal], [], [], 0.05)
            if ready:
                self.screen += os.read(self.terminal, 65536).decode('utf-8', 'replace')
            return text in re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', self.screen)
        until(seen, text + ' on the screen')
        self.screen = ''

    def types(self, keys):
        os.write(self.terminal, keys.encode())

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def test_paid_in_a_browser_of_text(client, tmp_path):
    """Tab to a field, Enter to type into it; Tab to the button, Enter to press it."""
    session = open_session(client)
    w3m = TextBrowser(session['url'], tmp_path)
    try:
        w3m.sees('Continue')
        for value in CARD.values():
            w3m.types('\t\r')
            w3m.sees('TEXT:')
            w3m.types(value + '\r')
            w3m.sees(value[:4])
        w3m.types('\t\t\t\r')         # past the name and what is to be left empty
        w3m.sees('Use another card')
        time.sleep(0.3)                 # what is typed while it loads is thrown away
        w3m.types('\t\t\r')           # past the other card
        until(lambda: status_of(client, session) == 'paid', 'paid')
    finally:
        w3m.end()
    seen = subprocess.run(['w3m', '-dump', session['url']], capture_output=True, text=True,
                          check=True, env=dict(os.environ, HOME=str(tmp_path))).stdout
    assert 'Your payment is complete.' in seen and '4242' in seen
