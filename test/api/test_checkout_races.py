"""A checkout session that is paid, left, ended and too late, all at once or in the wrong order:
never paid twice, and never ended against what the bank said."""
import urllib.parse

import pytest

import store
from aged import LETTERS
from client import together, until
from payer import CARD, Payer, becomes, open_session, payments_of, read

CHALLENGED = '4000002500003155'


def time_is_up(server, session):
    """As if the session had been opened two hours ago; the clock finds it, or a payer does."""
    number = 0
    for letter in session['id'].partition('_')[2]:
        number = number * 32 + LETTERS.index(letter)
    store.run(server.data, 'purser.db', 'UPDATE checkouts SET expires_ms = expires_ms - 7200000'
              ' WHERE id = ?', number.to_bytes(16, 'big'))


def at_the_bank(payer, page, decision):
    bank = urllib.parse.urlsplit(page.links[0]).path
    answer = payer.call('POST', bank, {'decision': decision})
    return payer.go(target=urllib.parse.urlsplit(answer.headers['Location']).path)


def test_a_page_that_was_left_open_for_too_long_pays_nothing(server, client):
    session = open_session(client)
    payer = Payer(client, session)
    confirmation = payer.review()
    time_is_up(server, session)
    assert payer.press(confirmation, 'pay').title == 'This page has expired'
    assert payer.press(confirmation, 'leave').title == 'This page has expired'
    assert payments_of(client, session) == []
    assert read(client, session)['status'] == 'expired'
    invoice = client.get('/v1/invoices/' + session['invoice']).expect(200)
    assert invoice['status'] == 'cancelled'


@pytest.mark.parametrize('decision,title,status', [
    ('approve', 'Paid', 'paid'), ('decline', 'This page has expired', 'expired')])
def test_the_bank_speaks_after_the_end(server, client, decision, title, status):
    session = open_session(client)
    payer = Payer(client, session)
    page = payer.pay(number=CHALLENGED)
    time_is_up(server, session)
    assert payer.go().title == 'One more step', 'an attempt under way is not ended by time'
    assert at_the_bank(payer, page, decision).title == title
    assert becomes(client, session, status)['attempts'] == 1


def test_two_tabs_with_two_cards_are_one_payment(client):
    session = open_session(client)
    payers = [Payer(client, session) for _ in range(2)]
    pages = [payers[0].review(number='4242424242424242'),
             payers[1].review(number='5555555555554444')]
    ends = together(*[lambda i=i: payers[i].press(pages[i], 'pay') for i in range(2)])
    assert {page.title for page in ends} == {'Paid'}
    assert len(payments_of(client, session)) == 1


def test_a_second_tab_does_not_undo_the_first(client):
    """One tab is at the bank, another turns back: the attempt is called off, and the first tab's
    yes comes too late for the bank; or it came before, and then the session is paid."""
    session = open_session(client)
    first, second = Payer(client, session), Payer(client, session)
    page = first.pay(number=CHALLENGED)
    second.press(second.go(), 'leave')
    assert at_the_bank(first, page, 'approve').title in ('Your payment', 'Paid')
    now = until(lambda: next((s for s in [read(client, session)]
                              if s['status'] in ('open', 'paid')), None), 10, 'an end')
    payment = client.get('/v1/payments/' + now['payment']).expect(200)
    assert (now['status'], payment['status']) in (('open', 'cancelled'), ('paid', 'captured'))


@pytest.mark.parametrize('deed', ['leave', '/expire', '/cancel'])
def test_ended_and_paid_at_once_is_one_of_them(client, deed):
    for _ in range(3):
        session = open_session(client)
        payer, other = Payer(client, session), Payer(client, session)
        confirmation, page = payer.review(), other.go()

        def end(session=session, other=other, page=page):
            if deed == 'leave':
                return other.press(page, 'leave')
            return client.post('/v1/checkout_sessions/' + session['id'] + deed)
        together(lambda p=payer, c=confirmation: p.press(c, 'pay'), end)
        now = until(lambda s=session: next((n for n in [read(client, s)]
                                            if n['status'] != 'processing'), None), 10, 'an end')
        payments = payments_of(client, session)
        assert (now['status'], len(payments)) in (('paid', 1), ('cancelled', 0), ('expired', 0))


def test_declined_twice_in_two_tabs_counts_what_was_tried(client):
    session = open_session(client)
    payers = [Payer(client, session) for _ in range(2)]
    pages = [payer.review(number='4000000000000002') for payer in payers]
    together(*[lambda i=i: payers[i].press(pages[i], 'pay') for i in range(2)])
    assert read(client, session)['attempts'] == len(payments_of(client, session)) == 1
    assert payers[0].press(payers[0].review(**CARD), 'pay').title == 'Paid'
