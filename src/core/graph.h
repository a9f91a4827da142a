/* graph.h - a state machine as a picture: `purser graph NAME | dot -Tsvg > payment.svg`. */
#ifndef CORE_GRAPH_H
#define CORE_GRAPH_H

#include "base/buf.h"
#include "core/machine.h"

/* Graphviz text. Final states have double circles; an edge is labelled with its event and
 * coloured by who may say it, corrections dashed; the title names the colours in use. */
void graph_write(struct buf *out, const struct machine *machine);

#endif
