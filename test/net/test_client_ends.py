"""Each way in which a call can go wrong, and which of the three ends it must have. The server
counts effects by itself: a call that it did not see must not be there, and none is there twice."""
import time

import pytest

from caller import Caller, tally
from fault_server import FaultServer, greet_close, greet_half_handshake, greet_silence

REPLY = ('reply', 'none')

# path: end and reason, effects that the server had
FAULTS = {
    '/ok': (REPLY, 1),
    '/half': (('no_reply', 'broken'), 0),
    '/drop': (('no_reply', 'broken'), 1),
    '/reset-after?0': (('no_reply', 'broken'), 1),
    '/reset-after?1': (('no_reply', 'broken'), 1),
    '/reset-after?20': (('no_reply', 'broken'), 1),
    '/reset-after?60': (('no_reply', 'broken'), 1),
    '/reset-after?500': (('no_reply', 'broken'), 1),
    '/close-after?1': (('no_reply', 'broken'), 1),
    '/close-after?20': (('no_reply', 'broken'), 1),
    '/close-after?60': (('no_reply', 'broken'), 1),
    '/close-after?500': (('no_reply', 'broken'), 1),
    '/close-after?1040': (('no_reply', 'broken'), 1),
    '/close-after?1041': (REPLY, 1),
    '/chunks': (REPLY, 1),
    '/chunks-cut': (('no_reply', 'broken'), 1),
    '/drip': (REPLY, 1),
    '/drip-for-ever': (('no_reply', 'timeout'), 1),
    '/slow?300': (REPLY, 1),
    '/slow?3000': (('no_reply', 'timeout'), 1),
    '/silence': (('no_reply', 'timeout'), 1),
    '/sized?200000': (REPLY, 1),
    '/sized?300000': (('no_reply', 'too_large'), 1),
    '/flood': (('no_reply', 'too_large'), 1),
    '/header-flood?90': (REPLY, 1),
    '/header-flood?140': (('no_reply', 'too_large'), 1),
    '/redirect': (REPLY, 1),
    '/repeat-307': (REPLY, 1),
    '/gzip': (REPLY, 1),
    '/go-on': (REPLY, 1),
    '/go-on-then-drop': (('no_reply', 'broken'), 1),
    '/wrong-100?417': (REPLY, 1),
    '/wrong-100?401': (REPLY, 1),
    '/wrong-100?407': (REPLY, 1),
    '/wrong-100?421': (REPLY, 1),
    '/http10': (REPLY, 1),
    '/http10-reset': (('no_reply', 'broken'), 1),
    '/garbage': (('no_reply', 'not_http'), 1),
    '/ancient': (('no_reply', 'not_http'), 1),
    '/empty': (REPLY, 1),
    '/status?500': (REPLY, 1),
    '/status?503': (REPLY, 1),
    '/status?429': (REPLY, 1),
    '/status?408': (REPLY, 1),
}


@pytest.fixture(scope='module')
def server():
    with FaultServer() as made:
        yield made


@pytest.fixture(scope='module')
def caller():
    """Without breakers: here hosts fail on purpose, one after the other."""
    with Caller(breaker_failures=0) as made:
        yield made


@pytest.mark.parametrize('path', FAULTS)
@pytest.mark.parametrize('once', [True, False], ids=['money', 'reading'])
def test_a_fault(caller, server, path, once):
    what, effects = FAULTS[path]
    name = '%s %s' % (path, once)
    end = caller.call(server.url(path), once=once, timeout_ms=1500, fields={'X-Effect': name})
    assert end.what == what
    # Only money is promised to be sent once; a fresh connection is not repeated either way.
    if once:
        assert server.effects[name] == effects


def test_what_a_reply_has(caller, server):
    end = caller.call(server.url('/sized?3'))
    assert (end.status, end.body, end.length) == (200, 'xxx', 3)
    assert end.field('content-length') == '3'
    assert caller.call(server.url('/chunks')).body == 'hello world'
    assert caller.call(server.url('/http10')).body == '{"old":true}'
    assert (caller.call(server.url('/empty')).status, end.late_us < 0) == (204, True)
    assert caller.call(server.url('/sized?200000')).length == 200000


