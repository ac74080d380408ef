/* SPDX-License-Identifier: MIT */
/* Makes Q, K, V of composite heads; see composite.h. */
#include "harness/inputs/composite.h"
#include "harness/inputs/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Heads of large models: mass on the sink, local, slash, heavy columns, related segments, the rest.
 */
const struct preset preset_ashape = {"ashape", {.60, .34, 0, .02, 0, .04}, 11, 0};
const struct preset preset_vslash = {"vslash", {.40, .20, .12, .20, 0, .08}, 11, 0};
/* Locality asks for little here, and codes for many channels: short codes collide at d = 64. */
const struct preset preset_block = {"block", {.20, .05, 0, .05, .60, .10}, 3, 11};

enum { NREF = 8192, NLEAST = 512, KNOTS = 64 };
static const double wavelength = 512, heavy_tail = 1.35, content_decay = 0.9, miss = 0.10,
                    sink_value = 0.05;

double composite_locality(const struct head *h, double distance)
{
    const int pairs = h->layout.rotated / 2;
    double sum = 0, s[ATTN_D_MAX / 2], c[ATTN_D_MAX / 2];
    fixed_sincos(h->turns, distance, pairs, s, c);
    for (int m = 0; m < pairs; m++)
        sum += c[m];
    return sum / pairs;
}

double composite_heavy(const struct head *h, int64_t j)
{
    return fixed_exp(-heavy_tail * fixed_log(random_uniform(h->seed, STREAM_HEAVY, h->kv, j, 0)));
}

void composite_code(const struct head *h, int64_t segment, double *t)
{
    double norm = 0;
    random_normals(h->seed, STREAM_CODE, h->kv, segment, h->layout.code, t);
    for (int c = 0; c < h->layout.code; c++)
        norm += t[c] * t[c];
    for (int c = 0; c < h->layout.code; c++)
        t[c] /= sqrt(norm);
}

/* Its own is none of them: what is near is the local part's. */
void composite_related(const struct head *h, int64_t segment, int64_t out[CODE_TARGETS])
{
    for (int s = 0; s < CODE_TARGETS; s++)
        out[s] =
            (int64_t)(random_uniform(h->seed, STREAM_TARGET, h->kv, segment, s) * (double)segment);
}

void composite_content(const struct head *h, enum side side, int64_t head, int64_t row, double *x)
{
    const int n = h->layout.ncontent;
    random_normals(h->seed, side == SIDE_Q ? STREAM_Q : STREAM_K, head, row, n, x);
    for (int r = 0; r < n; r++)
        x[r] *= h->spectrum[r];
}

static struct layout layout_of(const struct preset *p, int64_t d)
{
    struct layout l = {.d = (int)d,
                       .rotated = (int)(d * p->rotated / 16) / 2 * 2,
                       .code = (int)(d * p->code / 16)};
    l.heavy = l.rotated + l.code;
    l.sink = l.heavy + 1;
    l.content = l.sink + 1;
    l.ncontent = l.d - l.content;
    return l;
}

static struct head head_of(const struct preset *p, int64_t d, uint64_t seed, int64_t kv)
{
    struct head h = {.preset = p, .layout = layout_of(p, d), .seed = seed, .kv = kv};
    const int pairs = h.layout.rotated / 2, n = h.layout.ncontent;
    /* Wavelengths from 2 pi to 512 tokens, spaced by logarithm. */
    const double low = fixed_log(6.283185307179586), high = fixed_log(wavelength);
    for (int m = 0; m < pairs; m++)
        h.turns[m] = 1 / fixed_exp(low + (high - low) * m / (pairs > 1 ? pairs - 1 : 1));
    double total = 0;
    for (int r = 0; r < n; r++)
        total += fixed_exp(-2 * content_decay * fixed_log(r + 1.0));
    /* Logits of standard deviation 1. */
    const double scale = n ? sqrt(sqrt((double)d / total)) : 0;
    for (int r = 0; r < n; r++)
        h.spectrum[r] = scale * fixed_exp(-0.5 * content_decay * fixed_log(r + 1.0));
    return h;
}

