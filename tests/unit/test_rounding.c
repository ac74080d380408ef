/* SPDX-License-Identifier: MIT */
/*
 * What low precision may cost, as bounds that hold for each element:
 *
 *   bf16: unit roundoff u = 2^-8. Logits: |s' - s| <= (2u + u^2) scale sum_c |q_c k_c|. Outputs,
 * from inputs that are bf16 already: 2u sum_j w_j |v_j|, once for the weights and once for their
 * sum. int8 (Zhang et al. 2024): steps dq of scale q, dk of k' = k - mean; |s' - s| <= e with e =
 * dq |k'|_1 / 2 + dk |scale q|_1 / 2 + D dq dk / 4; outputs: (exp(2e) - 1) max |v|.
 */
#include "tests/unit/operands.h"
#include "variants/registry.h"

#define UNIT_BF16 0x1p-8

static const struct attn_problem shapes[] = {
    {.heads_q = 1, .heads_kv = 1, .n_q = 1, .n_k = 1, .d = 16, .d_v = 16},
    {.heads_q = 2, .heads_kv = 1, .n_q = 65, .n_k = 63, .d = 64, .d_v = 40},
    {.heads_q = 4, .heads_kv = 2, .n_q = 129, .n_k = 193, .d = 40, .d_v = 64},
    {.heads_q = 1, .heads_kv = 1, .n_q = 300, .n_k = 521, .d = 128, .d_v = 24},
    {.heads_q = 2, .heads_kv = 2, .n_q = 257, .n_k = 257, .d = 3, .d_v = 256},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Inputs of a shape, its output, and a workspace. */
struct inputs {
    struct attn_problem p;
    float *q, *k, *v, *o, *lse;
    void *ws;
    int64_t rows, keys; /* of all heads */
};

static struct inputs make_inputs(int shape, double amplitude)
{
    struct inputs x = {.p = shapes[shape]};
    x.p.scale = 1 / sqrt((double)x.p.d);
    x.p.threads = 2;
    x.rows = x.p.heads_q * x.p.n_q;
    x.keys = x.p.heads_kv * x.p.n_k;
    float **all[] = {&x.q, &x.k, &x.v, &x.o, &x.lse};
    const int64_t n[] = {x.rows * x.p.d, x.keys * x.p.d, x.keys * x.p.d_v, x.rows * x.p.d_v,
                         x.rows};
    for (int i = 0; i < 5; i++) {
        *all[i] = copy_of(NULL, (size_t)n[i]);
        fill(*all[i], (size_t)n[i], i < 2 ? amplitude : 1,
             mix(test_seed + (uint64_t)(16 * shape + i)));
    }
    return x;
}

static void free_inputs(struct inputs *x)
{
    free(x->q);
    free(x->k);
    free(x->v);
    free(x->o);
    free(x->lse);
    free(x->ws);
}

/* Room that the engine writes to, aligned as the harness does. */
static void *room(size_t bytes)
{
    void *ws = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(ws);
    memset(ws, CANARY, bytes);
    return ws;
}

static void run_variant(struct inputs *x, const char *name)
{
    const struct attn_variant *v = attn_variant_find(name);
    struct attn_cost cost = {0};
    assert_non_null(v);
    v->cost(&x->p, NULL, &cost);
    free(x->ws);
    x->ws = room(cost.workspace);
    const struct attn_io io = {.q = x->q, .k = x->k, .v = x->v, .o = x->o};
    assert_int_equal(v->run(&x->p, NULL, x->ws, &io), ATTN_OK);
}

/* Softmax of n scores in place. */
static void softmax(double *w, int64_t n)
{
    double max = w[0], sum = 0;
    for (int64_t j = 1; j < n; j++)
        max = fmax(max, w[j]);
    for (int64_t j = 0; j < n; j++)
        sum += w[j] = exp(w[j] - max);
    for (int64_t j = 0; j < n; j++)
        w[j] /= sum;
}

/* Index of the first key of the head that query row i of all heads reads. */
static int64_t first_key(const struct inputs *x, int64_t i)
{
    return attn_kv_head(&x->p, i / x->p.n_q) * x->p.n_k;
}

/* Each query sees one key, another one every round: its log-denominator is its logit. */
static int64_t the_key(const struct attn_problem *p, uint64_t round, int64_t i)
{
    return (int64_t)(mix((uint64_t)i + (round << 32)) % (uint64_t)p->n_k);
}

static void feed_one(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                     struct attn_tile *t)
{
    const uint64_t *round = ctx;
    int64_t lo[ATTN_TILE], hi[ATTN_TILE];
    (void)io;
    for (int64_t r = t->q0; r < t->q1; r++) {
        lo[r - t->q0] = the_key(p, *round, r);
        hi[r - t->q0] = lo[r - t->q0] + 1;
    }
    attn_tile_keys(t, t->keys, 0, p->n_k, lo, hi, NULL);
}

static void run_one_key(struct inputs *x, enum attn_arith arith, uint64_t round)
{
    const struct attn_block_job job = {
        .feed = feed_one, .ctx = &round, .tile = 64, .lse = x->lse, .arith = arith};
    const struct attn_io io = {.q = x->q, .k = x->k, .v = x->v, .o = x->o};
    free(x->ws);
    x->ws = room(attn_block_workspace(&x->p, arith, 0));
    assert_int_equal(attn_block_run(&x->p, &io, &job, x->ws), ATTN_OK);
}

/* ---- bf16 ---------------------------------------------------------------------------------- */

static void test_bf16_logits(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 3);
        run_one_key(&x, ATTN_ARITH_BF16, 0);
        struct operands exact = make_operands(&x.p, ATTN_ARITH_FP32, x.q, x.k, x.v);
        struct operands rounded = make_operands(&x.p, ATTN_ARITH_BF16, x.q, x.k, x.v);
        for (int64_t i = 0; i < x.rows; i++) {
            const int64_t key = first_key(&x, i) + the_key(&x.p, 0, i % x.p.n_q);
            double size, terms = 0;
            const double got = (double)x.lse[i], far = exact_score(&x.p, &exact, i, key, &size),
                         near = exact_score(&x.p, &rounded, i, key, &size);
            for (int64_t c = 0; c < x.p.d; c++)
                terms +=
                    x.p.scale * fabs((double)x.q[i * x.p.d + c] * (double)x.k[key * x.p.d + c]);
            if (!(fabs(got - far) <= (2 * UNIT_BF16 + UNIT_BF16 * UNIT_BF16) * terms))
                fail_msg("shape %d: logit of row %d is %g instead of %g", shape, (int)i, got, far);
            /* Of rounded inputs: what is left is fp32, and 2^0 in the sum. */
            if (!(fabs(got - near) <= 1e-5 * (1 + size)))
                fail_msg("shape %d: logit of row %d is %.9g instead of %.9g, from rounded inputs",
                         shape, (int)i, got, near);
        }
        free_operands(&exact);
        free_operands(&rounded);
        free_inputs(&x);
    }
}