def test_only_the_last_header_counts(caller, server):
    end = caller.call(server.url('/go-on'))
    assert (end.status, end.field('x-early'), end.field('link')) == (200, None, None)


def test_a_redirect_is_an_answer(caller, server):
    end = caller.call(server.url('/redirect'))
    assert (end.status, end.field('location')) == (302, '/echo')


def test_compressed_is_left_as_it_is(caller, server):
    end = caller.call(server.url('/gzip'))
    assert end.field('content-encoding') == 'gzip' and end.length == 14


def test_what_goes_over_the_wire(caller, server):
    seen = caller.call(server.url('/echo?a=%2F..&b'), fields={'X-One': 'two', 'X-None': ''}).echo
    headers = dict(seen['headers'])
    assert (seen['method'], seen['body'], seen['version']) == ('POST', '{"amount":1}', 'HTTP/1.1')
    assert seen['target'] == '/echo?a=%2F..&b'
    assert headers.pop('Host') == '127.0.0.1:%d' % server.port
    assert headers.pop('User-Agent').startswith('purser/')
    assert headers == {'X-One': 'two', 'X-None': '', 'Accept-Encoding': 'identity',
                       'Content-Length': '12'}


def test_what_the_caller_says_goes_before_what_we_would(caller, server):
    own = {'User-Agent': 'acme', 'Accept': 'text/plain', 'Content-Type': 'text/xml',
           'Accept-Encoding': 'br'}
    headers = caller.call(server.url('/echo'), fields=own).echo['headers']
    assert own.items() <= dict(headers).items()
    assert len({name for name, _ in headers}) == len(headers)


@pytest.mark.parametrize('method', ['GET', 'PUT', 'PATCH', 'DELETE', 'POST'])
@pytest.mark.parametrize('body', ['', 'x' * 100000])
def test_methods(caller, server, method, body):
    seen = caller.call(server.url('/echo'), method=method, body=body or None,
                       fields={'X-Effect': method + body[:1]})
    assert seen.status == 200
    assert '"method": "%s"' % method in seen.body
    assert server.effects[method + body[:1]] == 1


def test_a_path_is_sent_as_it_is(caller, server):
    end = caller.call(server.url('/echo/../echo'), timeout_ms=1000)
    # The server knows no such path: it gives up, which shows that it was asked for that.
    assert end.what == ('no_reply', 'broken')


@pytest.mark.parametrize('url, reason', [
    ('', 'malformed'),
    ('/path', 'malformed'),
    ('http:', 'malformed'),
    ('http://', 'malformed'),
    ('http:///ok', 'malformed'),
    ('ftp://127.0.0.1/', 'malformed'),
    ('file:///etc/passwd', 'malformed'),
    ('HTTP://127.0.0.1/', 'malformed'),
    ('http://user@127.0.0.1/', 'malformed'),
    ('http://user:word@127.0.0.1/', 'malformed'),
    ('http://127.0.0.1 /', 'malformed'),
    ('http://127.0.0.1/a b', 'malformed'),
    ('http://127.0.0.1/a\r\nX: y', 'malformed'),
    ('http://127.0.0.1/\u00e9', 'malformed'),
    ('http://127.0.0.1:99999/', 'malformed'),
    ('http://127.0.0.1:http/', 'malformed'),
    ('http://nowhere.test/', 'name'),
    ('http://127.0.0.1:1/', 'connect'),
    ('https://127.0.0.1:1/', 'connect'),
])
def test_a_url_that_leads_nowhere(caller, url, reason):
    assert caller.call(url).what == ('not_sent', reason)


@pytest.mark.parametrize('fields', [
    {'X-A': 'b\r\nX-C: d'}, {'X-A': 'b\nX-C: d'}, {'X-A\r\nX-B': 'c'}, {'X A': 'b'}, {'X:A': 'b'},
    {'': 'b'}, {'X-A': 'b\x01'},
])
def test_a_header_cannot_bring_another_one(caller, server, fields):
    end = caller.call(server.url(), fields={**fields, 'X-Effect': 'smuggled'})
    assert end.what == ('not_sent', 'malformed')
    assert server.effects['smuggled'] == 0


def test_plain_http_only_where_it_is_allowed(caller, server):
    end = caller.call(server.url(), plain=False, fields={'X-Effect': 'plain'})
    assert end.what == ('not_sent', 'plain')
    assert server.effects['plain'] == 0


