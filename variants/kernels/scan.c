/* SPDX-License-Identifier: MIT */
/*
 * The state-scan engine's driver: chunks, segments, threads. See scan.h.
 *
 * Keys are cut into segments, by the problem alone. The state before a segment is always computed
 * as the decayed state before the previous one plus that segment's own sum, whether one thread
 * walks through a head or several begin in the middle of it: so threads never change the bits.
 *
 * Heads are shared out whole as long as they go round. The segments of the remaining heads are cut
 * into one stretch a thread; first, all threads sum those segments that lie before the beginning of
 * a stretch, from their keys alone.
 */
#include "variants/kernels/scan.h"
#include "variants/kernels/isa.h"
#include "variants/kernels/scan_kernels.h"

#include <omp.h>
#include <string.h>

/*
 * Keys a chunk: measured fastest at d = 64 and 128. Longer ones multiply more within the chunk,
 * shorter ones write the state more often, and this much stays in the first-level cache.
 */
enum { CHUNK = 32 };

/* Short ones balance the threads; a state is kept for each, in memory that must not grow with n. */
enum { SHORTEST_SEGMENT = 512, MOST_SEGMENTS = 32 };

void attn_features_elu1(const void *context, const float *x, int64_t rows, int64_t d, float *phi)
{
    (void)context;
    attn_isa_scan()->elu1(x, phi, rows * d);
}

static int64_t up16(int64_t n)
{
    return (n + 15) / 16 * 16;
}

static int64_t parts(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- the work and how it is shared out ------------------------------------------------------ */

struct scan {
    const struct attn_problem *p;
    const struct attn_scan_job *job;
    const struct attn_io *io;
    const struct attn_scan_kernels *kernels;
    int64_t chunk, segment;  /* keys */
    int64_t segments, first; /* of a head; the first with a query, when causal */
    int64_t whole;           /* heads that are not divided: the first ones */
    int64_t state;           /* floats of a state */
    float *sums, *gains;     /* of the segments of divided heads: state, decay */
    float *totals;           /* without a mask: the states of all heads */
};

static int64_t chunk_of(const struct attn_scan_job *job)
{
    return job->chunk ? job->chunk : CHUNK;
}

/*
 * When causal, divided heads cost sums: a third of a walk, of half the segments on average before
 * each stretch but the first. With nearly as many heads as threads that would not pay.
 */
static int64_t whole_heads(const struct attn_problem *p, int64_t segments)
{
    const int64_t rest = p->heads_kv % p->threads;
    const bool pays = !p->causal || 6 * rest + p->threads - 1 < 6 * p->threads;
    return segments > 1 && pays ? p->heads_kv - rest : p->heads_kv;
}

static struct scan plan(const struct attn_problem *p, const struct attn_scan_job *job)
{
    struct scan s = {.p = p, .job = job, .chunk = chunk_of(job)};
    s.segment = most(SHORTEST_SEGMENT, parts(p->n_k, MOST_SEGMENTS));
    s.segment = parts(s.segment, s.chunk) * s.chunk;
    s.segments = parts(p->n_k, s.segment);
    s.first = p->causal && p->n_k > p->n_q ? (p->n_k - p->n_q) / s.segment : 0;
    s.whole = whole_heads(p, s.segments);
    s.state = attn_scan_state_floats(job->r, p->d_v);
    return s;
}

/* Segments of divided heads. */
static int64_t slots(const struct scan *s)
{
    return (s->p->heads_kv - s->whole) * s->segments;
}

static int64_t totals(const struct scan *s)
{
    return s->p->causal ? 0 : s->p->heads_kv;
}

/* A thread's view of the chunk at hand, and its memory. */
struct worker {
    struct attn_scan_keys keys;
    struct attn_scan_rows rows;
    float *q, *v, *high, *low;  /* features of queries; padded V; decay */
    float *start, *local, *now; /* states: before the segment, of the segment, both */
};

/* Lays a thread's memory out from `at` on, unless that is NULL; returns its floats. */
static int64_t lay_out(const struct scan *s, float *at, struct worker *w)
{
    const int64_t c = up16(s->chunk), r = s->job->r;
    const struct {
        float **part;
        int64_t floats;
    } parts[] = {
        {&w->keys.phi, c * r + 16},   {&w->keys.phi_t, r * c}, {&w->rows.weights, c * c},
        {&w->rows.fade, c},           {&w->rows.norm, c},      {&w->q, c * r},
        {&w->v, c * up16(s->p->d_v)}, {&w->high, c},           {&w->low, c},
        {&w->start, s->state},        {&w->local, s->state},   {&w->now, s->state},
    };
    int64_t floats = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (at)
            *parts[i].part = at + floats;
        floats += up16(parts[i].floats);
    }
    w->keys.r = r;
    w->keys.d_v = s->p->d_v;
    w->keys.stride = c;
    w->rows.phi = w->q;
    return floats;
}

