/* graph.c - `purser graph`: a state machine as Graphviz, from the table that the program runs. */
#include "core/graph.h"

#include <assert.h>

#include "base/nearest.h"
#include "commands/command.h"

#define GRAPH_MAX (1 << 18)
#define MACHINES_MAX 8

static enum exit_code run_graph(struct cli *cli)
{
    struct str typed = cli->operands[0];
    const char *names[MACHINES_MAX];
    size_t count = 0;
    struct buf buf;

    for (; machines[count] != NULL; count++) {
        assert(count < MACHINES_MAX);
        names[count] = machines[count]->name;
        if (!str_equal_c(typed, names[count]))
            continue;
        buf_init(&buf, cli->arena, GRAPH_MAX);
        graph_write(&buf, machines[count]);
        assert(buf_ok(&buf));
        fprintf(cli->world->out, "%.*s", STR_ARG(buf_str(&buf)));
        return EXIT_OK;
    }
    const char *nearest = nearest_name(typed, names, count);
    return cli_fail(cli, EXIT_COULD_NOT,
                    "there is no machine \"%.*s\"%s%s%s; there are payment, refund, invoice and "
                    "operation",
                    STR_ARG(typed), nearest == NULL ? "" : " (did you mean ",
                    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?)");
}

const struct command command_graph = {
    .name = "graph",
    .operands = "payment|refund|invoice|operation",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "draw a state machine, as Graphviz text",
    .about = "Every state, and every way from one to another with who may take it.",
    .examples = { "purser graph payment | dot -Tsvg > payment.svg", "purser graph refund" },
    .run = run_graph,
};
