/* SPDX-License-Identifier: MIT */
/* Which rows are judged: all up to 8,192, else a seeded sample of 1,024 in 16 equal strata. */
#include "harness/judge/judge.h"

#include <stdlib.h>

enum { ALL_ROWS = 8192, SAMPLED = 1024, STRATA = 16 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int judge_rows_choose(int64_t n_q, uint64_t seed, struct judge_rows *out)
{
    *out = (struct judge_rows){.n_q = n_q, .all = n_q <= ALL_ROWS};
    out->count = out->all ? n_q : SAMPLED;
    out->strata = out->all ? 1 : STRATA;
    out->row = malloc((size_t)out->count * sizeof *out->row);
    if (!out->row)
        return -1;
    if (out->all) {
        for (int64_t i = 0; i < n_q; i++)
            out->row[i] = i;
        return 0;
    }
    /* Sequential sampling without replacement: ascending, uniform within each stratum. */
    int64_t n = 0;
    for (int64_t s = 0; s < STRATA; s++) {
        int64_t begin = n_q * s / STRATA, end = n_q * (s + 1) / STRATA, need = SAMPLED / STRATA;
        for (int64_t i = begin; i < end && need > 0; i++)
            if ((double)(next_random(&seed) >> 11) * 0x1p-53 * (double)(end - i) < (double)need) {
                out->row[n++] = i;
                need--;
            }
    }
    return 0;
}
