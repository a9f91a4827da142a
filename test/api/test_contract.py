"""api/openapi.yaml agrees with the tables that the program is made from, and with itself."""
import os

import pytest

from client import Client
from contract import ROOT, table_of

# Schema of the contract, table of the program, column that holds the words.
WORDS = [
    ('PaymentStatus', 'src/core/payment.def', 'PAYMENT_STATES', 1),
    ('RefundStatus', 'src/core/refund.def', 'REFUND_STATES', 1),
    ('InvoiceStatus', 'src/core/invoice.def', 'INVOICE_STATES', 1),
    ('CheckoutStatus', 'src/core/checkout.def', 'CHECKOUT_STATES', 1),
    ('InstrumentStatus', 'src/core/instrument.def', 'INSTRUMENT_STATES', 1),
    ('OperationState', 'src/core/operation.def', 'OPERATION_STATES', 1),
    ('OperationKind', 'src/core/operation.def', 'OPERATION_KINDS', 1),
    ('CaptureMethod', 'src/core/payment.def', 'CAPTURE_METHODS', 1),
    ('CancelReason', 'src/core/payment.def', 'CANCEL_REASONS', 1),
    ('FailureType', 'src/core/payment.def', 'FAILURE_TYPES', 1),
    ('PaymentMethodType', 'src/core/payment.def', 'PAYMENT_METHODS', 1),
    ('NextActionType', 'src/core/payment.def', 'NEXT_ACTIONS', 1),
    ('GatewayOutcome', 'src/core/gateway.def', 'GATEWAY_OUTCOMES', 1),
    ('GatewayCapture', 'src/core/gateway.def', 'GATEWAY_CAPTURES', 1),
    ('EventType', 'src/core/event.def', 'EVENT_TYPES', 1),
    ('Origin', 'src/core/event.def', 'ORIGINS', 1),
    ('Scope', 'src/core/tenants.h', 'KEY_SCOPES', 1),
    ('ErrorCode', 'src/base/err.def', 'ERR_TABLE', 1),
    ('Currency', 'src/base/currency.def', 'CURRENCY_TABLE', 0),
]


@pytest.mark.parametrize('schema,path,table,column', WORDS, ids=[w[0] for w in WORDS])
def test_the_words_are_those_of_the_program(contract, schema, path, table, column):
    assert contract.schema(schema)['enum'] == [row[column] for row in table_of(path, table)]


STATE_TABLES = [('Payments', 'src/core/payment.def', 'PAYMENT_STATES'),
                ('Refunds', 'src/core/refund.def', 'REFUND_STATES'),
                ('Invoices', 'src/core/invoice.def', 'INVOICE_STATES'),
                ('Checkout', 'src/core/checkout.def', 'CHECKOUT_STATES'),
                ('Instruments', 'src/core/instrument.def', 'INSTRUMENT_STATES')]


@pytest.mark.parametrize('tag,path,table', STATE_TABLES, ids=[t[0] for t in STATE_TABLES])
def test_the_state_tables_for_people_are_those_of_the_program(contract, tag, path, table):
    text = next(t['description'] for t in contract.document['tags'] if t['name'] == tag)
    for _, state, final, meaning in table_of(path, table):
        row = '| `%s` | %s | %s' % (state, meaning, 'yes |' if final == '1' else '|')
        assert row in text


def test_the_examples_are_valid(contract):
    checked = 0
    for route in contract.routes:
        bodies = [route.operation.get('requestBody', {})]
        bodies += list(route.responses.values())
        for body in bodies:
            for content in body.get('content', {}).values():
                for example in content.get('examples', {}).values():
                    value = contract.resolve(example)['value']
                    assert contract.problems(content['schema'], value) == []
                    checked += 1
    assert checked > 10


def test_every_answer_lists_all_its_members(contract):
    """What the contract promises is always there; clients need not ask whether it is."""
    for name in ('Payment', 'Refund', 'Invoice', 'CheckoutSession', 'CheckoutSettings', 'Event',
                 'Operation', 'Attempt', 'GatewayAccount', 'ApiKey', 'Problem', 'Failure',
                 'NextAction', 'PaymentMethod', 'Customer', 'Instrument'):
        schema = contract.schema(name)
        assert sorted(schema['required']) == sorted(schema['properties']), name
        assert schema['additionalProperties'] is False, name


def test_the_server_serves_this_contract(server, contract):
    answer = Client(server, None, contract).get('/openapi.yaml')
    assert answer.status == 200
    assert answer.raw == contract.raw


def test_the_contract_has_the_version_of_the_program(contract):
    with open(os.path.join(ROOT, 'meson.build'), encoding='utf-8') as file:
        assert "version: '%s'" % contract.document['info']['version'] in file.read()
