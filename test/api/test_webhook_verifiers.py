"""Webhooks against the library that receivers use, which shares no code with ours.

It is no Debian package: pip installs it, without dependencies, into a folder of the tests. Where
that cannot be done these tests fail, since nothing was shown; so they run with the long suites."""
import importlib
import json
import os
import subprocess
import sys

import pytest

from client import Client
from installation import Installation
from sink import Sink

LIBRARY = 'standardwebhooks==1.1.0'
pytestmark = pytest.mark.skipif(not os.environ.get('PURSER_WEBHOOKS_LONG'),
                                reason='needs the network: PURSER_WEBHOOKS_LONG')


@pytest.fixture(scope='module')
def library(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('library'))
    run = subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps',
                          '--disable-pip-version-check', '--target', folder, LIBRARY],
                         capture_output=True, text=True)
    assert run.returncode == 0, 'the independent verifier cannot be installed: ' + run.stderr
    sys.path.insert(0, folder)
    yield importlib.import_module('standardwebhooks.webhooks')
    sys.path.remove(folder)


def test_every_format_passes_the_library(tmp_path, contract, library):
    """Also hooker's, by the headers beside the RSA signature: one request for both."""
    installation = Installation(tmp_path / 'data').start(PURSER_WEBHOOK_ADDRESSES='any')
    client = Client(installation, installation.key(), contract)
    sink = Sink()
    for name in ('standard', 'hooker-flat', 'hooker-envelope', 'stripe-like', 'hmac-body'):
        made = client.post('/v1/webhook_endpoints', {'url': sink.url('/' + name), 'format': name,
                                                     'sign_v1a': True}).expect(201)
        rotated = client.post('/v1/webhook_endpoints/%s/rotate_secret' % made['id'], {}).expect(200)
        client.post('/v1/webhook_endpoints/%s/test' % made['id'], {}).expect(202)
        request = sink.wait(1, '/' + name)[0]
        headers = {k.lower(): v for k, v in request['headers'].items()}
        for secret in (made['secret'], rotated['secret']):      # both sign for a day
            read = library.Webhook(secret).verify(request['body'], headers)
            assert read == json.loads(request['body'])
        with pytest.raises(library.WebhookVerificationError):
            library.Webhook(made['secret']).verify(request['body'] + b' ', headers)
        with pytest.raises(library.WebhookVerificationError):
            library.Webhook('whsec_' + 'A' * 44).verify(request['body'], headers)
    assert installation.stop() == 0
    sink.close()