/* Each output of flash_bf16 on inputs that are bf16 already; and all of them together. */
static void test_bf16_outputs(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 1.5);
        double square = 0, total = 0, *w = malloc((size_t)x.p.n_k * sizeof *w);
        run_variant(&x, "flash_bf16");
        struct operands rounded = make_operands(&x.p, ATTN_ARITH_BF16, x.q, x.k, x.v);
        for (int64_t i = 0; i < x.rows; i++) {
            const int64_t first = first_key(&x, i);
            double size;
            for (int64_t j = 0; j < x.p.n_k; j++)
                w[j] = exact_score(&x.p, &rounded, i, first + j, &size);
            softmax(w, x.p.n_k);
            for (int64_t e = 0; e < x.p.d_v; e++) {
                const double got = (double)x.o[i * x.p.d_v + e];
                double want = 0, terms = 0;
                for (int64_t j = 0; j < x.p.n_k; j++) {
                    const double v = (double)rounded.v[(first + j) * x.p.d_v + e];
                    want += w[j] * v;
                    terms += w[j] * fabs(v);
                }
                /* 3e-4: the short polynomial, twice, and fp32. */
                if (!(fabs(got - want) <= (2 * UNIT_BF16 + 3e-4) * terms))
                    fail_msg("shape %d: row %d channel %d is %g instead of %g", shape, (int)i,
                             (int)e, got, want);
                square += (got - want) * (got - want);
                total += want * want;
            }
        }
        if (!(sqrt(square / total) <= UNIT_BF16 / 2))
            fail_msg("shape %d: off by %.3g in all", shape, sqrt(square / total));
        free(w);
        free_operands(&rounded);
        free_inputs(&x);
    }
}

/* Outputs where nothing needs rounding: whole scores in units of log 2, so that weights are powers
 * of 2. Row i reads channel i of the keys, which are whole numbers. */