@pytest.mark.parametrize('scheme, greet, what', [
    # Without TLS the request is on its way as soon as the connection stands: nobody knows.
    ('http', greet_close, ('no_reply', 'broken')),
    ('http', greet_silence, ('no_reply', 'timeout')),
    ('http', greet_half_handshake, ('no_reply', 'broken')),
    # With TLS nothing of it is, before both sides have finished the handshake.
    ('https', greet_close, ('not_sent', 'tls')),
    ('https', greet_silence, ('not_sent', 'timeout')),
    ('https', greet_half_handshake, ('not_sent', 'tls')),
])
def test_a_connection_that_dies_young(caller, scheme, greet, what):
    with FaultServer(greet) as server:
        assert caller.call(server.url(scheme=scheme), timeout_ms=700).what == what


def test_plain_http_where_tls_was_expected(caller, server):
    end = caller.call(server.url(scheme='https', path='/ok'), timeout_ms=2000)
    assert end.end == 'not_sent'


def test_no_time_at_all(caller, server):
    end = caller.call(server.url(), timeout_ms=0, fields={'X-Effect': 'late'})
    assert end.what == ('not_sent', 'waited')
    assert server.effects['late'] == 0


def test_a_call_withdrawn_before_its_first_byte(caller, server):
    """The connection stands already; a lease that is over must still keep the money back."""
    before = server.connections
    for once in (True, False):
        end = caller.call(server.url(), withdrawn=True, once=once, fields={'X-Effect': 'back'})
        assert end.what == ('not_sent', 'withdrawn')
    # The server's own thread takes the connection when it comes to it.
    end_s = time.monotonic() + 5
    while server.connections == before and time.monotonic() < end_s:
        time.sleep(0.01)
    assert server.effects['back'] == 0 and server.connections > before


# libcurl sends again what was lost on a kept connection. These tests would see it.

def test_reading_is_sent_again_on_a_kept_connection(caller, server):
    """The canary: without what follows for money, effects would double."""
    for number in range(10):
        end = caller.read_(server.url('/drop-second'), fields={'X-Effect': 'read'})
        assert end.what == REPLY
    assert server.effects['read'] > 10


def test_money_is_never_sent_again(caller, server):
    """Kept connections lie ready, each of which would die under the call that took it."""
    for number in range(100):
        primed = caller.read_(server.url('/drop-second'), fields={'X-Effect': 'prime'})
        assert primed.what == REPLY
        name = 'money %d' % number
        end = caller.call(server.url('/drop-second'), fields={'X-Effect': name})
        assert end.what == REPLY    # a connection of its own: it is the first there
        assert server.effects[name] == 1


def test_money_on_connections_that_die(caller, server):
    for number in range(100):
        name = 'lost %d' % number
        end = caller.call(server.url('/drop-first'), fields={'X-Effect': name})
        assert end.what == ('no_reply', 'broken')
        assert server.effects[name] == 1


def test_many_at_once_are_each_sent_once(caller, server):
    paths = ['/drop', '/ok', '/reset-after?10', '/chunks-cut', '/drop-second']
    for path in paths:
        caller.send(server.url(path), count=40, fields={'X-Effect': 'crowd ' + path})
    ends = tally(caller.ends(40 * len(paths)))
    assert ends == {REPLY: 80, ('no_reply', 'broken'): 120}
    assert all(server.effects['crowd ' + path] == 40 for path in paths)


def test_money_gets_a_connection_of_its_own(caller, server):
    for _ in range(3):
        assert caller.call(server.url('/echo')).echo['requests'] == 1


def test_reading_keeps_connections(caller, server):
    first = caller.read_(server.url('/echo')).echo['requests']
    assert caller.read_(server.url('/echo')).echo['requests'] == first + 1


def test_what_a_server_says_first_is_no_reply(caller):
    """A reply before the request: whoever speaks unasked is not answered to."""
    def speak(sock):
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
        return sock
    with FaultServer(speak) as server:
        end = caller.call(server.url('/drop'), fields={'X-Effect': 'eager'})
        assert end.end in ('reply', 'no_reply')    # which of both reaches us first is chance
        assert server.effects['eager'] <= 1
