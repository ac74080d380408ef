/* SPDX-License-Identifier: MIT */
/* See rows.h. */
#include "harness/report/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loader {
    struct rows *rows;
    int capacity;
};

static const char *get(int n, const char *const *names, const char *const *values, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return values[i];
    return NULL;
}

static int add_row(void *arg, int n, const char *const *names, const char *const *values)
{
    struct loader *l = arg;
    struct rows *rs = l->rows;
    if (rs->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 256;
        struct row *grown = realloc(rs->row, (size_t)l->capacity * sizeof *grown);
        if (!grown)
            return -1;
        rs->row = grown;
    }
    struct row *r = &rs->row[rs->count++];
    memset(r, 0, sizeof *r);
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {
        {"variant", r->variant, sizeof r->variant}, {"params", r->params, sizeof r->params},
        {"family", r->family, sizeof r->family},    {"kind", r->kind, sizeof r->kind},
        {"dtype", r->dtype, sizeof r->dtype},       {"workload", r->workload, sizeof r->workload},
        {"status", r->status, sizeof r->status},    {"reason", r->reason, sizeof r->reason},
        {"flags", r->flags, sizeof r->flags},       {"run", r->run, sizeof r->run}};
    const struct {
        const char *name;
        long *to;
    } wholes[] = {{"heads_q", &r->heads_q},
                  {"heads_kv", &r->heads_kv},
                  {"n_q", &r->n_q},
                  {"n_k", &r->n_k},
                  {"d", &r->d},
                  {"causal", &r->causal},
                  {"threads", &r->threads}};
    const struct {
        const char *name;
        double *to;
    } reals[] = {{"median_s", &r->median},
                 {"ci_lo_s", &r->lo},
                 {"ci_hi_s", &r->hi},
                 {"flops", &r->flops},
                 {"flops_bf16", &r->flops_bf16},
                 {"flops_int8", &r->flops_int8},
                 {"bytes", &r->bytes},
                 {"gflops", &r->gflops},
                 {"roof_pct", &r->roof},
                 {"peak_rss_bytes", &r->peak},
                 {"rel_l2", &r->rel_l2},
                 {"floor_rel_l2", &r->floor},
                 {"skill", &r->skill},
                 {"mean_v_rel_l2", &r->mean_v},
                 {"softmax_distance", &r->distance}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *v = get(n, names, values, texts[i].name);
        snprintf(texts[i].to, texts[i].size, "%s", v ? v : "");
    }
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        const char *v = get(n, names, values, wholes[i].name);
        *wholes[i].to = v ? strtol(v, NULL, 10) : 0;
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        const char *v = get(n, names, values, reals[i].name);
        *reals[i].to = v ? strtod(v, NULL) : NAN;
    }
    return 0;
}

static bool same_group(const struct row *a, const struct row *b)
{
    return strcmp(a->workload, b->workload) == 0 && a->heads_q == b->heads_q &&
           a->heads_kv == b->heads_kv && a->d == b->d && a->causal == b->causal &&
           strcmp(a->dtype, b->dtype) == 0 && a->threads == b->threads &&
           (a->n_q == a->n_k) == (b->n_q == b->n_k);
}

static void number(struct rows *rs)
{
    for (int i = 0; i < rs->count; i++) {
        struct row *r = &rs->row[i];
        r->group = r->method = -1;
        for (int j = 0; j < i; j++) {
            const struct row *o = &rs->row[j];
            if (r->group < 0 && same_group(r, o))
                r->group = o->group;
            if (strcmp(r->variant, o->variant) != 0)
                continue;
            if (strcmp(r->params, o->params) == 0)
                r->method = r->method < 0 ? o->method : r->method;
            else
                rs->several[o->method % 4096] = true;
        }
        if (r->group < 0)
            r->group = rs->groups++;
        if (r->method < 0)
            r->method = rs->methods++;
    }
    /* A variant with several parameter sets shows them all, the first one too. */
    for (int i = 0; i < rs->count; i++)
        for (int j = 0; j < rs->count; j++)
            if (strcmp(rs->row[i].variant, rs->row[j].variant) == 0 &&
                rs->row[i].method != rs->row[j].method)
                rs->several[rs->row[i].method % 4096] = true;
}

int rows_load(struct store *s, int64_t run, struct rows *out, char msg[CASE_MESSAGE])
{
    struct loader l = {out, 0};
    memset(out, 0, sizeof *out);
    snprintf(msg, CASE_MESSAGE, "out of memory");
    if (store_summary(s, run, add_row, &l, msg)) {
        rows_free(out);
        return -1;
    }
    if (out->count == 0) {
        snprintf(msg, CASE_MESSAGE, "run %lld holds no measured case yet", (long long)run);
        rows_free(out);
        return -1;
    }
    number(out);
    return 0;
}

void rows_free(struct rows *r)
{
    free(r->row);
    r->row = NULL;
}

void rows_label(const struct rows *r, const struct row *row, char *out, size_t size)
{
    bool show = r->several[row->method % 4096];
    snprintf(out, size, "%s%s%s", row->variant, show ? " " : "", show ? row->params : "");
}

void rows_title(const struct row *r, char *out, size_t size)
{
    snprintf(out, size, "%s, %ld/%ld heads, d %ld, %s, %s, %ld thread%s%s", r->workload, r->heads_q,
             r->heads_kv, r->d, r->dtype, r->causal ? "causal" : "no mask", r->threads,
             r->threads == 1 ? "" : "s", r->n_q == r->n_k ? "" : ", queries apart");
}
