"""Webhooks against what receivers check them with, none of which shares code with ours: openssl,
Node's crypto, and the libraries of Standard Webhooks for Python and for Node.

The libraries are no Debian packages: tools/verifiers fetches them. Where that cannot be done those
tests fail, since nothing was shown; so they run with the long suites."""
import base64
import collections
import importlib
import json
import os
import subprocess
import sys

import pytest

from client import Client
from contract import ROOT
from installation import Installation
from sink import Sink
from test_webhooks import openssl

long = pytest.mark.skipif(not os.environ.get('PURSER_WEBHOOKS_LONG'),
                          reason='needs the network: PURSER_WEBHOOKS_LONG')
FORMATS = [('standard', {}), ('hooker-flat', {'rsa_bits': 1024}), ('hooker-flat', {}),
           ('hooker-envelope', {}), ('stripe-like', {}), ('hmac-body', {})]
# What a merchant may write, and what a careless writer of JSON would get wrong.
METADATA = {'name': 'Алматы ☕ 🧾', 'text': '"\\/\b\n\u001f\u007f', 'empty': ''}

Told = collections.namedtuple('Told', 'made rotated headers body')


@pytest.fixture(scope='module')
def told(tmp_path_factory, contract):
    """An event in each format: the endpoint, its second secret, and the request that came."""
    installation = Installation(tmp_path_factory.mktemp('purser') / 'data')
    client = Client(installation.start(PURSER_WEBHOOK_ADDRESSES='any'), installation.key(),
                    contract)
    sink, endpoints = Sink(), []
    for number, (name, members) in enumerate(FORMATS):
        made = client.post('/v1/webhook_endpoints', {
            'url': sink.url('/%d' % number), 'format': name, 'sign_v1a': True,
            'filter': {'events': ['invoice.created']}, **members}).expect(201)
        where = '/v1/webhook_endpoints/%s/rotate_secret' % made['id']
        endpoints.append((made, client.post(where, {}).expect(200)['secret']))
    client.post('/v1/invoices', {'amount': 5, 'currency': 'EUR', 'metadata': METADATA}).expect(201)
    found = []
    for number, (made, rotated) in enumerate(endpoints):
        request = sink.wait(1, '/%d' % number)[0]
        headers = {name.lower(): value for name, value in request['headers'].items()}
        found.append(Told(made, rotated, headers, request['body']))
    assert installation.stop() == 0
    sink.close()
    return found


def flipped(body):
    """The body with one bit changed, at some places of it."""
    for at in (0, len(body) // 2, len(body) - 1):
        yield body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


def node(cases, *arguments):
    """What the verifiers in JavaScript say of each: None where it fits."""
    cases = [dict(case, body=base64.b64encode(case['body']).decode()) for case in cases]
    run = subprocess.run(['node', os.path.join(os.path.dirname(__file__), 'verifier.js'),
                          *arguments], input=json.dumps(cases), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def fit_as_they_are_only(cases, *arguments):
    """Each fits, and with another body, id or time it does not."""
    sent, good = [], []
    for case in cases:
        sent += [case] + [dict(case, body=body) for body in flipped(case['body'])]
        good += [True, False, False, False]
        if case['by'] != 'rsa':         # which is over the body alone
            for name, value in (('webhook-timestamp', '1700000000'), ('webhook-id', 'evt_1')):
                sent.append(dict(case, headers=dict(case['headers'], **{name: value})))
                good.append(False)
    said = node(sent, *arguments)
    assert [why is None for why in said] == good, said


def rsa_signature(one):
    """Of hooker's formats, as bytes."""
    if 'x-signature' in one.headers:
        return base64.b64decode(one.headers['x-signature'], validate=True)
    head, digest = one.headers['content-signature'].split('; digest=')
    assert head == 'alg=RS256'
    return base64.urlsafe_b64decode(digest)


def with_rsa(told):
    found = [one for one in told if one.made['rsa_public_key_pem']]
    assert [len(rsa_signature(one)) for one in found] == [128, 256, 256]
    return found


def test_openssl_takes_the_rsa_signatures(told, tmp_path):
    for one in with_rsa(told):
        key, signature = one.made['rsa_public_key_pem'], rsa_signature(one)
        assert openssl(tmp_path, key, signature, one.body).returncode == 0
        for body in flipped(one.body):
            assert openssl(tmp_path, key, signature, body).returncode != 0


def test_node_takes_the_rsa_signatures(told):
    fit_as_they_are_only([{'by': 'rsa', 'key': one.made['rsa_public_key_pem'],
                           'headers': one.headers, 'body': one.body,
                           'signature': base64.b64encode(rsa_signature(one)).decode()}
                          for one in with_rsa(told)])


def test_node_takes_v1a(told):
    """No released library verifies it: these few lines are what a receiver writes."""
    cases = []
    for one in told:
        signatures = one.headers['webhook-signature'].split(' ')
        assert [text.split(',')[0] for text in signatures] == ['v1', 'v1', 'v1a']
        cases.append({'by': 'ed25519', 'key': one.made['public_key'], 'headers': one.headers,
                      'body': one.body, 'signature': signatures[2].split(',')[1]})
    fit_as_they_are_only(cases)


@pytest.fixture(scope='module')
def libraries():
    run = subprocess.run([os.path.join(ROOT, 'tools', 'verifiers')], capture_output=True,
                         text=True)
    assert run.returncode == 0, 'the independent verifiers cannot be fetched: ' + run.stderr
    return os.path.join(ROOT, run.stdout.strip())


@long
@pytest.mark.parametrize('library', ['standardwebhooks', 'svix'])
def test_every_format_passes_the_library_of_node(told, libraries, library):
    """Also hooker's, by the headers beside the RSA signature: one request for both. Both secrets
    sign for a day after a rotation."""
    cases = [{'by': library, 'key': secret, 'headers': one.headers, 'body': one.body}
             for one in told for secret in (one.made['secret'], one.rotated)]
    fit_as_they_are_only(cases, libraries)
    assert node([dict(cases[0], key='whsec_' + 'A' * 43 + '=')], libraries) != [None]


@long
def test_every_format_passes_the_library_of_python(told, libraries):
    sys.path.insert(0, os.path.join(libraries, 'python'))
    library = importlib.import_module('standardwebhooks.webhooks')
    for one in told:
        for secret in (one.made['secret'], one.rotated):
            read = library.Webhook(secret).verify(one.body, one.headers)
            assert read == json.loads(one.body)
        for body in flipped(one.body):
            with pytest.raises(library.WebhookVerificationError):
                library.Webhook(one.rotated).verify(body, one.headers)
        with pytest.raises(library.WebhookVerificationError):
            library.Webhook('whsec_' + 'A' * 44).verify(one.body, one.headers)
