/* query_wallet.h - customers and their saved cards. An empty filter lets all pass; deleted
 * customers are not listed. */
#ifndef STORE_QUERY_WALLET_H
#define STORE_QUERY_WALLET_H

#include "store/queries.h"

must_check enum err query_customer(struct db *db, struct query_scope scope, struct customer_id id,
                                   struct arena *arena, struct customer **out);
must_check enum err query_customers(struct db *db, struct query_scope scope, struct str reference,
                                    struct query_page page, struct arena *arena,
                                    struct customer_list *out);
must_check enum err query_instrument(struct db *db, struct query_scope scope,
                                     struct instrument_id id, struct arena *arena,
                                     struct instrument **out);
must_check enum err query_instruments(struct db *db, struct query_scope scope,
                                      struct customer_id customer, struct str status,
                                      struct query_page page, struct arena *arena,
                                      struct instrument_list *out);

#endif