static void check_powers_of_two(int shape, struct inputs *x)
{
    double *w = malloc((size_t)x->p.n_k * sizeof *w);
    x->p.scale = log(2);
    memset(x->q, 0, (size_t)(x->rows * x->p.d) * sizeof *x->q);
    for (int64_t i = 0; i < x->rows; i++)
        x->q[i * x->p.d + i % x->p.d] = 1;
    for (int64_t j = 0; j < x->keys * x->p.d_v; j++)
        x->v[j] = round_bf16(x->v[j]);
    run_variant(x, "flash_bf16");
    for (int64_t i = 0; i < x->rows; i++) {
        const int64_t first = first_key(x, i);
        for (int64_t j = 0; j < x->p.n_k; j++)
            w[j] = log(2) * (double)x->k[(first + j) * x->p.d + i % x->p.d];
        softmax(w, x->p.n_k);
        for (int64_t e = 0; e < x->p.d_v; e++) {
            double want = 0;
            for (int64_t j = 0; j < x->p.n_k; j++)
                want += w[j] * (double)x->v[(first + j) * x->p.d_v + e];
            if (!(fabs((double)x->o[i * x->p.d_v + e] - want) <= 2e-6))
                fail_msg("shape %d: row %d channel %d is %.9g instead of %.9g", shape, (int)i,
                         (int)e, (double)x->o[i * x->p.d_v + e], want);
        }
    }
    free(w);
}

static void test_bf16_powers_of_two_are_exact(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 1);
        for (int64_t j = 0; j < x.keys * x.p.d; j++)
            x.k[j] = roundf(2 * x.k[j]);
        check_powers_of_two(shape, &x);
        free_inputs(&x);
    }
}

/* Scores that rise by 250 from the first key to the last, or fall, or rise all at once: an early
 * maximum, which a kernel may guess from, is far too low for some rows and high enough for others.
 */
static void test_bf16_rising_scores(void **state)
{
    (void)state;
    for (int shape = 1; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 1);
        const int64_t n = x.p.n_k;
        for (int64_t j = 0; j < x.keys; j++)
            for (int64_t c = 0; c < x.p.d; c++) {
                const double part = (double)(j % n) / (double)n;
                const double sudden = j % n > n * 3 / 4 ? 250 : 0;
                x.k[j * x.p.d + c] = (float)round(c % 3 == 0   ? 250 * part
                                                  : c % 3 == 1 ? -250 * part
                                                               : sudden);
            }
        check_powers_of_two(shape, &x);
        free_inputs(&x);
    }
}

/* ---- int8 ---------------------------------------------------------------------------------- */

/*
 * The integers of the selected back end are those of the plain loops of operands.h: its logits, up
 * to the last bit of fp32, are theirs.
 */
static void test_int8_logits_are_exact_integers(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 1);
        struct operands want = make_operands(&x.p, ATTN_ARITH_INT8, x.q, x.k, x.v);
        for (uint64_t round = 0; round < 16; round++) {
            run_one_key(&x, ATTN_ARITH_INT8, round);
            for (int64_t i = 0; i < x.rows; i++) {
                const int64_t key = first_key(&x, i) + the_key(&x.p, round, i % x.p.n_q);
                double size;
                const double got = (double)x.lse[i], s = exact_score(&x.p, &want, i, key, &size);
                if (!(fabs(got - s) <= 0x1p-21 * fabs(s)))
                    fail_msg("shape %d: logit of row %d and key %d is %.9g instead of %.9g", shape,
                             (int)i, (int)key, got, s);
            }
        }
        free_operands(&want);
        free_inputs(&x);
    }
}

