"""A build without the sandbox's card form: none of it is in the binary, and its pages take no card.
Where tests are built it is made of the same objects as the one with it (meson.build), so that it
costs one linking; PURSER_WITHOUT_FORM names another."""
import json
import os
import re
import subprocess
from collections import Counter

import pytest

import installation
from client import Client
from contract import ROOT
from installation import Installation, purser
from payer import CARD, Payer

WITH = installation.binary()
WITHOUT = os.path.abspath(os.environ.get('PURSER_WITHOUT_FORM', WITH + '-without-form'))
SHOP = 'https://shop.example/thanks'
ASK = {'amount': 1250, 'currency': 'EUR', 'language': 'en', 'return_url': SHOP}

FIELDS = ('cc-number', 'cc-exp', 'cc-csc', 'cc-name', 'name="card"', 'purser checkout card')

pytestmark = pytest.mark.skipif(not os.access(WITHOUT, os.X_OK), reason='only built with tests')


@pytest.fixture(scope='module')
def bytes_of(tmp_path_factory):
    """A binary without its debugging information, which names what is not in it."""
    def read(binary):
        bare = tmp_path_factory.mktemp('bare') / 'purser'
        subprocess.run(['strip', '-o', str(bare), binary], check=True)
        return bare.read_bytes()
    return {name: read(name) for name in (WITH, WITHOUT)}


def words_of_the_form():
    """Every text of it, in every language, and what only its fields and its seal have."""
    with open(os.path.join(ROOT, 'src/pages/card_form_text.def'), encoding='utf-8') as file:
        texts = re.findall(r'"([^"]+)"', file.read())
    assert len(texts) > 60
    return texts + list(FIELDS)


def symbols(*what):
    """How often each name of a function or a table is defined there."""
    lines = subprocess.run(['nm', '--defined-only', *what], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    parts = [line.split() for line in lines]
    return Counter(p[2] for p in parts if len(p) == 3 and p[1] in 'tTdDrRbB'
                   and re.fullmatch('[a-z_]+', p[2]))


def test_no_word_of_the_form_is_in_it(bytes_of):
    words = words_of_the_form()
    assert [w for w in words if w.encode() not in bytes_of[WITH]] == []
    # Short words of a language may be a part of other sentences.
    found = [w for w in words if w.encode() + b'\0' in bytes_of[WITHOUT]]
    assert found == []
    assert [w for w in FIELDS if w.encode() in bytes_of[WITHOUT]] == []


def test_no_function_of_the_form_is_in_it():
    made = [os.path.join(os.path.dirname(WITH), 'src', 'lib%scard_form.a' % n) for n in ('', 'no_')]
    form = symbols(made[0]) - symbols(made[1])
    # Its tables are there whatever the compiler makes of its functions.
    assert {'card_fields', 'texts'} <= form.keys(), form
    assert symbols(WITH) - symbols(WITHOUT) == form


def said_version(binary):
    run = subprocess.run([binary, 'version', '--json'], check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)['sandbox_form']


def test_version_says_which_build_it_is():
    assert said_version(WITH) is True and said_version(WITHOUT) is False


@pytest.fixture(scope='module')
def books(tmp_path_factory, contract):
    """Books with an open session and a reviewed card, made by a build with the form; then served
    by one without."""
    home = Installation(tmp_path_factory.mktemp('purser') / 'data').start()
    client = Client(home, home.key(), contract)
    session = client.post('/v1/checkout_sessions', ASK).expect(201)
    reviewed = Payer(client, session).review()
    assert reviewed.title == 'Check and pay' and home.stop() == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PURSER_BINARY', WITHOUT)
        home.start()
        yield client, session, reviewed
        assert home.doctor().returncode == 0
        assert home.stop() == 0


def test_no_session_for_what_only_the_form_could_take(books):
    client, _, _ = books
    client.post('/v1/checkout_sessions', ASK).refused('payment_method_not_supported',
                                                      'gateway_account')


def test_a_session_of_another_build_is_not_paid_here(books):
    client, session, reviewed = books
    payer = Payer(client, session)
    page = payer.go()
    assert page.title == 'Not possible just now' and page.fields == {}
    hidden = reviewed.forms[0]['hidden']
    for fields in (dict(hidden, do='review', **CARD), dict(hidden, do='pay'),
                   dict(hidden, do='pay', **CARD)):
        page = payer.go('POST', fields=fields)
        assert page.title == 'Not possible just now' and page.fields == {}
    invoice = client.get('/v1/invoices/' + session['invoice']).expect(200)
    assert invoice['payments'] == []


def test_a_gateway_with_a_page_of_its_own_is_as_ever(books):
    client, _, _ = books
    account = client.post('/v1/gateway_accounts', {
        'gateway': 'hyperswitch', 'settings': {'base_url': 'http://127.0.0.1:9'},
        'credentials': {'api_key': 'key_1', 'webhook_key': 'key_2'}}).expect(201)
    session = client.post('/v1/checkout_sessions', dict(ASK, gateway_account=account['id'])
                          ).expect(201)
    page = Payer(client, session).go()
    assert page.title == 'Your payment' and 'pay' in page.buttons()
    assert page.fields.keys() == {'website'}


def test_the_demo_shop_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv('PURSER_BINARY', WITHOUT)
    run = purser('serve', '--data', str(tmp_path / 'data'), '--listen', '127.0.0.1:0',
                 '--demo', 'on')
    assert run.returncode != 0 and 'sandbox_form' in run.stderr
