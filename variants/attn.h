/* SPDX-License-Identifier: MIT */
/*
 * The contract between the harness and an attention variant: everything that
 * the author of a variant reads. A variant is one const descriptor in one
 * file, listed by one line of variants.def; a plugin is the same file built as
 * a shared object with -DATTN_PLUGIN.
 *
 * Tensors are dense, C order, 64-byte aligned, owned by the harness, fp32 (inputs also bf16):
 *   q (H_q, N_q, D)   k (H_kv, N_k, D)   v (H_kv, N_k, D_v)   o (H_q, N_q, D_v)
 * Query head h reads key/value head h / (H_q / H_kv)    (grouped-query attention).
 * Query i stands at position p_i = i + N_k - N_q; when causal it sees key j iff
 * j <= p_i (bottom-right alignment). A row that sees no key is all zeros.
 *
 * A variant never allocates, prints, exits, or changes the thread count: it
 * returns a status, and works in the workspace whose size it declared.
 */
#ifndef ATTN_H
#define ATTN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Raised whenever a struct below changes; a plugin with another number is refused. */
#define ATTN_ABI_VERSION 3

#define ATTN_MAX_PARAMS 8

enum attn_status {
    ATTN_OK = 0,
    ATTN_UNSUPPORTED, /* the problem is outside what the variant declares */
    ATTN_FAILED       /* a library call failed, or the result would be meaningless */
};

/* What the output means beside softmax(scale Q K^T) V. */
enum attn_kind {
    ATTN_EXACT,        /* equal up to rounding */
    ATTN_APPROXIMATES, /* converges to it as some parameter grows */
    ATTN_REPLACES      /* another function; its distance to softmax is descriptive only */
};

enum attn_family {
    ATTN_BASELINE, /* floors that compute no attention */
    ATTN_FULL,
    ATTN_SPARSE,
    ATTN_LINEAR,
    ATTN_LONGRANGE,
    ATTN_HIERARCHICAL,
    ATTN_PEER, /* other people's implementations, measured through the worker protocol */
    ATTN_FAMILIES
};

/* Type of the inputs. Outputs are fp32. */
enum attn_dtype {
    ATTN_FP32,
    ATTN_BF16, /* bfloat16: the upper half of an fp32 */
    ATTN_DTYPES
};

/* Capabilities: what a variant accepts. supports() refines them. */
enum {
    ATTN_CAUSAL = 1 << 0,    /* causal problems */
    ATTN_NONCAUSAL = 1 << 1, /* problems without a mask */
    ATTN_CROSS = 1 << 2,     /* N_q != N_k */
    ATTN_GQA = 1 << 3,       /* H_kv < H_q */
    ATTN_DV = 1 << 4,        /* D_v != D */
    ATTN_ANY = (1 << 5) - 1, /* the above */
    ATTN_TAKES_BF16 = 1 << 5 /* inputs in bf16 */
};

/* Shapes and semantics of one attention call. */
struct attn_problem {
    int64_t heads_q, heads_kv; /* heads_kv divides heads_q */
    int64_t n_q, n_k;          /* tokens, >= 1 */
    int64_t d, d_v;            /* channels a head, 1..256 */
    bool causal;
    enum attn_dtype dtype; /* of the inputs */
    int threads;           /* OpenMP threads the call may use, >= 1 */
    double scale;          /* multiplies q.k; 1/sqrt(d) unless the input says otherwise */
    uint64_t seed;         /* of random patterns; not of the inputs */
};

/* The tensors of one call; shapes above. */
struct attn_io {
    const float *q, *k, *v; /* fp32 inputs; NULL when dtype is ATTN_BF16 */
    float *o;
    const uint16_t *q16, *k16, *v16; /* bf16 inputs; NULL when dtype is ATTN_FP32 */
};

/* A parameter of a variant. Values travel as doubles; whole says only integers are meant. */
struct attn_param {
    const char *name; /* [a-z_]+; NULL ends the list */
    double value;     /* default */
    double min, max;  /* inclusive range */
    bool whole;
    const char *doc; /* one line, with unit */
};

