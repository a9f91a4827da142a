"""TLS, HTTP/2, proxies, guarded calls, and what the environment must not be able to do."""
import ssl
import subprocess
import time

import pytest

from caller import Caller
from fault_server import (H2, HTTP_1_1_REQUIRED, REFUSED_STREAM, FaultServer, Proxy, greet_tls,
                          h2_drop, h2_goaway, h2_ok, h2_refuse)

REPLY = ('reply', 'none')


class Certificates:
    """An authority and what it signs, made by openssl when the tests begin."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self.path('ca.pem')
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                     '-nodes', '-keyout', self.path('ca.key'), '-out', self.ca, '-days', '2',
                     '-subj', '/CN=Test authority')
        self.good = self.make('good', 'DNS:localhost,DNS:loop.test,DNS:public.test,IP:127.0.0.1')
        self.other = self.make('other', 'DNS:other.test')
        self.own = self.make('own', 'IP:127.0.0.1', signed=False)
        self.expired = self.make_expired()

    def path(self, name):
        return str(self.folder / name)

    @staticmethod
    def openssl(*words):
        subprocess.run(['openssl', *words], check=True, capture_output=True)

    def make(self, name, names, signed=True):
        """The certificate's file and its key's."""
        key, request, cert = (self.path(name + end) for end in ('.key', '.csr', '.pem'))
        extensions = self.path(name + '.ext')
        with open(extensions, 'w', encoding='ascii') as file:
            file.write('subjectAltName=%s\n' % names)
        self.openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                     '-keyout', key, '-out', request, '-subj', '/CN=' + name)
        signer = ['-CA', self.ca, '-CAkey', self.path('ca.key'), '-CAcreateserial'] if signed \
            else ['-signkey', key]
        self.openssl('x509', '-req', '-in', request, '-out', cert, '-days', '2',
                     '-extfile', extensions, *signer)
        return cert, key

    def make_expired(self):
        """`x509` of some versions refuses a last day in the past, `ca` of none does."""
        self.make('expired', 'IP:127.0.0.1')
        config, cert = self.path('ca.cnf'), self.path('expired.pem')
        with open(config, 'w', encoding='ascii') as file:
            file.write('[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\n'
                       'default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n'
                       % (self.path('index'), self.folder))
        open(self.path('index'), 'w', encoding='ascii').close()
        self.openssl('ca', '-config', config, '-batch', '-notext', '-cert', self.ca,
                     '-keyfile', self.path('ca.key'), '-in', self.path('expired.csr'),
                     '-out', cert, '-extfile', self.path('expired.ext'),
                     '-startdate', '20200101000000Z', '-enddate', '20200201000000Z')
        return cert, self.path('expired.key')


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture(scope='module')
def caller(certificates):
    with Caller(ca_file=certificates.ca, breaker_failures=0) as made:
        yield made


@pytest.fixture(scope='module')
def secure(certificates):
    with FaultServer(greet_tls(*certificates.good)) as made:
        yield made


def test_a_verified_call(caller, secure):
    end = caller.call(secure.url('/echo', 'https'), plain=False)
    assert end.what == REPLY
    assert end.echo['body'] == '{"amount":1}'


@pytest.mark.parametrize('name', ['other', 'expired', 'own'])
def test_a_wrong_certificate(caller, certificates, name):
    with FaultServer(greet_tls(*getattr(certificates, name))) as server:
        assert caller.call(server.url('/ok', 'https')).what == ('not_sent', 'certificate')
        assert not server.effects


def test_an_authority_that_is_not_known(secure):
    with Caller() as own:
        assert own.call(secure.url('/ok', 'https')).what == ('not_sent', 'certificate')


def test_a_name_that_the_certificate_lacks(caller, secure):
    end = caller.call(secure.url('/ok', 'https', 'six.test'))
    assert end.what == ('not_sent', 'connect')    # nobody listens on ::1
    end = caller.call(secure.url('/ok', 'https', 'mixed.test'))
    assert end.what == ('not_sent', 'certificate')


def test_a_ca_file_that_is_not_there(tmp_path):
    own = Caller(ca_file=tmp_path / 'none.pem')
    assert own.process.wait(10) == 1
    assert 'none.pem cannot be read' in own.process.stderr.read()
    own.end(well=False)


def test_a_ca_file_without_a_certificate(tmp_path, secure):
    (tmp_path / 'bad.pem').write_text('nothing')
    with Caller(ca_file=tmp_path / 'bad.pem') as own:
        assert own.call(secure.url('/ok', 'https')).what == ('not_sent', 'trust')


def test_a_ca_file_that_is_renewed_is_read_again(tmp_path, certificates, secure):
    """Without a restart: an authority is replaced before its last day."""
    file = tmp_path / 'ca.pem'
    with open(certificates.ca, encoding='utf-8') as good:
        text = good.read()
    with open(certificates.other[0], encoding='utf-8') as other:
        file.write_text(other.read())
    with Caller(ca_file=file, trust_s=1, breaker_failures=0) as own:
        assert own.call(secure.url('/ok', 'https')).what == ('not_sent', 'certificate')
        file.write_text(text)
        end = time.monotonic() + 20
        while own.call(secure.url('/ok', 'https')).what != REPLY:
            assert time.monotonic() < end, 'it still believes the old file'
            time.sleep(0.1)


@pytest.mark.parametrize('path, what', [
    ('/drop', ('no_reply', 'broken')),
    ('/reset-after?500', ('no_reply', 'broken')),
    ('/close-after?500', ('no_reply', 'broken')),
    ('/drop-second', REPLY),
])
def test_faults_within_tls(caller, secure, path, what):
    for _ in range(3):
        assert caller.call(secure.url(path, 'https'), fields={'X-Effect': path}).what == what
    assert secure.effects[path] == 3


def test_a_body_without_length_that_tls_did_not_end(caller, secure):
    """libcurl 7 takes it for whole, which client.h warns of; 8 does not."""
    end = caller.call(secure.url('/http10', 'https'))
    assert end.what in (REPLY, ('no_reply', 'broken'))


@pytest.mark.filterwarnings('ignore:ssl.TLSVersion')
def test_old_tls_is_refused(caller, certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.good)
    context.set_ciphers('DEFAULT@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with FaultServer(lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        assert caller.call(server.url('/ok', 'https')).what == ('not_sent', 'tls')


# HTTP/2. A refused stream is one that libcurl sends again by itself, on a new connection too.

@pytest.fixture
def make_h2(certificates):
    made = []

    def make(answer):
        serve = H2(answer)
        server = FaultServer(greet_tls(*certificates.good, alpn=('h2', 'http/1.1')), serve)
        serve.server = server
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


def test_http2_where_it_is_offered(caller, make_h2):
    server = make_h2(h2_ok)
    for once in (True, False):
        end = caller.call(server.url('/ok', 'https'), once=once)
        assert (end.what, end.status, end.body) == (REPLY, 200, '{"two":true}')
    assert server.effects == {'h2': 2}


def test_reading_repeats_a_refused_stream(caller, make_h2):
    """The canary of what follows."""
    server = make_h2(h2_refuse(REFUSED_STREAM))
    assert caller.read_(server.url('/ok', 'https')).end == 'no_reply'
    assert server.effects['h2'] > 1


@pytest.mark.parametrize('answer, reasons', [
    (h2_refuse(REFUSED_STREAM), ['repeat']),
    (h2_refuse(HTTP_1_1_REQUIRED), ['repeat', 'broken']),
    (h2_goaway, ['broken', 'repeat', 'not_http']),
    (h2_drop, ['broken', 'not_http']),
])
def test_money_by_http2_is_sent_once(caller, make_h2, answer, reasons):
    server = make_h2(answer)
    end = caller.call(server.url('/ok', 'https'), fields={'X-Effect': 'fallback'})
    assert end.end == 'no_reply' and end.reason in reasons
    assert server.effects == {'h2': 1}


def test_after_a_refusal_the_host_is_spoken_to_in_http1(caller, make_h2):
    server = make_h2(h2_refuse(REFUSED_STREAM))
    assert caller.call(server.url('/echo', 'https')).what == ('no_reply', 'repeat')
    end = caller.call(server.url('/echo', 'https'), fields={'X-Effect': 'one'})
    assert (end.what, end.echo['version']) == (REPLY, 'HTTP/1.1')
    assert server.effects == {'h2': 1, 'one': 1}


# Proxies and the environment.

def test_through_a_proxy(certificates, secure):
    with Proxy() as proxy:
        address = 'http://127.0.0.1:%d' % proxy.port
        with Caller(ca_file=certificates.ca, proxy=address) as own:
            end = own.call(secure.url('/echo', 'https'))
            assert (end.what, end.field('x-proxy')) == (REPLY, None)
            assert proxy.asked == [('CONNECT', '127.0.0.1:%d' % secure.port)]
            lost = own.call(secure.url('/drop', 'https'), fields={'X-Effect': 'proxied'})
            assert lost.what == ('no_reply', 'broken')
            assert secure.effects['proxied'] == 1


def test_a_proxy_that_refuses(certificates, secure):
    with Proxy(refuse=True) as proxy:
        address = 'http://127.0.0.1:%d' % proxy.port
        with Caller(ca_file=certificates.ca, proxy=address) as own:
            end = own.call(secure.url('/ok', 'https'), fields={'X-Effect': 'refused'})
            assert end.end == 'not_sent'
            assert secure.effects['refused'] == 0
            assert len(proxy.asked) == 1


def test_a_proxy_that_is_away(secure, certificates):
    with Caller(ca_file=certificates.ca, proxy='http://127.0.0.1:1') as own:
        assert own.call(secure.url('/ok', 'https')).end == 'not_sent'


def test_a_guarded_call_does_not_hide_behind_the_proxy(certificates, secure):
    with Proxy() as proxy:
        address = 'http://127.0.0.1:%d' % proxy.port
        with Caller(ca_file=certificates.ca, proxy=address) as own:
            end = own.call(secure.url('/ok', 'https'), guarded=True)
            assert end.what == ('not_sent', 'address')
            assert proxy.asked == []


def test_the_environment_is_not_heard(tmp_path, certificates, secure):
    (tmp_path / '.netrc').write_text('default login somebody password something\n')
    (tmp_path / '.curlrc').write_text('proxy = http://127.0.0.1:1\n')
    env = dict.fromkeys(['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'all_proxy'],
                        'http://127.0.0.1:1')
    env.update(HOME=str(tmp_path), SSLKEYLOGFILE=str(tmp_path / 'keys'), no_proxy='',
               CURL_CA_BUNDLE='/dev/null', SSL_CERT_FILE='/dev/null')
    with Caller(env, ca_file=certificates.ca) as own:
        end = own.call(secure.url('/echo', 'https'))
        assert end.what == REPLY
        assert 'authorization' not in [name.lower() for name, _ in end.echo['headers']]
    assert not (tmp_path / 'keys').exists()


# Guarded calls: somebody else chose the host.

@pytest.mark.parametrize('host', [
    '127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '127.1', '2130706433', '0x7f000001',
    '0177.0.0.1', '0.0.0.0', 'loop.test', 'six.test', 'mapped.test',
])
def test_a_guarded_call_to_ourselves(caller, secure, host):
    before = secure.connections
    end = caller.call(secure.url('/ok', 'http', host), guarded=True)
    assert end.what == ('not_sent', 'address')
    assert secure.connections == before


def test_a_guarded_call_to_the_world(caller, certificates):
    """8.8.8.8, which the probe client connects to on this machine."""
    with FaultServer() as server:
        end = caller.call(server.url('/echo', host='public.test'), guarded=True)
        assert end.what == REPLY
        # One of two addresses is special: only the other one is connected to.
        end = caller.call(server.url('/echo', host='mixed.test'), guarded=True)
        assert end.what == REPLY


def test_a_kept_connection_is_guarded_too(caller):
    with FaultServer() as server:
        assert caller.read_(server.url('/echo')).what == REPLY
        kept = caller.read_(server.url('/echo'), fields={'X-Effect': 'inside'}, guarded=True)
        assert kept.what == ('not_sent', 'address')
        assert server.effects['inside'] == 0


# Secrets.

@pytest.mark.parametrize('path', ['/ok', '/drop', '/sized?2000'])
@pytest.mark.parametrize('scheme', ['http', 'https'])
def test_a_secret_is_gone_when_the_call_has_ended(caller, secure, scheme, path):
    secret = 'Bearer-%s-%s' % (scheme, 'kV9'.join(str(time.monotonic_ns())))
    with FaultServer() as open_server:
        server = secure if scheme == 'https' else open_server
        end = caller.call(server.url(path, scheme), backwards=secret[::-1])
    assert end.end in ('reply', 'no_reply')
    assert caller.forgets(secret)


def test_a_secret_is_there_while_the_call_lasts(caller, secure):
    """The canary of the test above: its search finds what is there."""
    secret = 'Bearer-%s' % 'pQ7'.join(str(time.monotonic_ns()))
    caller.send(secure.url('/gated', 'https'), backwards=secret[::-1])
    end = time.monotonic() + 20
    while caller.holds(secret) is None:
        assert time.monotonic() < end, 'the secret of a call under way is not found'
    secure.gate.set()
    assert caller.next().what == REPLY
    assert caller.forgets(secret)
