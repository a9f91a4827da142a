"""A gateway that sends signed webhooks, as Hyperswitch does."""
import hashlib
import hmac
import json
import uuid

from harness import lines

KEY = 'bench-hash-key'
PATH = '/v1/notifications/hyperswitch/'
DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'


def make_account(server):
    return json.loads(server.must(201, 'POST', '/v1/gateway_accounts', json.dumps({
        'gateway': 'hyperswitch', 'settings': {'base_url': 'http://127.0.0.1:9'},
        'credentials': {'api_key': 'bench', 'webhook_key': KEY}})))['id']


def payment_id():
    number = uuid.uuid4().int
    return 'pay_' + ''.join(DIGITS[number >> 5 * place & 31] for place in range(26))


def sign(content_type, thing):
    """(signature, body)"""
    body = json.dumps({
        'merchant_id': 'merchant_1', 'event_id': str(uuid.uuid4()),
        'event_type': 'payment_succeeded', 'timestamp': '2026-11-23T10:00:00.000Z',
        'content': {'type': content_type, 'object': thing}})
    return hmac.new(KEY.encode(), body.encode(), hashlib.sha512).hexdigest(), body


def message():
    """Of a payment that purser does not know: it keeps such a message, and looks again later, which
    is the dearest sort."""
    return sign('payment_details', {'payment_id': payment_id(), 'amount': 1250, 'currency': 'EUR',
                                    'status': 'succeeded'})


def quiet_message():
    """Of nothing that purser has to do with: kept, and that is all."""
    return sign('payout_details', {'payout_id': payment_id(), 'amount': 1250, 'currency': 'EUR',
                                   'status': 'success'})


def requests(account, count):
    """For bench/load: so many messages, each once and then over again."""
    return lines(*(('POST', PATH + account, ['Content-Type: application/json',
                                             'x-webhook-signature-512: ' + signature], body)
                   for signature, body in (message() for _ in range(count))))