/* What one run() executes and needs. Counts cover all heads. */
struct attn_cost {
    double flops;       /* multiply-adds count 2; useful work, without masked lanes */
    double flops_bf16;  /* of which: products of bfloat16 operands, where the CPU has them */
    double flops_int8;  /* of which: products of 8-bit integers, where the CPU has them */
    double exps;        /* exponentials */
    double dense_flops; /* flops that exact attention spends on the same problem */
    double bytes;       /* compulsory traffic: inputs read and outputs written once, plus
                           what the method itself must write and read again */
    size_t workspace;   /* bytes that prepare() and run() may use */
};

struct attn_variant {
    uint32_t abi;     /* ATTN_ABI_VERSION */
    const char *name; /* [a-z0-9_]+, as in the literature */
    enum attn_family family;
    enum attn_kind kind;
    const char *summary;      /* one line */
    const char *cite;         /* authors, year, arXiv number */
    const char *time_class;   /* declared growth in n: "n", "n log n", "n^1.5", "n^2" */
    const char *memory_class; /* growth of the workspace: "1", "n", "n^2" */
    unsigned caps;
    const struct attn_param *params; /* ends with a NULL name; may be NULL */
    /*
     * Relative L2 distance between run() and the definition below that low-precision arithmetic
     * may cause on inputs of order 1. 0: that of fp32.
     */
    double rounding;
    bool looks_ahead; /* when causal, later keys may change how earlier rows are rounded */
    /*
     * A peer: not run() but this program of scripts/peers, which speaks the worker protocol,
     * computes the method. NULL otherwise.
     */
    const char *worker;

    /* Refines caps: true, or false with *why a static string. May be NULL. */
    bool (*supports)(const struct attn_problem *p, const double *params, const char **why);

    /* Fills *cost (zeroed by the caller) for a supported problem. */
    void (*cost)(const struct attn_problem *p, const double *params, struct attn_cost *cost);

    /* Data-independent set-up (tables, random draws) in ws; may be NULL. Timed apart. */
    enum attn_status (*prepare)(const struct attn_problem *p, const double *params, void *ws);

    /* Computes io->o. Called many times with the same ws; ws is 64-byte aligned. NULL in peers. */
    enum attn_status (*run)(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io);

    /*
     * The definition: writes row i of head h of the implicit attention matrix, w[0 .. N_k),
     * in double precision, the slow, obvious way. io->q and io->k are fp32, whatever the dtype;
     * io->v and io->o are not read. A row that
     * sees nothing is all zeros. scratch holds N_k * (D + 2) + 4096 doubles. NULL only when
     * the method is not linear in V.
     */
    void (*weights)(const struct attn_problem *p, const double *params, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch);
};

/*
 * Opens the definition of a descriptor:  ATTN_VARIANT(window) = { .name = "window", ... };
 * In a plugin it also defines the symbol that the loader looks up.
 */
#ifdef ATTN_PLUGIN
#define ATTN_VARIANT(id)                                                                           \
    extern const struct attn_variant attn_variant_##id;                                            \
    extern const struct attn_variant *const attn_plugin;                                           \
    const struct attn_variant *const attn_plugin = &attn_variant_##id;                             \
    const struct attn_variant attn_variant_##id
#else
#define ATTN_VARIANT(id)                                                                           \
    extern const struct attn_variant attn_variant_##id;                                            \
    const struct attn_variant attn_variant_##id
#endif

/* The bfloat16 nearest to x, ties to even; NaN stays NaN. */
static inline uint16_t attn_to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The value of a bfloat16. */
static inline float attn_from_bf16(uint16_t x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Position of query i among the keys (may be negative when N_q > N_k). */
static inline int64_t attn_position(const struct attn_problem *p, int64_t i)
{
    return i + p->n_k - p->n_q;
}

/* Number of keys that the mask of the problem lets query i see. */
static inline int64_t attn_visible(const struct attn_problem *p, int64_t i)
{
    if (!p->causal)
        return p->n_k;
    int64_t n = attn_position(p, i) + 1;
    return n < 0 ? 0 : n;
}

/* The key/value head that query head h reads. */
static inline int64_t attn_kv_head(const struct attn_problem *p, int64_t h)
{
    return h / (p->heads_q / p->heads_kv);
}

/* (query, key) pairs that exact attention computes, one head. */
double attn_pairs(const struct attn_problem *p);

/* Flops of exact attention on p, all heads: 2 (D + D_v) a visible pair. */
double attn_dense_flops(const struct attn_problem *p);

/* Bytes of q, k, v and o together, of inputs in p->dtype. */
double attn_io_bytes(const struct attn_problem *p);

#endif