int composite_fix(const struct workload *w, const double *params, const char *file,
                  struct inputs_shape *shape, double *scale, char *msg)
{
    (void)params;
    (void)file;
    (void)scale;
    if (shape->d >= 16)
        return 0;
    snprintf(msg, WORKLOAD_MESSAGE, "%s needs at least 16 channels to hold its parts", w->name);
    return 1;
}

/* What the codes of related segments add to the queries of a segment. */
static void query_code(const struct head *h, const struct strengths *x, int64_t segment, double *q)
{
    const int n = h->layout.code;
    const double strength = sqrt(x->code) * sqrt(sqrt((double)h->layout.d));
    int64_t related[CODE_TARGETS];
    double code[ATTN_D_MAX];
    memset(q, 0, (size_t)n * sizeof *q);
    composite_related(h, segment, related);
    for (int s = 0; s < CODE_TARGETS && n; s++) {
        composite_code(h, related[s], code);
        for (int c = 0; c < n; c++)
            q[c] += strength * code[c];
    }
}

/* The query of position `at` for query head hq, without its sink channel; code: its segment's. */
static void query(const struct head *h, const struct strengths *x, int64_t hq, int64_t at,
                  const double *code, double *q)
{
    const struct layout *l = &h->layout;
    const double root = sqrt((double)l->d), quarter = sqrt(root);
    double f = sqrt(fmax(1, fmax(x->local, x->slash))), amplitude = sqrt(2 * root / l->rotated);
    double s[ATTN_D_MAX / 2], c[ATTN_D_MAX / 2];
    fixed_sincos(h->turns, (double)at, l->rotated / 2, s, c);
    for (int m = 0; m < l->rotated / 2; m++) {
        q[2 * m] = f * amplitude * c[m];
        q[2 * m + 1] = f * amplitude * s[m];
    }
    memcpy(q + l->rotated, code, (size_t)l->code * sizeof *q);
    q[l->heavy] = quarter;
    q[l->sink] = 0;
    composite_content(h, SIDE_Q, hq, at, q + l->content);
}

/* The key of position j; code: its segment's. */
static void key(const struct head *h, const struct strengths *x, int64_t j, const double *code,
                double *k)
{
    const struct layout *l = &h->layout;
    const double root = sqrt((double)l->d), quarter = sqrt(root);
    double f = sqrt(fmax(1, fmax(x->local, x->slash))), amplitude = sqrt(2 * root / l->rotated);
    double s0[ATTN_D_MAX / 2], c0[ATTN_D_MAX / 2], s1[ATTN_D_MAX / 2], c1[ATTN_D_MAX / 2];
    fixed_sincos(h->turns, (double)j, l->rotated / 2, s0, c0);
    fixed_sincos(h->turns, (double)(j + SLASH_AT), l->rotated / 2, s1, c1);
    for (int m = 0; m < l->rotated / 2; m++) {
        k[2 * m] = amplitude / f * (x->local * c0[m] + x->slash * c1[m]);
        k[2 * m + 1] = amplitude / f * (x->local * s0[m] + x->slash * s1[m]);
    }
    for (int c = 0; c < l->code; c++)
        k[l->rotated + c] = code[c] * (sqrt(x->code) * quarter);
    k[l->heavy] = fixed_log(1 + x->heavy * composite_heavy(h, j)) * quarter;
    k[l->sink] = 0;
    composite_content(h, SIDE_K, h->kv, j, k + l->content);
}

/* The value of position j; topic: its segment's. */
static void value(const struct head *h, int64_t j, int64_t d_v, const double *topic, float *v)
{
    double own[ATTN_D_MAX], norm = 0;
    random_normals(h->seed, STREAM_V, h->kv, j, (int)d_v, own);
    for (int64_t c = 0; c < d_v; c++) {
        own[c] = sqrt(0.3) * topic[c] + sqrt(0.7) * own[c];
        norm += own[c] * own[c];
    }
    for (int64_t c = 0; c < d_v; c++)
        v[c] = (float)(j ? own[c] : own[c] * sink_value / sqrt(norm));
}

