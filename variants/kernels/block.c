/* SPDX-License-Identifier: MIT */
/* The block engine's drivers: back ends, blocks of keys, masks, merging, threads. */
#include "variants/kernels/block_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct attn_block_kernels *selected = &attn_block_portable;
static const char *selected_name = "portable";

struct back_end {
    const char *name;
    const struct attn_block_kernels *kernels;
};

static const struct back_end back_ends[] = {
#ifdef __x86_64__
    {"avx512", &attn_block_avx512},
    {"avx2", &attn_block_avx2},
#endif
    {"portable", &attn_block_portable},
};
enum { BACK_ENDS = sizeof back_ends / sizeof *back_ends };

static bool runs_here(const struct back_end *b)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(b->name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (strcmp(b->name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return strcmp(b->name, "portable") == 0;
}

int attn_isa_select(const char *name, const char **why)
{
    for (int i = 0; i < BACK_ENDS; i++) {
        if (name && strcmp(name, back_ends[i].name) != 0)
            continue;
        if (runs_here(&back_ends[i])) {
            selected = back_ends[i].kernels;
            selected_name = back_ends[i].name;
            return 0;
        }
        if (name) {
            *why = "this CPU does not have it";
            return -1;
        }
    }
    *why = "no such back end; give portable, avx2 or avx512";
    return -1;
}

const char *attn_isa_name(void)
{
    return selected_name;
}

const struct attn_block_kernels *attn_block_selected(void)
{
    return selected;
}

/* The bounds of the tile's rows over keys [b0, b1): none, all, or a mask is needed. */
enum cover { COVER_NONE, COVER_ALL, COVER_PART };

static enum cover cover(const struct attn_tile *t, int64_t b0, int64_t b1, const int64_t *lo,
                        const int64_t *hi)
{
    bool some = false, all = true;
    for (int64_t r = 0; r < t->q1 - t->q0; r++) {
        int64_t l = lo && lo[r] > b0 ? lo[r] : b0, h = hi && hi[r] < b1 ? hi[r] : b1;
        some |= l < h;
        all &= l == b0 && h == b1;
    }
    return all ? COVER_ALL : some ? COVER_PART : COVER_NONE;
}

static void mask(struct attn_tile *t, int64_t b0, int nk, const int64_t *lo, const int64_t *hi)
{
    struct attn_tile_state *s = t->state;
    int from[ATTN_TILE], to[ATTN_TILE];
    const int rows = (int)(t->q1 - t->q0);
    for (int r = 0; r < s->lanes; r++) {
        int64_t l = lo && r < rows ? lo[r] - b0 : 0, h = hi && r < rows ? hi[r] - b0 : nk;
        from[r] = (int)(l < 0 ? 0 : l > nk ? nk : l);
        to[r] = (int)(h < 0 ? 0 : h > nk ? nk : h);
    }
    for (int j = 0; j < nk; j++)
        for (int r = 0; r < s->lanes; r++)
            s->s[j * s->lanes + r] =
                ((j >= from[r]) & (j < to[r])) ? s->s[j * s->lanes + r] : -INFINITY;
}

static void add_bias(struct attn_tile_state *s, const float *bias, int nk)
{
    for (int j = 0; j < nk; j++)
        for (int r = 0; r < s->lanes; r++)
            s->s[j * s->lanes + r] += bias[j] * 1.44269504f;
}

void attn_tile_keys(struct attn_tile *t, const float *k, const float *v, int64_t begin, int64_t end,
                    const int64_t *lo, const int64_t *hi, const float *bias)
{
    struct attn_tile_state *s = t->state;
    for (int64_t b0 = begin; b0 < end; b0 += ATTN_BLOCK_KEYS) {
        int64_t b1 = b0 + ATTN_BLOCK_KEYS < end ? b0 + ATTN_BLOCK_KEYS : end;
        enum cover c = cover(t, b0, b1, lo, hi);
        if (c == COVER_NONE)
            continue;
        int nk = (int)(b1 - b0);
        selected->scores(s, k + b0 * s->d, nk);
        if (bias)
            add_bias(s, bias + b0, nk);
        if (c == COVER_PART)
            mask(t, b0, nk, lo, hi);
        selected->weights(s, nk);
        selected->values(s, v + b0 * s->d_v, nk);
    }
}

/* A partial result is one more key whose score is its log-denominator and value its output. */
void attn_tile_merge(struct attn_tile *t, const float *o_part, const float *lse,
                     const int64_t *index)
{
    struct attn_tile_state *s = t->state;
    for (int64_t r = 0; r < t->q1 - t->q0; r++) {
        if (index[r] < 0 || lse[index[r]] == -INFINITY)
            continue;
        const float *part = o_part + index[r] * s->d_v;
        float score = lse[index[r]] * 1.44269504f;
        float max = score > s->max[r] ? score : s->max[r];
        float mine = s->max[r] == -INFINITY ? 0 : exp2f(s->max[r] - max), its = exp2f(score - max);
        s->max[r] = max;
        s->sum[r] = s->sum[r] * mine + its;
        for (int64_t c = 0; c < s->d_v; c++)
            s->o[c * s->lanes + r] = s->o[c * s->lanes + r] * mine + part[c] * its;
    }
}

static size_t tile_floats(const struct attn_problem *p)
{
    /* A cache line between the parts, so that neighbours' stores never share one. */
    return ((size_t)(p->d + p->d_v + ATTN_BLOCK_KEYS) * ATTN_TILE) + 16;
}

size_t attn_block_workspace(const struct attn_problem *p)
{
    return (size_t)p->threads * tile_floats(p) * sizeof(float);
}

enum attn_status attn_block_run(const struct attn_problem *p, const struct attn_io *io,
                                const struct attn_block_job *job, void *ws)
{
    const int64_t tiles = (p->n_q + job->tile - 1) / job->tile;
    const int64_t group = p->heads_q / p->heads_kv;
    const int64_t units = tiles * p->heads_q;
    const float factor = (float)(p->scale * 1.4426950408889634);
    int worker = 0;
#pragma omp parallel num_threads(p->threads)
    {
        int me;
#pragma omp atomic capture
        me = worker++;
        struct attn_tile_state state = {.d = p->d, .d_v = p->d_v, .lanes = job->tile};
        state.q = (float *)ws + (size_t)me * tile_floats(p);
        state.o = state.q + p->d * ATTN_TILE;
        state.s = state.o + p->d_v * ATTN_TILE;
        /* Last queries first: they are the longest when causal. Heads of a group follow each
         * other, so that they find the keys in the cache. */
#pragma omp for schedule(dynamic)
        for (int64_t u = 0; u < units; u++) {
            int64_t kv = u / (tiles * group), rest = u % (tiles * group);
            struct attn_tile t = {
                .kv_head = kv, .head = kv * group + rest % group, .state = &state};
            t.q0 = (tiles - 1 - rest / group) * job->tile;
            t.q1 = t.q0 + job->tile < p->n_q ? t.q0 + job->tile : p->n_q;
            int64_t row = t.head * p->n_q + t.q0;
            selected->begin(&state, io->q + row * p->d, (int)(t.q1 - t.q0), factor);
            job->feed(job->ctx, p, io, &t);
            selected->end(&state, io->o + row * p->d_v, job->lse ? job->lse + row : NULL,
                          (int)(t.q1 - t.q0));
        }
    }
    return ATTN_OK;
}
