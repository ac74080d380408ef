/* SPDX-License-Identifier: MIT */
/*
 * Calibration of a composite head: exact softmax on probe rows, mass by part, strengths moved
 * towards their targets. The sink is left out here: its logit follows from the others' partition.
 */
#include "harness/inputs/composite.h"
#include "harness/inputs/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PROBES = 32, ITERATIONS = 16 };

struct probe {
    int64_t row;
    int64_t related[CODE_TARGETS];
};

struct tables {
    int64_t n;
    double *g;           /* locality at distance 0 .. n - 1 */
    double *heavy;       /* w_j */
    double *sorted;      /* the same, descending */
    double top;          /* least of the top n / 32 */
    double *code;        /* (PROBES, segments) <u_i, t_s> */
    double *content;     /* (PROBES, n) c_ij */
    unsigned char *part; /* (PROBES, n) of each key, as in enum part */
    struct probe probe[PROBES];
};

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static double dot(const double *a, const double *b, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static enum part part_of(const struct tables *t, const struct preset *preset, const struct probe *p,
                         int64_t j)
{
    int64_t distance = p->row - j, off = distance - SLASH_AT;
    if (distance < LOCAL_REACH && -distance < LOCAL_REACH)
        return PART_LOCAL;
    if (preset->target[PART_SLASH] > 0 && off < SLASH_REACH && -off < SLASH_REACH)
        return PART_SLASH;
    for (int s = 0; s < CODE_TARGETS && preset->target[PART_BLOCK] > 0; s++)
        if (j / SEGMENT_TOKENS == p->related[s])
            return PART_BLOCK;
    return preset->target[PART_HEAVY] > 0 && t->heavy[j] >= t->top ? PART_HEAVY : PART_REST;
}

static bool fill(struct tables *t, const struct head *h, int64_t n)
{
    const int64_t segments = (n + SEGMENT_TOKENS - 1) / SEGMENT_TOKENS;
    const struct layout *l = &h->layout;
    t->n = n;
    t->g = malloc((size_t)n * sizeof *t->g);
    t->heavy = malloc((size_t)n * sizeof *t->heavy);
    t->sorted = malloc((size_t)n * sizeof *t->sorted);
    t->code = malloc((size_t)(PROBES * segments) * sizeof *t->code);
    t->content = malloc((size_t)(PROBES * n) * sizeof *t->content);
    t->part = malloc((size_t)(PROBES * n));
    double *keys = malloc((size_t)n * (size_t)(l->ncontent + 1) * sizeof *keys); /* (channels, n) */
    if (!t->g || !t->heavy || !t->sorted || !t->code || !t->content || !t->part || !keys) {
        free(keys);
        return false;
    }
    double key[ATTN_D_MAX];
    for (int64_t j = 0; j < n; j++) {
        t->g[j] = composite_locality(h, (double)j);
        t->sorted[j] = t->heavy[j] = composite_heavy(h, j);
        composite_content(h, SIDE_K, h->kv, j, key);
        for (int c = 0; c < l->ncontent; c++)
            keys[c * n + j] = key[c];
    }
    qsort(t->sorted, (size_t)n, sizeof *t->sorted, descending);
    t->top = t->sorted[n / 32];
    for (int r = 0; r < PROBES; r++) {
        struct probe *p = &t->probe[r];
        double u[ATTN_D_MAX] = {0}, code[ATTN_D_MAX], q[ATTN_D_MAX];
        /* Over the last half of the rows. */
        p->row = n / 2 + (n - 1 - n / 2) * r / (PROBES - 1);
        composite_related(h, p->row / SEGMENT_TOKENS, p->related);
        for (int s = 0; s < CODE_TARGETS && l->code; s++) {
            composite_code(h, p->related[s], code);
            for (int c = 0; c < l->code; c++)
                u[c] += code[c];
        }
        for (int64_t s = 0; s < segments && l->code; s++) {
            composite_code(h, s, code);
            t->code[r * segments + s] = dot(u, code, l->code);
        }
        composite_content(h, SIDE_Q, h->kv, p->row, q);
        double *content = t->content + r * n;
        memset(content, 0, (size_t)n * sizeof *content);
        for (int c = 0; c < l->ncontent; c++)
            for (int64_t j = 0; j < n; j++)
                content[j] += q[c] * keys[c * n + j];
        for (int64_t j = 0; j < n; j++)
            content[j] /= sqrt(l->d);
        for (int64_t j = 0; j < n; j++)
            t->part[r * n + j] = (unsigned char)part_of(t, h->preset, p, j);
    }
    free(keys);
    return true;
}

/* Shares of the mass that is not the sink's, at one probe row. */
static void row_mass(const struct tables *t, const struct head *h, const struct strengths *x, int r,
                     bool causal, double mass[PARTS], double *scores)
{
    const struct probe *p = &t->probe[r];
    const int64_t end = causal ? p->row + 1 : t->n,
                  segments = (t->n + SEGMENT_TOKENS - 1) / SEGMENT_TOKENS;
    double max = -INFINITY, sum = 0, parts[PARTS] = {0};
    for (int64_t j = 1; j < end; j++) {
        int64_t distance = p->row - j, off = distance - SLASH_AT;
        double s = x->local * t->g[distance < 0 ? -distance : distance] + t->content[r * t->n + j];
        if (x->slash > 0)
            s += x->slash * t->g[off < 0 ? (-off < t->n ? -off : t->n - 1) : off];
        if (h->layout.code)
            s += x->code * t->code[r * segments + j / SEGMENT_TOKENS];
        scores[j] = s;
        max = s > max ? s : max;
    }
    for (int64_t j = 1; j < end; j++)
        scores[j] -= max;
    fixed_exps(scores + 1, end - 1);
    for (int64_t j = 1; j < end; j++) {
        double w = scores[j] * (1 + x->heavy * t->heavy[j]);
        parts[t->part[r * t->n + j]] += w;
        sum += w;
    }
    for (int i = 0; i < PARTS; i++)
        mass[i] += sum > 0 ? parts[i] / sum / PROBES : 0;
}

static double step(double target, double achieved, double rest_target, double rest)
{
    double ratio = target / fmax(achieved, 1e-6) * fmax(rest, 1e-6) / rest_target;
    return fixed_log(fmin(fmax(ratio, 0.01), 100));
}

/* 0, or -1 without memory. */
static int find(const struct head *h, int64_t n, bool causal, struct strengths *x)
{
    struct tables t = {0};
    double *scores = malloc((size_t)n * sizeof *scores), want[PARTS];
    for (int i = 0; i < PARTS; i++)
        want[i] = h->preset->target[i] / (1 - h->preset->target[PART_SINK]);
    double pull = fixed_log((double)n);
    *x = (struct strengths){.local = pull,
                            .slash = want[PART_SLASH] > 0 ? pull : 0,
                            .code = want[PART_BLOCK] > 0 ? pull / 2 : 0,
                            .heavy = want[PART_HEAVY] > 0 ? 1 : 0};
    const bool ok = scores && fill(&t, h, n);
    for (int i = 0; i <= ITERATIONS && ok; i++) {
        memset(x->mass, 0, sizeof x->mass);
        for (int r = 0; r < PROBES; r++)
            row_mass(&t, h, x, r, causal, x->mass, scores);
        if (i == ITERATIONS)
            break;
        const double *m = x->mass, rest = want[PART_REST];
        x->local =
            fmax(0, x->local + 0.5 * step(want[PART_LOCAL], m[PART_LOCAL], rest, m[PART_REST]));
        if (want[PART_SLASH] > 0)
            x->slash = fmax(
                0.1, x->slash + 0.5 * step(want[PART_SLASH], m[PART_SLASH], rest, m[PART_REST]));
        if (want[PART_BLOCK] > 0)
            x->code = fmax(
                0.1, x->code + 0.5 * step(want[PART_BLOCK], m[PART_BLOCK], rest, m[PART_REST]));
        if (want[PART_HEAVY] > 0)
            x->heavy *= fixed_exp(0.5 * step(want[PART_HEAVY], m[PART_HEAVY], rest, m[PART_REST]));
    }
    free(t.g);
    free(t.heavy);
    free(t.sorted);
    free(t.code);
    free(t.content);
    free(t.part);
    free(scores);
    return ok ? 0 : -1;
}

/* What strengths depend on. */
struct question {
    const struct preset *preset;
    int64_t d, kv, n;
    uint64_t seed;
    bool causal;
};

/* What was found, for this process and all that it forked; one process at a time adds to it. */
static struct memory {
    int count;
    struct {
        struct question question;
        struct strengths answer;
    } at[512];
} * memory;
enum { REMEMBERED = sizeof memory->at / sizeof *memory->at };

void inputs_remember(void)
{
    void *at = memory ? MAP_FAILED
                      : mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED)
        memory = at;
}

static bool same(const struct question *a, const struct question *b)
{
    return a->preset == b->preset && a->d == b->d && a->kv == b->kv && a->n == b->n &&
           a->seed == b->seed && a->causal == b->causal;
}

int composite_calibrate(const struct head *h, int64_t n, bool causal, struct strengths *x)
{
    const struct question question = {h->preset, h->layout.d, h->kv, n, h->seed, causal};
    bool known = false;
    int rc = 0;
#pragma omp critical(memory)
    for (int i = 0; memory && i < memory->count && !known; i++)
        if ((known = same(&question, &memory->at[i].question)))
            *x = memory->at[i].answer;
    if (known || (rc = find(h, n, causal, x)))
        return rc;
#pragma omp critical(memory)
    if (memory && memory->count < REMEMBERED) {
        const int i = memory->count;
        memory->at[i].question = question;
        memory->at[i].answer = *x;
        /* Last: a process killed before has said nothing. */
        __atomic_store_n(&memory->count, i + 1, __ATOMIC_RELEASE);
    }
    return 0;
}