/* Scores of keys [from, from + n) in s: four sums at a time, each in the order of the channels. */
static void logits(const double *q, const float *k, int64_t from, int n, int d, double *s)
{
    for (int j = 0; j < n; j += 4) {
        const float *at[4];
        double sum[4] = {0};
        for (int i = 0; i < 4; i++)
            at[i] = k + (from + (j + i < n ? j + i : j)) * d;
        for (int c = 0; c < d; c++)
            for (int i = 0; i < 4; i++)
                sum[i] += q[c] * (double)at[i][c];
        for (int i = 0; i < 4 && j + i < n; i++)
            s[j + i] = sum[i] / sqrt((double)d);
    }
}

/* ln of the sum of e^s over keys 1 .. end - 1, as rounded. */
static double log_partition(const double *q, const float *k, int64_t end, int d)
{
    enum { KEYS = 64 };
    double max = -INFINITY, sum = 0;
    for (int64_t from = 1; from < end; from += KEYS) {
        const int n = end - from < KEYS ? (int)(end - from) : KEYS;
        double e[KEYS];
        bool rises[KEYS];
        logits(q, k, from, n, d, e);
        /* Against the running maximum: one pass, and no array. */
        for (int j = 0; j < n; j++) {
            const double s = e[j];
            rises[j] = s > max;
            e[j] = rises[j] ? max - s : s - max;
            max = rises[j] ? s : max;
        }
        fixed_exps(e, n);
        for (int j = 0; j < n; j++)
            sum = rises[j] ? sum * e[j] + 1 : sum + e[j];
    }
    return end > 1 ? max + fixed_log(sum) : 0;
}

struct knots {
    double at[KNOTS], lnz[KNOTS];
    int count;
};

static double interpolate(const struct knots *k, double x)
{
    if (k->count == 1 || x <= k->at[0])
        return k->lnz[0];
    for (int i = 1; i < k->count; i++)
        if (x <= k->at[i])
            return k->lnz[i - 1] +
                   (k->lnz[i] - k->lnz[i - 1]) * (x - k->at[i - 1]) / (k->at[i] - k->at[i - 1]);
    return k->lnz[k->count - 1];
}

/* One query head: queries, then the sink's logit from the partition at 64 rows. */
static void query_head(const struct head *h, const struct strengths *x, int64_t hq,
                       struct inputs *in, double kappa)
{
    const struct inputs_shape *s = &in->shape;
    const int d = (int)s->d;
    const float *k = in->k + h->kv * s->n_k * d;
    struct knots knots = {.count = 0};
    double logit = fixed_log(h->preset->target[PART_SINK] / (1 - h->preset->target[PART_SINK]));
    for (int i = 0; i < KNOTS; i++) {
        int64_t at = (int64_t)(fixed_exp(fixed_log((double)s->n_k) * (i + 1) / KNOTS) + 0.5) - 1;
        double q[ATTN_D_MAX], code[ATTN_D_MAX];
        if (knots.count && fixed_log((double)at + 1) <= knots.at[knots.count - 1])
            continue;
        query_code(h, x, at / SEGMENT_TOKENS, code);
        query(h, x, hq, at, code, q);
        knots.at[knots.count] = fixed_log((double)at + 1);
        knots.lnz[knots.count++] = log_partition(q, k, s->causal ? at + 1 : s->n_k, d);
    }
    double code[ATTN_D_MAX];
    for (int64_t i = 0, segment = -1; i < s->n_q; i++) {
        const int64_t behind = i + s->n_k - s->n_q, at = behind < 0 ? 0 : behind;
        double q[ATTN_D_MAX];
        if (segment != at / SEGMENT_TOKENS)
            query_code(h, x, segment = at / SEGMENT_TOKENS, code);
        query(h, x, hq, at, code, q);
        double beta = logit + interpolate(&knots, fixed_log((double)at + 1));
        q[h->layout.sink] = beta * sqrt((double)d) / kappa;
        for (int c = 0; c < d; c++)
            in->q[(hq * s->n_q + i) * d + c] = (float)q[c];
    }
}

