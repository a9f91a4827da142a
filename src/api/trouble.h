/* trouble.h - what is wrong with a request, for the problem that is answered.
 *
 * `err` itself is returned; these are its sentence and the member it is about. The
 * first to speak wins: whoever is nearest to the trouble knows most. */
#ifndef API_TROUBLE_H
#define API_TROUBLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct trouble {
    struct arena *arena; /* where the texts live */
    struct str detail;   /* a sentence; never a value that was sent */
    struct str param;    /* "payment_method.card.number"; empty: about no member */
};

/* Both return `err`. A card number in `param` is masked. */
__attribute__((format(printf, 3, 4))) enum err trouble_say(struct trouble *trouble, enum err err,
                                                           const char *format, ...);
__attribute__((format(printf, 4, 5))) enum err trouble_about(struct trouble *trouble, enum err err,
                                                             struct str param, const char *format,
                                                             ...);

#endif
