"""Time, crowds, limits, breakers, and the client's own life."""
import time

import pytest

from caller import LATE_S, Caller, tally
from fault_server import FaultServer, greet_silence

REPLY = ('reply', 'none')
OPEN = ('not_sent', 'breaker')


@pytest.fixture(scope='module')
def server():
    with FaultServer() as made:
        yield made


@pytest.fixture(scope='module')
def caller():
    with Caller(breaker_failures=0) as made:
        yield made


@pytest.fixture
def make_caller():
    """Clients with settings of the test's own."""
    made = []

    def make(**settings):
        made.append(Caller(**settings))
        return made[-1]

    yield make
    for own in made:
        own.end()


def assert_on_time(ends):
    """None early; a busy machine may delay some, not most."""
    late_s = sorted(end.late_us / 1e6 for end in ends)
    assert late_s[0] >= 0
    assert late_s[len(late_s) // 2] < LATE_S, late_s


# Deadlines.

@pytest.mark.parametrize('path, what', [
    ('/silence', ('no_reply', 'timeout')),
    ('/drip-for-ever', ('no_reply', 'timeout')),
])
def test_deadlines_are_exact(caller, server, path, what):
    times_ms = [200 + 37 * number for number in range(20)]
    for timeout_ms in times_ms:
        caller.send(server.url(path), timeout_ms=timeout_ms)
    ends = caller.ends(len(times_ms))
    assert tally(ends) == {what: len(times_ms)}
    assert [int(end.id) for end in ends] == sorted(int(end.id) for end in ends)
    assert_on_time(ends)


def test_a_deadline_within_the_handshake(caller):
    with FaultServer(greet_silence) as server:
        # Long enough that all are begun: the first one makes what TLS needs, while the others wait.
        caller.send(server.url(scheme='https'), timeout_ms=1500, count=5)
        ends = caller.ends(5)
        assert tally(ends) == {('not_sent', 'timeout'): 5}
        assert_on_time(ends)


def test_a_deadline_within_a_slow_lookup_holds_up_nobody(caller, server):
    """The lookup takes 3 s and cannot be ended; others must not wait for it."""
    caller.send(server.url(host='slow.test'), timeout_ms=300, count=3)
    ends = caller.ends(3)
    assert tally(ends) == {('not_sent', 'timeout'): 3}
    assert_on_time(ends)
    assert caller.call(server.url()).took_ms < 1000


def test_a_slow_lookup_that_ends_in_time(caller, server):
    assert caller.call(server.url(host='slow.test'), timeout_ms=10000).what == REPLY


def test_connecting_has_a_time_of_its_own(make_caller):
    own = make_caller(connect_ms=300)
    with FaultServer(greet_silence) as server:
        end = own.call(server.url(scheme='https'), timeout_ms=5000)
        assert end.what == ('not_sent', 'timeout')
        assert 300 <= end.took_ms < 2000


# Crowds.

def test_five_hundred_at_once(caller):
    with FaultServer() as server:
        caller.send(server.url('/slow?1500'), count=500, timeout_ms=25000,
                    fields={'X-Effect': 'crowd'})
        ends = caller.ends(500)
        assert tally(ends) == {REPLY: 500}
        assert server.effects['crowd'] == 500
        # They are all on the wire together, not one after the other.
        assert server.most_in_work > 250


def test_all_accounts_share_the_connections(make_caller):
    own = make_caller(connections=10)
    with FaultServer() as server:
        for number in range(5):
            own.send(server.url('/slow?30'), count=20, account='account %d' % number)
        assert tally(own.ends(100)) == {REPLY: 100}
        assert server.most_in_work <= 10


def test_a_long_queue_does_not_hold_up_another_account(make_caller):
    own = make_caller(connections=4)
    with FaultServer() as server:
        own.send(server.url('/slow?50'), count=200, account='busy', timeout_ms=30000)
        made = own.send(server.url('/slow?50'), account='quiet')
        ends = own.ends(201)
        place = [end.id for end in ends].index(made)
        assert place < 20


# Limits of an account.

def test_so_many_at_once(caller):
    with FaultServer() as server:
        caller.send(server.url('/slow?30'), count=30, account='three', at_once=3)
        assert tally(caller.ends(30)) == {REPLY: 30}
        assert server.most_in_work <= 3


def test_waiting_ends_at_the_deadline(caller, server):
    """The first holds the account's only place; the others never began."""
    caller.send(server.url('/silence'), count=5, account='one', at_once=1, timeout_ms=400,
                fields={'X-Effect': 'one place'})
    ends = caller.ends(5)
    assert tally(ends) == {('no_reply', 'timeout'): 1, ('not_sent', 'waited'): 4}
    assert server.effects['one place'] == 1
    assert_on_time(ends)
    assert caller.call(server.url(), account='one', at_once=1).what == REPLY


def test_so_many_a_minute(caller):
    with FaultServer() as server:
        # Ten a second: ten may come at once, the others a tenth of a second apart.
        caller.send(server.url(), count=20, account='ten a second', per_minute=600)
        assert tally(caller.ends(20)) == {REPLY: 20}
        first, *rest = server.times
        assert rest[-1] - first >= 0.85
        for number, at in enumerate(rest[9:]):
            assert at - first >= 0.1 * (number + 1) - 0.08, server.times


def test_a_slow_rate(caller, server):
    """Two a minute: the second would be due in half a minute."""
    caller.send(server.url(), count=3, account='two a minute', per_minute=2, timeout_ms=300)
    assert tally(caller.ends(3)) == {REPLY: 1, ('not_sent', 'waited'): 2}


def test_accounts_come_and_go(caller, server):
    """More of them than the client remembers without need."""
    for number in range(3000):
        caller.send('http://127.0.0.1:1/', account='passing %d' % number, per_minute=60)
    assert tally(caller.ends(3000)) == {('not_sent', 'connect'): 3000}
    assert caller.call(server.url()).what == REPLY


# Breakers.

def fail(own, url, times):
    return [own.call(url).what for _ in range(times)]


def test_a_breaker_opens_and_closes(make_caller):
    own = make_caller(breaker_failures=3, breaker_ms=400)
    with FaultServer() as server:
        assert fail(own, server.url('/drop'), 3) == [('no_reply', 'broken')] * 3
        assert fail(own, server.url('/ok'), 5) == [OPEN] * 5
        assert server.effects['/ok'] == 0
        # Another host is another breaker.
        with FaultServer() as other:
            assert own.call(other.url()).what == REPLY
        time.sleep(0.45)
        # One goes first and fails: the others wait again.
        assert fail(own, server.url('/drop'), 3) == [('no_reply', 'broken'), OPEN, OPEN]
        time.sleep(0.45)
        assert fail(own, server.url('/ok'), 5) == [REPLY] * 5
        assert own.counts()['breakers_opened_total'] == 2


def test_one_call_tries_a_host_that_was_given_up(make_caller):
    own = make_caller(breaker_failures=2, breaker_ms=200)
    with FaultServer() as server:
        fail(own, server.url('/drop'), 2)
        time.sleep(0.25)
        own.send(server.url('/slow?300'), count=10)
        ends = own.ends(10)
        assert tally(ends) == {OPEN: 9, REPLY: 1}
        assert ends[-1].what == REPLY
        assert own.call(server.url()).what == REPLY


def test_a_try_that_proves_nothing_leaves_the_place_to_another(make_caller):
    own = make_caller(breaker_failures=2, breaker_ms=200)
    with FaultServer() as server:
        fail(own, server.url('/drop'), 2)
        time.sleep(0.25)
        assert own.call(server.url(), guarded=True).what == ('not_sent', 'address')
        assert own.call(server.url()).what == REPLY


def test_only_failures_in_a_row_count(make_caller):
    own = make_caller(breaker_failures=3, breaker_ms=60000)
    with FaultServer() as server:
        for _ in range(4):
            fail(own, server.url('/drop'), 2)
            assert own.call(server.url('/status?500')).what == REPLY
        # What ends for reasons of ours neither counts nor forgives.
        fail(own, server.url('/drop'), 2)
        assert own.call(server.url(), timeout_ms=0).what == ('not_sent', 'waited')
        assert own.call(server.url('/drop')).what == ('no_reply', 'broken')
        assert own.call(server.url()).what == OPEN


@pytest.mark.parametrize('url', ['http://127.0.0.1:1/', 'http://nowhere.test/'])
def test_a_host_that_cannot_be_reached_is_given_up(make_caller, url):
    own = make_caller(breaker_failures=3, breaker_ms=60000)
    ends = fail(own, url, 5)
    assert [end for end, _ in ends] == ['not_sent'] * 5
    assert ends[3:] == [OPEN] * 2


# The client's life.

def test_counts(make_caller, server):
    own = make_caller(breaker_failures=0)
    own.call(server.url())
    own.call(server.url('/drop'))
    own.call('http://127.0.0.1:1/')
    own.send(server.url('/slow?600'), count=3, account='two', at_once=2)
    time.sleep(0.3)
    assert own.counts() == {'replies_total': 1, 'not_sent_total': 1, 'no_reply_total': 1,
                            'breakers_opened_total': 0, 'calls_waiting': 1, 'calls_on_wire': 2}
    own.ends(3)
    counts = own.counts()
    assert (counts['calls_waiting'], counts['calls_on_wire']) == (0, 0)


def test_stopping_ends_every_call(server):
    own = Caller()
    own.send(server.url('/silence'), count=3, account='two', at_once=2,
             fields={'X-Effect': 'stopped'})
    own.send(server.url(host='slow.test'))
    deadline = time.monotonic() + 10
    while server.effects['stopped'] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    own.stop()
    assert tally(own.ends(4)) == {('no_reply', 'stopped'): 2, ('not_sent', 'stopped'): 2}
    own.send(server.url())
    assert own.next() == 'refused'
    assert own.end() == []


def test_the_thread_sleeps_when_nothing_is_due(make_caller, server):
    own = make_caller()
    for once in (True, False):
        assert own.call(server.url(), once=once).what == REPLY    # one connection is kept
    own.sleeps(1, within=10)


def test_a_waiting_call_costs_no_turns(make_caller, server):
    """Its deadline is far; nothing has to be looked at until the reply."""
    own = make_caller()
    own.send(server.url('/slow?2500'))
    own.sleeps(0.5, within=2.2)
    assert own.next().what == REPLY
