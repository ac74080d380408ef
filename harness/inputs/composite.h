/* SPDX-License-Identifier: MIT */
/*
 * The composite head: logits that are a sum of parts, each in channels of its own,
 *
 *   s_ij = L(i - j) + h_j + beta_i [j = 0] + B <u_i, t_segment(j)> + c_ij
 *
 * locality and a slash line (rotated pairs), heavy columns, a sink, related segments, low-rank
 * content. Strengths are calibrated until the attention mass of each part meets the preset.
 */
#ifndef HARNESS_COMPOSITE_H
#define HARNESS_COMPOSITE_H

#include "harness/inputs/workload.h"

#define ATTN_D_MAX   256
#define CODE_TARGETS 4 /* earlier segments that a query's segment is related to */
enum { SEGMENT_TOKENS = 64, LOCAL_REACH = 64, SLASH_AT = 411, SLASH_REACH = 32 };

/* Parts of the mass, in the order of targets and of notes. */
enum part { PART_SINK, PART_LOCAL, PART_SLASH, PART_HEAVY, PART_BLOCK, PART_REST, PARTS };

struct preset {
    const char *name;
    double target[PARTS];
    int rotated, code; /* sixteenths of the channels */
};

extern const struct preset preset_ashape, preset_vslash, preset_block;

/* Where the channels of a head of d are: rotated pairs, code, heavy, sink, content. */
struct layout {
    int d, rotated, code, heavy, sink, content, ncontent;
};

/* Calibrated strengths of one key head. */
struct strengths {
    double local, slash, code, heavy;
    double mass[PARTS]; /* achieved at late rows, without the sink's share */
};

/* Everything a head is drawn from; seed and head fix it. */
struct head {
    const struct preset *preset;
    struct layout layout;
    uint64_t seed;
    int64_t kv;                   /* key head */
    double turns[ATTN_D_MAX / 2]; /* of each rotated pair from one token to the next */
    double spectrum[ATTN_D_MAX];  /* deviation of each channel of content */
};

enum side { SIDE_Q, SIDE_K };

/* The pieces that logits are made of. */
double composite_locality(const struct head *h, double distance); /* g, 1 at 0 */
double composite_heavy(const struct head *h, int64_t j);          /* w_j, Zipf tail */
void composite_code(const struct head *h, int64_t segment, double *t);
void composite_related(const struct head *h, int64_t segment, int64_t out[CODE_TARGETS]);
void composite_content(const struct head *h, enum side side, int64_t head, int64_t row, double *x);

/* Finds strengths for n keys, or remembers them (inputs_remember). 0, or -1 without memory. */
int composite_calibrate(const struct head *h, int64_t n, bool causal, struct strengths *out);

#endif
