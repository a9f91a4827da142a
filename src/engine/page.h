/* page.h - the page with a gateway's script, for one order: its token is asked for, and the page
 * made out of the reply. Moves no money and leaves no row. */
#ifndef ENGINE_PAGE_H
#define ENGINE_PAGE_H

#include "net/client.h"
#include "store/desk.h"

/* At once; a payer beyond them loads the page again. */
#define ENGINE_PAGES_MAX 64

/* Ends with `done`, on the client's thread, or before it returns. */
void page_run(struct client *client, const struct outside *outside, struct desk_page *page);

#endif
