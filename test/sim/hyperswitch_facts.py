"""Facts about Hyperswitch's v1 API, written down from its OpenAPI file (juspay/hyperswitch,
api-reference/v1/openapi_spec_v1.json, Apache-2.0, read 2026-11) and, where it says so, from the
router's sources. No package of a registry ships that file or a typed client of this API, so the
simulator is held against these.

A member: (type, may be null). Types are JSON Schema's; the names of `ENUMS` are words.
"""

INTENT_STATUS = [
    'succeeded', 'failed', 'cancelled', 'cancelled_post_capture', 'processing',
    'requires_customer_action', 'requires_merchant_action', 'requires_payment_method',
    'requires_confirmation', 'requires_capture', 'partially_captured',
    'partially_captured_and_capturable', 'partially_authorized_and_requires_capture',
    'partially_captured_and_processing', 'conflicted', 'expired']
REFUND_STATUS = ['succeeded', 'failed', 'pending', 'review']
CAPTURE_METHOD = ['automatic', 'manual', 'manual_multiple', 'scheduled', 'sequential_automatic']
EVENT_TYPES = [
    'payment_succeeded', 'payment_failed', 'payment_processing', 'payment_cancelled',
    'payment_cancelled_post_capture', 'payment_authorized', 'payment_partially_authorized',
    'payment_captured', 'payment_expired', 'action_required', 'refund_succeeded', 'refund_failed']

PAYMENT_REQUIRED = ['payment_id', 'merchant_id', 'status', 'amount', 'net_amount',
                    'amount_capturable', 'processor_merchant_id', 'currency', 'payment_method',
                    'attempt_count']
PAYMENT = {
    'payment_id': ('string', False), 'merchant_id': ('string', False),
    'status': ('string', False), 'amount': ('integer', False), 'net_amount': ('integer', False),
    'shipping_cost': ('integer', True), 'amount_capturable': ('integer', False),
    'amount_received': ('integer', True), 'processor_merchant_id': ('string', False),
    'initiator': ('object', True), 'connector': ('string', True), 'client_secret': ('string', True),
    'created': ('time', True), 'modified_at': ('time', True), 'currency': ('string', False),
    'customer_id': ('string', True), 'customer': ('object', True), 'description': ('string', True),
    'refunds': ('array', True), 'disputes': ('array', True), 'attempts': ('array', True),
    'captures': ('array', True), 'mandate_id': ('string', True), 'mandate_data': ('object', True),
    'setup_future_usage': ('string', True), 'off_session': ('boolean', True),
    'capture_on': ('time', True), 'capture_method': ('string', True),
    # Not nullable in the file, but an Option in the router's sources: null before the payer chose.
    'payment_method': ('string', True),
    'payment_method_data': ('object', True), 'payment_token': ('string', True),
    'shipping': ('object', True), 'billing': ('object', True), 'order_details': ('array', True),
    'email': ('string', True), 'name': ('string', True), 'phone': ('string', True),
    'return_url': ('string', True), 'authentication_type': ('string', True),
    'statement_descriptor_name': ('string', True), 'statement_descriptor_suffix': ('string', True),
    'next_action': ('object', True), 'cancellation_reason': ('string', True),
    'error_code': ('string', True), 'error_message': ('string', True),
    'unified_code': ('string', True), 'unified_message': ('string', True),
    'payment_experience': ('string', True), 'payment_method_type': ('string', True),
    'connector_label': ('string', True), 'business_country': ('string', True),
    'business_label': ('string', True), 'business_sub_label': ('string', True),
    'allowed_payment_method_types': ('array', True), 'manual_retry_allowed': ('boolean', True),
    'connector_transaction_id': ('string', True), 'frm_message': ('object', True),
    'metadata': ('object', True), 'connector_metadata': ('object', True),
    'feature_metadata': ('object', True), 'reference_id': ('string', True),
    'payment_link': ('object', True), 'profile_id': ('string', True),
    'surcharge_details': ('object', True), 'attempt_count': ('integer', False),
    'merchant_decision': ('string', True), 'merchant_connector_id': ('string', True),
    'incremental_authorization_allowed': ('boolean', True),
    'authorization_count': ('integer', True), 'incremental_authorizations': ('array', True),
    'external_authentication_details': ('object', True),
    'external_3ds_authentication_attempted': ('boolean', True), 'expires_on': ('time', True),
    'fingerprint': ('string', True), 'browser_info': ('object', True),
    'payment_channel': ('string', True), 'payment_method_id': ('string', True),
    'network_transaction_id': ('string', True), 'payment_method_status': ('string', True),
    'updated': ('time', True), 'merchant_order_reference_id': ('string', True),
    'connector_mandate_id': ('string', True)}