/* Logits of the plain loops, which the engine's are equal to, and outputs of sage_int8. */
static void test_int8_bounds(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 1);
        double *w = malloc((size_t)x.p.n_k * sizeof *w);
        run_variant(&x, "sage_int8");
        struct operands exact = make_operands(&x.p, ATTN_ARITH_FP32, x.q, x.k, x.v);
        struct operands coarse = make_operands(&x.p, ATTN_ARITH_INT8, x.q, x.k, x.v);
        /* The mean changes no softmax, but it does change logits. */
        centre(exact.k, x.p.heads_kv, x.p.n_k, x.p.d);
        for (int64_t i = 0; i < x.rows; i++) {
            const int64_t first = first_key(&x, i);
            double worst = 0, longest = 0, q1 = 0, off = 0;
            for (int64_t c = 0; c < x.p.d; c++)
                q1 += x.p.scale * fabs((double)x.q[i * x.p.d + c]);
            for (int64_t j = 0; j < x.p.n_k; j++) {
                const double dq = x.p.scale * (double)coarse.q_scale[i],
                             dk = (double)coarse.k_scale[first + j];
                double k1 = 0, v2 = 0, size;
                for (int64_t c = 0; c < x.p.d; c++)
                    k1 += fabs((double)exact.k[(first + j) * x.p.d + c]);
                for (int64_t e = 0; e < x.p.d_v; e++)
                    v2 += pow((double)x.v[(first + j) * x.p.d_v + e], 2);
                longest = fmax(longest, sqrt(v2));
                w[j] = exact_score(&x.p, &exact, i, first + j, &size);
                const double bound = dq * k1 / 2 + dk * q1 / 2 + (double)x.p.d * dq * dk / 4,
                             error = fabs(exact_score(&x.p, &coarse, i, first + j, &size) - w[j]);
                if (!(error <= bound * (1 + 1e-5)))
                    fail_msg("shape %d: logit of row %d and key %d is off by %g, more than %g",
                             shape, (int)i, (int)j, error, bound);
                worst = fmax(worst, bound);
            }
            softmax(w, x.p.n_k);
            for (int64_t e = 0; e < x.p.d_v; e++) {
                double want = 0;
                for (int64_t j = 0; j < x.p.n_k; j++)
                    want += w[j] * (double)x.v[(first + j) * x.p.d_v + e];
                off += pow((double)x.o[i * x.p.d_v + e] - want, 2);
            }
            /* Beside the paper's bound, values and weights are rounded to bf16. */
            if (!(sqrt(off) <= (expm1(2 * worst) + 3 * UNIT_BF16) * longest))
                fail_msg("shape %d: row %d is off by %g", shape, (int)i, sqrt(off));
        }
        free(w);
        free_operands(&exact);
        free_operands(&coarse);
        free_inputs(&x);
    }
}

/* Keys that have a large vector in common: smoothing takes it away again. */
static void test_int8_common_vector(void **state)
{
    (void)state;
    for (int shape = 1; shape < SHAPES; shape++) {
        struct inputs x = make_inputs(shape, 1);
        const size_t n = (size_t)(x.rows * x.p.d_v);
        run_variant(&x, "sage_int8");
        float *before = copy_of(x.o, n);
        for (int64_t i = 0; i < x.keys * x.p.d; i++)
            x.k[i] += 100 * (float)(1 + i % x.p.d % 7);
        run_variant(&x, "sage_int8");
        /* What fp32 lost in the sum is less than a step; some elements fall to another. */
        if (!(distance(before, x.o, n) <= 2e-2))
            fail_msg("shape %d: a vector added to all keys moves outputs by %g", shape,
                     distance(before, x.o, n));
        free(before);
        free_inputs(&x);
    }
}

/* Blocks of nothing but zeros have no largest element to divide by. */
static void test_int8_zero_blocks(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++)
        for (int which = 1; which < 4; which++) {
            struct inputs x = make_inputs(shape, 1);
            if (which & 1)
                memset(x.q, 0, (size_t)(x.rows * x.p.d) * sizeof *x.q);
            if (which & 2)
                memset(x.k, 0, (size_t)(x.keys * x.p.d) * sizeof *x.k);
            run_variant(&x, "sage_int8");
            for (int64_t i = 0; i < x.rows; i++)
                for (int64_t e = 0; e < x.p.d_v; e++) {
                    double mean = 0;
                    for (int64_t j = 0; j < x.p.n_k; j++)
                        mean += (double)round_bf16(x.v[(first_key(&x, i) + j) * x.p.d_v + e]);
                    mean /= (double)x.p.n_k;
                    if (!(fabs((double)x.o[i * x.p.d_v + e] - mean) <= 1e-5))
                        fail_msg("shape %d: equal logits give %g instead of the mean %g", shape,
                                 (double)x.o[i * x.p.d_v + e], mean);
                }
            free_inputs(&x);
        }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bf16_logits),
        cmocka_unit_test(test_bf16_outputs),
        cmocka_unit_test(test_bf16_powers_of_two_are_exact),
        cmocka_unit_test(test_bf16_rising_scores),
        cmocka_unit_test(test_int8_logits_are_exact_integers),
        cmocka_unit_test(test_int8_bounds),
        cmocka_unit_test(test_int8_common_vector),
        cmocka_unit_test(test_int8_zero_blocks),
    };
    (void)argc;
    const int status = begin_tests(argv);
    return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
