/* html.h - text into HTML. */
#ifndef PAGES_HTML_H
#define PAGES_HTML_H

#include "base/buf.h"

/* Escaped for an element's content and for an attribute in double quotes. Bytes that are no
 * UTF-8 become U+FFFD. */
void html_write(struct buf *out, struct str text);

#endif
