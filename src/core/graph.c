/* graph.c - Graphviz text from a machine's tables. */
#include "core/graph.h"

#include <assert.h>

/* How each speaker's edges are drawn. Dark enough to be read on white, and told apart by
 * those who do not see colours through the style and the label. */
static const struct pen {
    const char *color;
    const char *style;
} pens[] = {
    [SPEAKER_NOBODY] = { "black", "solid" },    [SPEAKER_MERCHANT] = { "#1f4e9c", "solid" },
    [SPEAKER_GATEWAY] = { "#2e6b2e", "solid" }, [SPEAKER_PAYER] = { "#7a3b8f", "solid" },
    [SPEAKER_CLOCK] = { "#8a5a00", "dotted" },  [SPEAKER_CORRECTION] = { "#b3261e", "dashed" },
    [SPEAKER_PURSER] = { "#444444", "solid" },
};
#define PEN_COUNT (sizeof(pens) / sizeof(pens[0]))

static const struct pen *pen_of(enum speaker speaker)
{
    assert(speaker < PEN_COUNT);
    return &pens[speaker];
}

static bool speaks(const struct machine *machine, enum speaker speaker)
{
    for (size_t event = 1; event < machine->event_count; event++)
        if (machine->events[event].speaker == speaker)
            return true;
    return false;
}

/* The title, which is the legend too: the machine's name and its speakers in their colours. */
static void write_title(struct buf *out, const struct machine *machine)
{
    buf_addf(out, "    label=<<b>%s</b>", machine->name);
    for (unsigned speaker = 0; speaker < PEN_COUNT; speaker++)
        if (speaks(machine, speaker))
            buf_addf(out, " &#160;<font color=\"%s\">%s</font>", pen_of(speaker)->color,
                     speaker_text(speaker));
    buf_add_c(out, ">\n    labelloc=t\n");
}

static void write_states(struct buf *out, const struct machine *machine)
{
    for (size_t state = 1; state < machine->state_count; state++)
        buf_addf(out, "    %s [shape=%s]\n", machine->states[state].text,
                 machine->states[state].final ? "doublecircle" : "ellipse");
}

static void write_edges(struct buf *out, const struct machine *machine)
{
    for (unsigned from = 1; from < machine->state_count; from++) {
        for (unsigned event = 1; event < machine->event_count; event++) {
            unsigned to = machine_next(machine, from, event);
            if (to == 0)
                continue;
            const struct pen *pen = pen_of(machine->events[event].speaker);
            buf_addf(out, "    %s -> %s [label=\"%s\" color=\"%s\" fontcolor=\"%s\" style=%s]\n",
                     machine->states[from].text, machine->states[to].text,
                     machine->events[event].name, pen->color, pen->color, pen->style);
        }
    }
}

void graph_write(struct buf *out, const struct machine *machine)
{
    buf_addf(out, "digraph %s {\n", machine->name);
    write_title(out, machine);
    buf_add_c(out, "    rankdir=LR\n"
                   "    node [fontname=\"sans-serif\" fontsize=11]\n"
                   "    edge [fontname=\"sans-serif\" fontsize=9]\n"
                   "    start [shape=point]\n");
    write_states(out, machine);
    buf_addf(out, "    start -> %s\n", machine->states[1].text);
    write_edges(out, machine);
    buf_add_c(out, "}\n");
}