size_t attn_scan_workspace(const struct attn_problem *p, const struct attn_scan_job *job)
{
    const struct scan s = plan(p, job);
    struct worker w = {0};
    const int64_t floats =
        (slots(&s) + totals(&s)) * s.state + up16(slots(&s)) + p->threads * lay_out(&s, NULL, &w);
    return (size_t)floats * sizeof(float);
}

/* (query, key) pairs in the same chunk of queries at positions [0, end). */
static double pairs_in_chunks(int64_t end, int64_t chunk)
{
    const double c = (double)chunk, whole = (double)(end / chunk), rest = (double)(end % chunk);
    return whole * c * (c + 1) / 2 + rest * (rest + 1) / 2;
}

double attn_scan_flops(const struct attn_problem *p, const struct attn_scan_job *job)
{
    const double r = (double)job->r, columns = (double)p->d_v + (job->normalise ? 1 : 0);
    const int64_t first = p->causal ? most(p->n_k - p->n_q, 0) : 0;
    const double keys = (double)(p->heads_kv * p->n_k);
    const double queries = (double)(p->heads_q * (p->causal ? p->n_k - first : p->n_q));
    double pairs = 0;
    if (p->causal)
        pairs = (double)p->heads_q *
                (pairs_in_chunks(p->n_k, chunk_of(job)) - pairs_in_chunks(first, chunk_of(job)));
    return 2 * r * columns * (keys + queries) + 2 * (r + columns) * pairs;
}

/* ---- chunks --------------------------------------------------------------------------------- */

/* The chunk that begins at row `row` of a tensor of `rows` rows in all. */
static struct attn_scan_next chunk_at(const struct scan *s, const float *x, int64_t row,
                                      int64_t rows, int64_t width)
{
    return (struct attn_scan_next){x + row * width, least(s->chunk, rows - row) * width};
}

static void take_decay(struct worker *w, const float *decay)
{
    double sum = 0;
    for (int64_t j = 0; j < w->keys.n; j++) {
        sum += (double)decay[j] * 1.4426950408889634; /* in octaves */
        w->high[j] = (float)sum;
        w->low[j] = (float)(sum - (double)w->high[j]);
    }
    w->keys.high = w->high;
    w->keys.low = w->low;
}

/* Points w->keys at keys [a, b) of a head. */
static void take_keys(const struct scan *s, struct worker *w, int64_t kv, int64_t a, int64_t b)
{
    const struct attn_problem *p = s->p;
    struct attn_scan_keys *k = &w->keys;
    const int64_t row = kv * p->n_k + a, rows = p->heads_kv * p->n_k;
    const float *v = s->io->v + row * p->d_v;
    k->n = b - a;
    s->job->k_features(s->job->context, s->io->k + row * p->d, k->n, p->d, k->phi);
    k->v = v;
    k->v_stride = p->d_v;
    if (p->d_v % s->kernels->lanes) {
        k->v = w->v;
        k->v_stride = up16(p->d_v);
        for (int64_t j = 0; j < k->n; j++)
            memcpy(w->v + j * k->v_stride, v + j * p->d_v, (size_t)p->d_v * sizeof *v);
    }
    if (s->job->decay)
        take_decay(w, s->job->decay + row);
    k->next_k = chunk_at(s, s->io->k, row + k->n, rows, p->d);
    k->next_v = chunk_at(s, s->io->v, row + k->n, rows, p->d_v);
}

