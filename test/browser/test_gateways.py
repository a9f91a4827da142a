"""Cards that a gateway takes: its script on our page, and its own page, in Chromium; purser-sim is
the gateway."""
import os
import sys

import pytest

from browser import until

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, 'sim'), os.path.join(TESTS, 'gateways_wire')]

from simulator import Simulator                     # noqa: E402
from test_payer import open_session, status_of      # noqa: E402
from till import EpaymentTill, HyperswitchTill      # noqa: E402


@pytest.fixture(scope='module')
def sim(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp('sim'))
    yield simulator
    simulator.end()


@pytest.fixture(scope='module')
def epayment(client, sim):
    return EpaymentTill(client, sim)


@pytest.fixture(scope='module')
def hyperswitch(client, sim):
    return HyperswitchTill(client, sim)


def session_at(till, **members):
    return open_session(till.client, amount=till.amount(), currency=till.currency,
                        gateway_account=till.account_for(members)['id'], **members)


@pytest.mark.parametrize('language,step,paid', [('en', 'One more step', 'Paid'),
                                                ('ru', 'Ещё один шаг', 'Оплачено')])
@pytest.mark.parametrize('action', ['approve', 'decline'])
def test_the_banks_script_leads_to_its_page_and_back(browser, epayment, action, language, step,
                                                     paid):
    session = session_at(epayment, language=language)
    browser.open(session['url'])
    browser.complaints()
    browser.press('pay')
    until(lambda: '/payform' in browser.driver.current_url, "the bank's page")
    browser.follow('button[value=%s]' % action)
    until(lambda: status_of(epayment.client, session) == ('paid' if action == 'approve'
                                                          else 'open'), 'an end')
    browser.open(session['url'])
    assert (browser.title == paid) == (action == 'approve')
    assert browser.complaints() == []


def test_the_page_with_the_script_is_for_everybody(browser, plain, epayment):
    """Who has no script is told; who comes back with the back button has a button."""
    session = session_at(epayment)
    plain.open(session['url'])
    plain.press('pay')
    plain.comes_to('One more step')
    assert 'needs JavaScript' in plain.text
    plain.press('leave')
    plain.comes_to('Your payment')


def test_the_gateways_own_page_without_script(plain, hyperswitch):
    session = session_at(hyperswitch)
    plain.open(session['url'])
    plain.press('pay')
    plain.comes_to('One more step')
    plain.follow('a.go')
    plain.follow('button[value=approve]')
    until(lambda: status_of(hyperswitch.client, session) == 'paid', 'paid')
    plain.open(session['url'])
    plain.comes_to('Paid')