REFUND_REQUIRED = ['refund_id', 'payment_id', 'amount', 'currency', 'status', 'connector']
REFUND = {
    'refund_id': ('string', False), 'payment_id': ('string', False), 'amount': ('integer', False),
    'currency': ('string', False), 'status': ('string', False), 'reason': ('string', True),
    'metadata': ('object', True), 'error_message': ('string', True), 'error_code': ('string', True),
    'unified_code': ('string', True), 'unified_message': ('string', True),
    'created_at': ('time', True), 'updated_at': ('time', True), 'connector': ('string', False),
    'profile_id': ('string', True), 'merchant_connector_id': ('string', True)}

# The requests' schemas close with "additionalProperties": false.
REFUND_REQUEST = ['payment_id', 'refund_id', 'merchant_id', 'amount', 'reason', 'refund_type',
                  'metadata', 'merchant_connector_details', 'split_refunds', 'all_keys_required']

WEBHOOK_REQUIRED = ['merchant_id', 'event_id', 'event_type', 'content', 'timestamp']

# From the router's sources: status and envelope of what a merchant's server meets.
ERRORS = {'IR_01': 401, 'IR_04': 400, 'IR_05': 422, 'IR_12': 400, 'IR_13': 400, 'IR_14': 400,
          'IR_16': 400, 'HE_00': 500, 'HE_01': 400, 'HE_02': 404, 'HE_04': 404, 'CE_01': 400,
          'CE_03': 400}
ERROR_TYPES = ['invalid_request', 'api', 'connector']


def _is(value, kind):
    if kind == 'time':
        return isinstance(value, str) and len(value) == 24 and value[10] == 'T' \
            and value.endswith('Z')
    types = {'string': str, 'integer': int, 'boolean': bool, 'object': dict, 'array': list}
    return isinstance(value, types[kind]) and (kind == 'boolean' or not isinstance(value, bool))


def _check(value, members, required, words):
    missing = [name for name in required if name not in value]
    assert not missing, missing
    unknown = [name for name in value if name not in members]
    assert not unknown, unknown
    for name, found in value.items():
        kind, may_be_null = members[name]
        assert (found is None and may_be_null) or _is(found, kind), (name, found)
    assert value['status'] in words, value['status']
    assert len(value['currency']) == 3 and value['currency'].isupper()


def check_refund(value):
    _check(value, REFUND, REFUND_REQUIRED, REFUND_STATUS)


def check_payment(value):
    _check(value, PAYMENT, PAYMENT_REQUIRED, INTENT_STATUS)
    assert value['capture_method'] in CAPTURE_METHOD
    for refund in value['refunds'] or []:
        check_refund(refund)
    link = value['payment_link']
    if link is not None:
        assert set(link) == {'link', 'secure_link', 'payment_link_id'}
    action = value['next_action']
    if action is not None:
        assert action['type'] == 'redirect_to_url' and action['redirect_to_url']


def check_error(answer, code=None):
    value = answer.json
    assert set(value) == {'error'}
    error = value['error']
    assert {'type', 'message', 'code'} <= set(error) <= {'type', 'message', 'code', 'reason'}
    assert error['type'] in ERROR_TYPES
    if code is not None:
        assert error['code'] == code, error
    if error['code'] in ERRORS and error['code'] != 'HE_00':
        assert answer.status == ERRORS[error['code']], answer.status


def check_webhook(value):
    missing = [name for name in WEBHOOK_REQUIRED if name not in value]
    assert not missing, missing
    assert value['event_type'] in EVENT_TYPES
    assert set(value['content']) == {'type', 'object'}
    if value['content']['type'] == 'refund_details':
        check_refund(value['content']['object'])
    else:
        assert value['content']['type'] == 'payment_details'
        check_payment(value['content']['object'])