/* Queries [i0, i1) of head h; the first sees `seen` keys of the chunk. */
static void answer(const struct scan *s, struct worker *w, int64_t h, int64_t i0, int64_t i1,
                   int64_t seen, const float *state)
{
    const struct attn_problem *p = s->p;
    struct attn_scan_rows *q = &w->rows;
    const int64_t row = h * p->n_q + i0, rows = p->heads_q * p->n_q;
    q->n = i1 - i0;
    q->seen = seen;
    q->o = s->io->o + row * p->d_v;
    s->job->q_features(s->job->context, s->io->q + row * p->d, q->n, p->d, w->q);
    q->next_q = chunk_at(s, s->io->q, row + q->n, rows, p->d);
    q->next_o = chunk_at(s, s->io->o, row + q->n, rows, p->d_v);
    s->kernels->answer(&w->keys, state, s->job->normalise, s->job->eps, q);
}

/* The queries of a group that stand at keys [a, b). */
static void answer_chunk(const struct scan *s, struct worker *w, int64_t kv, int64_t a, int64_t b)
{
    const struct attn_problem *p = s->p;
    const int64_t group = p->heads_q / p->heads_kv, shift = p->n_k - p->n_q;
    const int64_t i0 = most(a - shift, 0), i1 = b - shift;
    if (i0 >= i1)
        return;
    s->kernels->transpose(&w->keys);
    for (int64_t h = kv * group; h < (kv + 1) * group; h++)
        answer(s, w, h, i0, i1, attn_visible(p, i0) - a, w->now);
}

/* ---- segments ------------------------------------------------------------------------------- */

/*
 * Sums segment t of a head into `local` and returns its decay. Unless start is NULL, the state
 * before the segment, also answers the queries that stand there; w->now is the state before the
 * first chunk, afterwards that behind the segment.
 */
static float walk_segment(const struct scan *s, struct worker *w, int64_t kv, int64_t t,
                          float *local, const float *start)
{
    const int64_t end = least((t + 1) * s->segment, s->p->n_k);
    float gain = 1;
    memset(local, 0, (size_t)s->state * sizeof *local);
    for (int64_t a = t * s->segment; a < end; a += s->chunk) {
        const int64_t b = least(a + s->chunk, end);
        take_keys(s, w, kv, a, b);
        if (start)
            answer_chunk(s, w, kv, a, b);
        s->kernels->absorb(&w->keys, local, &gain, start, w->now);
    }
    return gain;
}

/* Answers the queries of segments [from, to) of a head; w->now is the state before them. */
static void walk(const struct scan *s, struct worker *w, int64_t kv, int64_t from, int64_t to)
{
    for (int64_t t = from; t < to; t++) {
        memcpy(w->start, w->now, (size_t)s->state * sizeof *w->now);
        walk_segment(s, w, kv, t, w->local, w->start);
    }
}

