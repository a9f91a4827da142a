/* control.h - the simulator's own API under /sim/: docs/simulator.md lists it. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim/exchange.h"

extern const struct face control_face;

#endif