static void key_head(const struct head *h, const struct strengths *x, struct inputs *in,
                     double kappa)
{
    const struct inputs_shape *s = &in->shape;
    double code[ATTN_D_MAX], topic[ATTN_D_MAX];
    for (int64_t j = 0; j < s->n_k; j++) {
        double k[ATTN_D_MAX] = {0};
        if (j % SEGMENT_TOKENS == 0) {
            random_normals(h->seed, STREAM_TOPIC, h->kv, j / SEGMENT_TOKENS, (int)s->d_v, topic);
            composite_code(h, j / SEGMENT_TOKENS, code);
        }
        /* The sink carries nothing but itself. */
        if (j)
            key(h, x, j, code, k);
        else
            k[h->layout.sink] = kappa;
        for (int64_t c = 0; c < s->d; c++)
            in->k[(h->kv * s->n_k + j) * s->d + c] = (float)k[c];
        value(h, j, s->d_v, topic, in->v + (h->kv * s->n_k + j) * s->d_v);
    }
}

/* Mean over heads of the achieved masses against their targets; the note, and the verdict. */
static int report(const struct preset *p, const struct strengths *x, int64_t heads,
                  int64_t calibrated, bool judged, struct inputs *in, char *msg)
{
    static const char *const names[] = {"sink", "local", "slash", "heavy", "block", "rest"};
    double mean[PARTS] = {[PART_SINK] = p->target[PART_SINK]}, worst = 0;
    size_t used = (size_t)snprintf(in->note, sizeof in->note,
                                   "{\"preset\":\"%s\",\"calibrated_at\":%lld,\"mass\":{", p->name,
                                   (long long)calibrated);
    int off = 0;
    for (int i = 0; i < PARTS; i++) {
        for (int64_t h = 0; h < heads && i; h++)
            mean[i] += x[h].mass[i] * (1 - p->target[PART_SINK]) / (double)heads;
        if (fabs(mean[i] - p->target[i]) > worst) {
            worst = fabs(mean[i] - p->target[i]);
            off = i;
        }
        used += (size_t)snprintf(in->note + used, sizeof in->note - used,
                                 "%s\"%s\":{\"target\":%.2f,\"achieved\":%.3f}", i ? "," : "",
                                 names[i], p->target[i], mean[i]);
    }
    snprintf(in->note + used, sizeof in->note - used, "},\"worst_miss\":%.3f}", worst);
    if (!judged || worst <= miss)
        return 0;
    snprintf(msg, WORKLOAD_MESSAGE,
             "preset %s misses its masses at this shape: %s has %.2f instead of %.2f; more "
             "channels or keys help",
             p->name, names[off], mean[off], p->target[off]);
    return 1;
}

int composite_make(const struct workload *w, const double *params, uint64_t seed, const char *file,
                   struct inputs *in, char *msg)
{
    (void)file;
    const struct inputs_shape *s = &in->shape;
    const struct preset *preset = w->preset;
    const int64_t group = s->heads_q / s->heads_kv;
    /* Below 512 keys there is no room for slash and segments: the strengths are those of 512. */
    const int64_t n = params[0] > 0 ? NREF : s->n_k < NLEAST ? NLEAST : s->n_k;
    struct strengths *x = calloc((size_t)s->heads_kv, sizeof *x);
    if (!x) {
        snprintf(msg, WORKLOAD_MESSAGE, "out of memory");
        return -1;
    }
    bool ok = true;
    const double kappa = sqrt(fixed_log((double)n) * 1.5 * sqrt((double)s->d));
#pragma omp parallel
    {
#pragma omp for schedule(dynamic)
        for (int64_t kv = 0; kv < s->heads_kv; kv++) {
            const struct head h = head_of(preset, s->d, seed, kv);
            if (composite_calibrate(&h, n, s->causal, &x[kv])) {
#pragma omp atomic write
                ok = false;
            }
            key_head(&h, &x[kv], in, kappa);
        }
#pragma omp for schedule(dynamic)
        for (int64_t hq = 0; hq < s->heads_q; hq++) {
            const struct head h = head_of(preset, s->d, seed, hq / group);
            query_head(&h, &x[hq / group], hq, in, kappa);
        }
    }
    int rc = -1;
    if (ok)
        rc = report(preset, x, s->heads_kv, n, s->n_k >= NLEAST, in, msg);
    else
        snprintf(msg, WORKLOAD_MESSAGE, "out of memory");
    free(x);
    return rc;
}