/* state = that before segment t of a divided head. */
static void join_sums(const struct scan *s, int64_t kv, int64_t t, float *state)
{
    const int64_t slot = (kv - s->whole) * s->segments;
    memset(state, 0, (size_t)s->state * sizeof *state);
    for (int64_t i = slot; i < slot + t; i++)
        s->kernels->join(s->state, s->gains[i], state, s->sums + i * s->state, state);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

/* Where stretch x begins, counted in the segments with queries of all divided heads. */
static int64_t stretch_begin(const struct scan *s, int64_t x)
{
    return (s->p->heads_kv - s->whole) * (s->segments - s->first) * x / s->p->threads;
}

static void walk_stretch(const struct scan *s, struct worker *w, int64_t x)
{
    const int64_t each = s->segments - s->first, end = stretch_begin(s, x + 1);
    for (int64_t u = stretch_begin(s, x), next; u < end; u = next) {
        const int64_t kv = s->whole + u / each, from = s->first + u % each;
        next = least(end, (u / each + 1) * each);
        join_sums(s, kv, from, w->now);
        walk(s, w, kv, from, from + next - u);
    }
}

static void walk_head(const struct scan *s, struct worker *w, int64_t kv)
{
    memset(w->now, 0, (size_t)s->state * sizeof *w->now);
    walk(s, w, kv, 0, s->segments);
}

/* Segments of a divided head, from its beginning, whose sums are needed. */
static int64_t sums_needed(const struct scan *s, int64_t kv)
{
    const int64_t each = s->segments - s->first;
    int64_t needed = s->first;
    if (!s->p->causal)
        return s->segments;
    for (int64_t x = 0; x < s->p->threads; x++) {
        const int64_t u = stretch_begin(s, x);
        if (s->whole + u / each == kv)
            needed = most(needed, s->first + u % each);
    }
    return needed;
}

static void sum_slot(const struct scan *s, struct worker *w, int64_t slot)
{
    const int64_t kv = s->whole + slot / s->segments, t = slot % s->segments;
    if (t < sums_needed(s, kv))
        s->gains[slot] = walk_segment(s, w, kv, t, s->sums + slot * s->state, NULL);
}

static void sum_head(const struct scan *s, struct worker *w, int64_t kv)
{
    float *total = s->totals + kv * s->state;
    memset(total, 0, (size_t)s->state * sizeof *total);
    for (int64_t t = 0; t < s->segments; t++) {
        const float gain = walk_segment(s, w, kv, t, w->local, NULL);
        s->kernels->join(s->state, gain, total, w->local, total);
    }
}

static void run_causal(const struct scan *s, struct worker *w)
{
    const int64_t stretches = slots(s) ? s->p->threads : 0;
#pragma omp for schedule(dynamic)
    for (int64_t u = 0; u < slots(s); u++)
        sum_slot(s, w, u);
#pragma omp for schedule(dynamic)
    for (int64_t u = 0; u < s->whole + stretches; u++)
        if (u < s->whole)
            walk_head(s, w, u);
        else
            walk_stretch(s, w, u - s->whole);
}

static void run_full(const struct scan *s, struct worker *w)
{
    const struct attn_problem *p = s->p;
    const int64_t blocks = parts(p->n_q, s->chunk);
#pragma omp for schedule(dynamic)
    for (int64_t u = 0; u < s->whole + slots(s); u++)
        if (u < s->whole)
            sum_head(s, w, u);
        else
            sum_slot(s, w, u - s->whole);
#pragma omp for schedule(static)
    for (int64_t kv = s->whole; kv < p->heads_kv; kv++)
        join_sums(s, kv, s->segments, s->totals + kv * s->state);
#pragma omp for schedule(dynamic, 16)
    for (int64_t u = 0; u < p->heads_q * blocks; u++) {
        const int64_t h = u / blocks, i0 = u % blocks * s->chunk;
        answer(s, w, h, i0, least(i0 + s->chunk, p->n_q), 0,
               s->totals + attn_kv_head(p, h) * s->state);
    }
}

static void zero_empty_rows(const struct attn_problem *p, const struct attn_io *io)
{
    int64_t empty = p->causal && p->n_q > p->n_k ? p->n_q - p->n_k : 0;
    for (int64_t h = 0; h < p->heads_q && empty; h++)
        memset(io->o + h * p->n_q * p->d_v, 0, (size_t)(empty * p->d_v) * sizeof *io->o);
}

enum attn_status attn_scan_run(const struct attn_problem *p, const struct attn_io *io,
                               const struct attn_scan_job *job, void *ws)
{
    struct scan s = plan(p, job);
    if (job->decay && !p->causal)
        return ATTN_UNSUPPORTED;
    s.io = io;
    s.kernels = attn_isa_scan();
    s.sums = ws;
    s.totals = s.sums + slots(&s) * s.state;
    s.gains = s.totals + totals(&s) * s.state;
    float *own = s.gains + up16(slots(&s));
    zero_empty_rows(p, io);
#pragma omp parallel num_threads(p->threads)
    {
        struct worker w = {0};
        const int64_t floats = lay_out(&s, NULL, &w);
        lay_out(&s, own + omp_get_thread_num() * floats, &w);
        if (p->causal)
            run_causal(&s, &w);
        else
            run_full(&s, &w);
    }
    return ATTN_OK;
}
