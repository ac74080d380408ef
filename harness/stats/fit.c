/* SPDX-License-Identifier: MIT */
/* See fit.h. */
#include "harness/stats/fit.h"
#include "harness/stats/resample.h"

#include <math.h>

double stats_theil_sen(const double *x, const double *y, size_t count)
{
    double slope[STATS_POINTS * (STATS_POINTS - 1) / 2];
    size_t slopes = 0;
    if (count > STATS_POINTS)
        return NAN;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (x[i] != x[j]) {
                slope[slopes] = (y[j] - y[i]) / (x[j] - x[i]);
                if (!isfinite(slope[slopes++]))
                    return NAN;
            }
    return stats_median_of(slope, slopes);
}

/*
 * Least squares on the chosen columns by modified Gram-Schmidt; the columns are close to
 * dependent, so normal equations would lose what little tells them apart. The sum of squared
 * residuals, or infinity when the columns are dependent.
 */
static double least_squares(size_t count, double a[STATS_TERMS][STATS_POINTS], unsigned chosen,
                            double x[STATS_TERMS])
{
    double q[STATS_TERMS][STATS_POINTS], r[STATS_TERMS][STATS_TERMS] = {{0}}, rest[STATS_POINTS],
                                         b[STATS_TERMS] = {0}, squares = 0;
    for (size_t i = 0; i < count; i++)
        rest[i] = 1;
    for (int k = 0; k < STATS_TERMS; k++) {
        x[k] = 0;
        if (!(chosen >> k & 1u))
            continue;
        double length = 0, whole = 0;
        for (size_t i = 0; i < count; i++) {
            q[k][i] = a[k][i];
            whole += a[k][i] * a[k][i];
        }
        for (int j = 0; j < k; j++) {
            for (size_t i = 0; i < count && chosen >> j & 1u; i++)
                r[j][k] += q[j][i] * q[k][i];
            for (size_t i = 0; i < count && chosen >> j & 1u; i++)
                q[k][i] -= r[j][k] * q[j][i];
        }
        for (size_t i = 0; i < count; i++)
            length += q[k][i] * q[k][i];
        if (!(length > 1e-24 * whole))
            return INFINITY;
        r[k][k] = sqrt(length);
        for (size_t i = 0; i < count; i++) {
            q[k][i] /= r[k][k];
            b[k] += q[k][i] * rest[i];
        }
        for (size_t i = 0; i < count; i++)
            rest[i] -= b[k] * q[k][i];
    }
    for (int k = STATS_TERMS - 1; k >= 0; k--) {
        if (!(chosen >> k & 1u))
            continue;
        x[k] = b[k];
        for (int j = k + 1; j < STATS_TERMS; j++)
            x[k] -= r[k][j] * x[j];
        x[k] /= r[k][k];
    }
    for (size_t i = 0; i < count; i++)
        squares += rest[i] * rest[i];
    return squares;
}

int stats_growth_terms(const double *n, const double *t, size_t count, double c[STATS_TERMS],
                       double *misfit)
{
    double a[STATS_TERMS][STATS_POINTS], best = INFINITY;
    bool good = count > 0 && count <= STATS_POINTS;
    for (int k = 0; k < STATS_TERMS; k++)
        c[k] = NAN;
    *misfit = NAN;
    for (size_t i = 0; good && i < count; i++) {
        good = n[i] > 0 && t[i] > 0 && isfinite(n[i]) && isfinite(t[i]);
        const double term[STATS_TERMS] = {1, n[i], n[i] * log(n[i]), n[i] * n[i]};
        for (int k = 0; k < STATS_TERMS; k++)
            a[k][i] = term[k] / t[i]; /* relative residuals: fit 1 */
    }
    if (!good)
        return -1;
    /* The non-negative optimum is the free optimum of the terms that it uses, so it is among these
     * fifteen. */
    for (unsigned chosen = 1; chosen < 1u << STATS_TERMS; chosen++) {
        double x[STATS_TERMS];
        const double squares = least_squares(count, a, chosen, x);
        bool allowed = squares < best;
        for (int k = 0; k < STATS_TERMS; k++)
            allowed &= x[k] >= 0;
        if (!allowed)
            continue;
        best = squares;
        for (int k = 0; k < STATS_TERMS; k++)
            c[k] = x[k];
    }
    *misfit = sqrt(best / (double)count);
    return isfinite(best) ? 0 : -1;
}

enum stats_crossing stats_crossing(const double *x, const double *d, const bool *ok, size_t count,
                                   double *from, double *until)
{
    size_t changes = 0;
    const bool begins = d[0] < 0 && (!ok || ok[0]);
    bool holds = begins;
    *from = begins ? -INFINITY : INFINITY;
    *until = begins ? INFINITY : -INFINITY;
    for (size_t i = 1; i < count; i++) {
        const bool now = d[i] < 0 && (!ok || ok[i]);
        if (now == holds)
            continue;
        const bool by_d = !ok || (ok[i - 1] && ok[i]);
        const double at = by_d  ? x[i - 1] + (x[i] - x[i - 1]) * d[i - 1] / (d[i - 1] - d[i])
                          : now ? x[i]
                                : x[i - 1];
        *from = now ? at : INFINITY;
        if (changes++ == 0 && begins)
            *until = at;
        holds = now;
    }
    if (changes == 0)
        return begins ? CROSSING_ALWAYS : CROSSING_NEVER;
    if (changes > 1)
        return CROSSING_SEVERAL;
    return begins ? CROSSING_UNTIL : CROSSING_FROM;
}
