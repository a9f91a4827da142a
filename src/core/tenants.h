/* tenants.h - who uses this installation: merchants, their API keys and gateway
 * accounts, and the runs of the nodes that serve them. */
#ifndef CORE_TENANTS_H
#define CORE_TENANTS_H

#include "base/crypto.h"
#include "base/list.h"
#include "core/objects.h"

struct merchant {
    enum row_change row;
    struct merchant_id id;
    struct str name;              /* unique; "default" is made at first start */
    int64_t created_ms;
};

/* X(NAME, text, bit, meaning) */
#define KEY_SCOPES(X)                                                                    \
    X(READ, "read", 1, "Read everything of the merchant in the key's mode.")             \
    X(WRITE, "write", 2, "Make, confirm, capture and cancel payments and invoices.")     \
    X(REFUND, "refund", 4, "Make refunds.")                                              \
    X(ADMIN, "admin", 8, "Manage API keys and gateway accounts.")                        \
    X(OPERATOR, "operator", 16, "See and steer the jobs of the whole installation.")

#define X(name, text, bit, meaning) KEY_SCOPE_##name = bit,
enum key_scope { KEY_SCOPES(X) };
#undef X
/* All that are about a merchant. `operator` goes beyond, so only the command line gives it. */
#define KEY_SCOPES_ALL 15

struct api_key {
    enum row_change row;
    struct api_key_id id;
    struct merchant_id merchant;
    bool live;
    struct sha256 hash;           /* HMAC of the key's text under the installation key */
    struct str hint;              /* "psk_test_...x7Qp": enough to recognise it */
    int64_t scopes;               /* bits of enum key_scope */
    struct str description;
    struct str addresses;         /* CIDR blocks separated by spaces; empty: from anywhere */
    int64_t created_ms;
    int64_t expires_ms;           /* 0: never */
    int64_t revoked_ms;
};
LIST_TYPE(api_key_list, struct api_key)

struct gateway_account {
    enum row_change row;
    struct gateway_account_id id;
    struct merchant_id merchant;
    bool live;
    struct str gateway;
    struct str description;
    bool is_default;
    bool disabled;
    struct str settings;          /* JSON object: what the operator may set, see account.h */
    struct str credentials;       /* sealed; empty when the gateway needs none */
    int64_t created_ms;
    int64_t updated_ms;
};
LIST_TYPE(gateway_account_list, struct gateway_account)

/* One run of one node: the name under which it holds leases. */
struct run {
    enum row_change row;
    struct run_id id;
    struct str node;              /* host name and process, for people */
    int64_t started_ms;
    int64_t lapses_ms;            /* in database time; what it was sending then is unknown */
    int64_t batches;              /* committed under it */
    struct str history;           /* of the server then; under another it is over, */
    int64_t era;                  /* and in another */
};

/* One stretch of the books without a gap: from a start, or a cut, to the next cut. */
struct history {
    int64_t number;               /* 1, 2, ... */
    struct str history;           /* as the server names it; empty where the engine has no such */
    int64_t since_ms;             /* when it was noticed; database time */
    int64_t newest_ms;            /* of the newest invoice from before; 0: there is none */
};

#endif
