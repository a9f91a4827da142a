"""Chromium, headless, driven by selenium; what it loaded, and what axe-core says of its page."""
import json
import os
import subprocess
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CARD = {'number': '4242424242424242', 'expiry': '12/34', 'cvc': '123'}
WAIT_S = 20

# What is another one in every run, so that a picture changes only when its page does.
ALWAYS_THE_SAME = r"""
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode())
    texts.currentNode.data = texts.currentNode.data
        .replace(/\b(pay|cs)_[0-9a-z]{26}/g, '$1_01h455vb4pex5vsknk084sn02q')
        .replace(/\b([0-9A-Z]{4}-){6}[0-9A-Z]{2}\b/g, '01H4-55VB-4PEX-5VSK-NK08-4SN0-2Q')
        .replace(/\d\d\/\d\d\/\d{4} /g, '29/11/2026 ').replace(/\d\d:\d\d UTC/g, '12:00 UTC');
document.activeElement.blur();
for (const bar of document.querySelectorAll('.bar')) bar.style.animation = 'none';
"""


def until(question, what, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, what
        time.sleep(0.05)


class Browser:
    axe = None      # the script, fetched when it is first wanted

    def __init__(self, script=True):
        options = webdriver.ChromeOptions()
        for argument in ('--headless=new', '--no-sandbox', '--disable-dev-shm-usage',
                         '--disable-gpu', '--hide-scrollbars', '--lang=en'):
            options.add_argument(argument)
        if not script:
            options.add_experimental_option(
                'prefs', {'profile.managed_default_content_settings.javascript': 2})
        # A page that waits goes on to another one all the time, which is no reason to wait here.
        options.page_load_strategy = 'none'
        options.set_capability('goog:loggingPrefs', {'performance': 'ALL', 'browser': 'ALL'})
        self.driver = webdriver.Chrome(service=Service('/usr/bin/chromedriver'), options=options)
        self.driver.set_page_load_timeout(WAIT_S)
        self.size(800, 1000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    # What people do.

    def open(self, url):
        self.leaves(lambda: self.driver.get(url), url)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def press(self, deed):
        """The button of that deed, and waits until another page is there."""
        self.leaves(self.find('button[value=%s]' % deed).click, deed)

    def follow(self, css):
        self.leaves(self.find(css).click, css)

    def leaves(self, act, why):
        """Does what leads to another page, and waits until that is there."""
        old = self.find('html')
        act()
        until(lambda: self.is_gone(old) and self.is_there(), 'another page after ' + why)

    def is_there(self):
        try:
            return self.driver.execute_script(
                'return document.readyState !== "loading" && document.styleSheets.length >= '
                'document.querySelectorAll("link[rel=stylesheet]").length')
        except Exception:       # on its way from one page to the next
            return False

    def is_gone(self, element):
        try:
            element.tag_name
            return False
        except Exception:       # of whatever kind: a page that is going is not there any more
            return True

    def fill(self, **changes):
        for name, value in dict(CARD, **changes).items():
            self.find('#' + name).send_keys(value)

    def pay(self, url, **changes):
        self.open(url)
        self.fill(**changes)
        self.press('review')
        self.press('pay')

    def keys(self, *keys):
        """Whatever has the focus gets them."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, css):
        """With the Tab key only; the focus must be seen on the way."""
        wanted = self.find(css)
        for _ in range(20):
            self.keys(Keys.TAB)
            if self.driver.switch_to.active_element == wanted:
                return wanted
        raise AssertionError('Tab does not come to ' + css)

    # What is there.

    @property
    def title(self):
        return self.driver.title

    @property
    def text(self):
        return self.find('body').text

    def comes_to(self, *titles):
        until(lambda: self.title in titles, 'a page called %s, not %s' % (titles, self.title))

    def size(self, width, height):
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
            'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False})

    def dark(self, on=True):
        self.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [
            {'name': 'prefers-color-scheme', 'value': 'dark' if on else 'light'}]})

    def width_used(self):
        return self.driver.execute_script('return document.documentElement.scrollWidth')

    def loaded(self):
        """What went over the wire since it was last asked: ([address], bytes)."""
        addresses, size = [], 0
        for line in self.driver.get_log('performance'):
            event = json.loads(line['message'])['message']
            if event['method'] == 'Network.requestWillBeSent':
                addresses.append(event['params']['request']['url'])
            if event['method'] == 'Network.loadingFinished':
                size += event['params']['encodedDataLength']
        return addresses, int(size)

    def complaints(self):
        """Of the browser itself: what its policy refused, scripts that failed."""
        return [line['message'] for line in self.driver.get_log('browser')
                if not any(known in line['message'] for known in ('favicon', '(Not Found)',
                                                                  '(Unprocessable'))]

    def axe_script(self):
        if Browser.axe is None:
            path = subprocess.run([os.path.join(ROOT, 'tools/axe')], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout.strip()
            with open(os.path.join(ROOT, path), encoding='utf-8') as file:
                Browser.axe = file.read()
        return Browser.axe

    def violations(self):
        """What axe-core finds against WCAG 2.2 A and AA, and its best practices."""
        self.driver.execute_script(self.axe_script())
        found = self.driver.execute_async_script(
            'const done = arguments[0]; axe.run(document, {resultTypes: ["violations"]})'
            '.then(r => done(r.violations)).catch(e => done([{id: String(e), nodes: []}]));')
        return ['%s: %s' % (v['id'], [n['html'] for n in v['nodes']]) for v in found]

    def picture(self, name):
        """For the documentation, when PURSER_PICTURES names a folder."""
        folder = os.environ.get('PURSER_PICTURES')
        if folder:
            self.driver.execute_script(ALWAYS_THE_SAME)
            with open(os.path.join(folder, name + '.png'), 'wb') as file:
                file.write(self.driver.get_screenshot_as_png())
