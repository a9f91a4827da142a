"""`purser gateways` is what the adapters can do, and what their pages in docs/ are about."""
import json
import os

from contract import ROOT
from installation import purser


def gateways():
    run = purser('gateways', '--json')
    assert run.returncode == 0, run.stderr
    return {gateway['name']: gateway for gateway in json.loads(run.stdout)}


def test_every_gateway_is_listed_with_a_page_of_its_own():
    listed = gateways()
    assert 'sandbox' in listed
    text = purser('gateways').stdout
    for name, gateway in listed.items():
        assert '%s - %s' % (name, gateway['title']) in text
        page = os.path.join(ROOT, 'docs', 'gateways', name + '.md')
        assert os.path.exists(page), page
        with open(page, encoding='utf-8') as file:
            words = file.read()
        for credential in gateway['credentials']:
            assert credential in words, (page, credential)


def test_every_gateway_can_be_asked():
    """Without an enquiry an unknown operation could never end."""
    for name, gateway in gateways().items():
        assert 'enquire' in gateway['operations'], name
        for kind, operation in gateway['operations'].items():
            if kind != 'enquire':
                assert operation['lost_answer'] in ('enquire_first', 'repeat_same_key',
                                                    'never_repeat'), (name, kind)
