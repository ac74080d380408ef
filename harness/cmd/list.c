/* SPDX-License-Identifier: MIT */
/* attnbench list: what there is to name. */
#include "harness/cmd/cmd.h"
#include "harness/inputs/workload.h"
#include "harness/plan/plan.h"
#include "variants/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_params(const struct attn_param *p)
{
    for (; p && p->name; p++)
        printf("    %-10s %s (default %g, %g..%g)\n", p->name, p->doc, p->value, p->min, p->max);
}

static void list_variants(bool markdown)
{
    if (markdown)
        puts("| variant | family | kind | time | memory | summary | paper "
             "|\n|---|---|---|---|---|---|---|");
    for (int i = 0; i < attn_variant_count(); i++) {
        const struct attn_variant *v = attn_variant_at(i);
        if (markdown) {
            printf("| `%s` | %s | %s | %s | %s | %s | %s |\n", v->name, attn_family_name(v->family),
                   attn_kind_name(v->kind), v->time_class, v->memory_class, v->summary, v->cite);
            continue;
        }
        printf("%-18s %-13s %-12s %-9s time %-8s memory %-6s %s [%s]\n", v->name,
               attn_family_name(v->family), attn_kind_name(v->kind),
               v->caps & ATTN_TAKES_BF16 ? "fp32,bf16" : "fp32", v->time_class, v->memory_class,
               v->summary, v->cite);
        print_params(v->params);
    }
}

static void list_workloads(void)
{
    for (int i = 0; i < workload_count(); i++) {
        const struct workload *w = workload_at(i);
        printf("%-10s %s\n", w->name, w->summary);
        print_params(w->params);
    }
}

static void list_suites(void)
{
    for (int i = 0; i < suite_count(); i++) {
        const struct suite *s = suite_at(i);
        printf("%-10s %s\n", s->name, s->summary);
        for (const struct suite_part *p = s->parts; p->lengths; p++) {
            printf("    -v '%s' -w %s -n %s -t %s --dim %d --dtype %s", p->variants, p->workload,
                   p->lengths, p->threads ? p->threads : "all", p->dim ? (int)p->dim : 64,
                   attn_dtype_name(p->dtype));
            if (p->queries)
                printf(" --queries %lld", (long long)p->queries);
            puts(p->causal ? " --causal" : "");
        }
    }
}

static int print_run(void *arg, int ncols, const char *const *names, const char *const *values)
{
    (void)arg;
    for (int i = 0; i < ncols; i++)
        printf("%s%s=%s", i ? "  " : "", names[i], values[i] ? values[i] : "-");
    putchar('\n');
    return 0;
}

struct arguments {
    const char *what, *db;
    bool markdown;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'D':
        a->db = arg;
        return 0;
    case 'p':
        cmd_plugin(arg);
        return 0;
    case 'm':
        a->markdown = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->what)
            argp_error(state, "one list at a time: '%s' is too many", arg);
        a->what = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        a->what = "variants";
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"db", 'D', "FILE", 0, "Database whose runs to list (default " CMD_DB ")", 0},
        {"plugin", 'p', "FILE.so", 0, "Load a variant from a shared object; repeats", 0},
        {"markdown", 'm', 0, 0, "Variants as the table of README", 0},
        {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .args_doc = "[variants|workloads|suites|runs]",
                                     .doc = "Lists what there is to name."};
    struct arguments a = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (strcmp(a.what, "variants") == 0) {
        list_variants(a.markdown);
    } else if (strcmp(a.what, "workloads") == 0) {
        list_workloads();
    } else if (strcmp(a.what, "suites") == 0) {
        list_suites();
    } else if (strcmp(a.what, "runs") == 0) {
        char msg[CASE_MESSAGE];
        struct store *s = cmd_open_run(&(struct cmd_run_args){.db = a.db}, NULL);
        int rc = store_list_runs(s, print_run, NULL, msg);
        store_close(s);
        if (rc)
            return cmd_fail(EXIT_USAGE, msg);
    } else {
        fprintf(stderr, "attnbench list: no list '%s'; give variants, workloads, suites or runs\n",
                a.what);
        return EXIT_USAGE;
    }
    return cmd_finish(EXIT_FINE);
}
