/* SPDX-License-Identifier: MIT */
/* See tests.h. */
#include "harness/stats/tests.h"
#include "harness/stats/order.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Largest number of values whose null distribution is enumerated; counts stay exact in a double. */
#define EXACT 50

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double normal_tail(double z)
{
    return 0.5 * erfc(z / sqrt(2));
}

/* z with P(Z > z) = tail, by bisection: exactness matters more than speed here. */
static double normal_quantile(double tail)
{
    double lo = 0, hi = 40;
    while (hi - lo > 1e-12 * (1 + hi)) {
        double mid = (lo + hi) / 2;
        *(normal_tail(mid) > tail ? &lo : &hi) = mid;
    }
    return (lo + hi) / 2;
}

/* A value and where it came from. */
struct ranked {
    double value;
    size_t from;
};

static int by_value(const void *a, const void *b)
{
    return compare(&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

/*
 * Doubled ranks (whole even when tied) of n values, at their places; *ties = sum of t^3 - t over
 * groups of t equal values. NULL when out of memory.
 */
static int *double_ranks(const double *x, size_t n, double *ties)
{
    int *rank = calloc(n + 1, sizeof *rank);
    struct ranked *r = malloc((n + 1) * sizeof *r);
    *ties = 0;
    for (size_t i = 0; rank && r && i < n; i++)
        r[i] = (struct ranked){x[i], i};
    if (rank && r)
        qsort(r, n, sizeof *r, by_value);
    for (size_t i = 0, end; rank && r && i < n; i = end) {
        for (end = i + 1; end < n && r[end].value == r[i].value;)
            end++;
        double t = (double)(end - i);
        *ties += t * t * t - t;
        for (size_t j = i; j < end; j++)
            rank[r[j].from] = (int)(i + 1 + end);
    }
    if (!r) {
        free(rank);
        rank = NULL;
    }
    free(r);
    return rank;
}

/*
 * Number of subsets of the n ranks with each sum: of any size when size < 0, else of that size.
 * *sums is the largest sum. Owned by the caller; NULL when out of memory.
 */
static double *subsets(const int *rank, size_t n, int size, int *sums)
{
    *sums = 0;
    for (size_t i = 0; i < n; i++)
        *sums += rank[i];
    const size_t width = (size_t)*sums + 1, rows = size < 0 ? 1 : (size_t)size + 1;
    double *ways = calloc(rows * width, sizeof *ways);
    if (!ways)
        return NULL;
    ways[0] = 1;
    for (size_t i = 0; i < n; i++) {
        const size_t r = (size_t)rank[i];
        if (size < 0)
            for (size_t s = width - 1; s + 1 > r; s--)
                ways[s] += ways[s - r];
        else
            for (size_t k = rows - 1; k > 0; k--)
                for (size_t s = r; s < width; s++)
                    ways[k * width + s] += ways[(k - 1) * width + s - r];
    }
    if (size > 0)
        memmove(ways, ways + (rows - 1) * width, width * sizeof *ways);
    return ways;
}

/* Two-sided p of a sum under the enumerated distribution. */
static double exact_p(const double *ways, int sums, int observed)
{
    double all = 0, below = 0, above = 0;
    for (int s = 0; s <= sums; s++) {
        all += ways[s];
        below += s <= observed ? ways[s] : 0;
        above += s >= observed ? ways[s] : 0;
    }
    return fmin(1, 2 * fmin(below, above) / all);
}

/* The largest doubled sum s with P(sum <= s) <= tail, or -1: there is none. */
static int exact_quantile(const double *ways, int sums, double tail)
{
    double all = 0, below = 0;
    int s = 0;
    for (int i = 0; i <= sums; i++)
        all += ways[i];
    while (s <= sums && (below += ways[s]) <= tail * all)
        s++;
    return s - 1;
}

static double normal_p(double distance, double variance)
{
    /* Half a step nearer: the statistic takes whole values. */
    return variance > 0 ? fmin(1, 2 * normal_tail(fmax(0, distance - 0.5) / sqrt(variance))) : 1;
}

double stats_signed_rank(const double *x, size_t n)
{
    double *size = calloc(n + 1, sizeof *size);
    bool *positive = malloc((n + 1) * sizeof *positive);
    double p = NAN, ties;
    int *rank = NULL, sum = 0;
    size_t m = 0;
    if (!size || !positive)
        goto end;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            goto end;
        if (x[i] != 0) {
            positive[m] = x[i] > 0;
            size[m++] = fabs(x[i]);
        }
    }
    if (!(rank = double_ranks(size, m, &ties)))
        goto end;
    for (size_t i = 0; i < m; i++)
        sum += positive[i] ? rank[i] : 0;
    if (m <= EXACT) {
        int sums;
        double *ways = subsets(rank, m, -1, &sums);
        p = ways ? exact_p(ways, sums, sum) : NAN;
        free(ways);
    } else {
        double d = (double)m;
        p = normal_p(fabs(sum / 2.0 - d * (d + 1) / 4), d * (d + 1) * (2 * d + 1) / 24 - ties / 48);
    }
end:
    free(rank);
    free(positive);
    free(size);
    return p;
}

double stats_rank_sum(const double *x, size_t nx, const double *y, size_t ny)
{
    const size_t n = nx + ny;
    double *all = malloc((n + 1) * sizeof *all), p = NAN, ties;
    int *rank = NULL, sum = 0;
    if (!all || !nx || !ny)
        goto end;
    memcpy(all, x, nx * sizeof *all);
    memcpy(all + nx, y, ny * sizeof *all);
    for (size_t i = 0; i < n; i++)
        if (isnan(all[i]))
            goto end;
    if (!(rank = double_ranks(all, n, &ties)))
        goto end;
    for (size_t i = 0; i < nx; i++)
        sum += rank[i];
    if (n <= EXACT) {
        int sums;
        double *ways = subsets(rank, n, (int)nx, &sums);
        p = ways ? exact_p(ways, sums, sum) : NAN;
        free(ways);
    } else {
        double a = (double)nx, b = (double)ny, d = a + b;
        p = normal_p(fabs(sum / 2.0 - a * (d + 1) / 2),
                     a * b / 12 * (d + 1 - ties / (d * (d - 1))));
    }
end:
    free(rank);
    free(all);
    return p;
}

/* P(|T| > t) for a whole number of degrees of freedom: the finite series of t = sqrt(df) tan a. */
static double student_tail(double t, size_t df)
{
    const double angle = atan(t / sqrt((double)df)), c2 = cos(angle) * cos(angle);
    double term = df % 2 ? cos(angle) : 1, series = df == 1 ? 0 : term;
    for (size_t k = df % 2 ? 3 : 2; k + 1 < df; k += 2)
        series += term *= c2 * (double)(k - 1) / (double)k;
    double inside = df % 2 ? (angle + sin(angle) * series) / M_PI_2 : sin(angle) * series;
    return fmax(0, 1 - inside);
}

double stats_student(const double *x, size_t nx, const double *y, size_t ny)
{
    double mean[2] = {0, 0}, squares = 0;
    if (!nx || !ny || nx + ny < 3)
        return NAN;
    for (size_t i = 0; i < nx; i++)
        mean[0] += x[i] / (double)nx;
    for (size_t i = 0; i < ny; i++)
        mean[1] += y[i] / (double)ny;
    for (size_t i = 0; i < nx; i++)
        squares += (x[i] - mean[0]) * (x[i] - mean[0]);
    for (size_t i = 0; i < ny; i++)
        squares += (y[i] - mean[1]) * (y[i] - mean[1]);
    const size_t df = nx + ny - 2;
    const double error = sqrt(squares / (double)df * (1 / (double)nx + 1 / (double)ny));
    const double apart = fabs(mean[0] - mean[1]);
    return error > 0 ? student_tail(apart / error, df) : isnan(error) ? NAN : apart > 0 ? 0 : 1;
}

int stats_adjust(const double *p, size_t n, double *q)
{
    struct ranked *r = malloc((n + 1) * sizeof *r);
    size_t m = 0;
    if (!r)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(p[i]))
            r[m++] = (struct ranked){p[i], i};
        q[i] = p[i];
    }
    qsort(r, m, sizeof *r, by_value);
    double least = 1;
    for (size_t i = m; i-- > 0;) {
        least = fmin(least, r[i].value * (double)m / (double)(i + 1));
        q[r[i].from] = least;
    }
    free(r);
    return 0;
}

/*
 * How many of the smallest of the sorted pairs lie outside the interval, by the distribution of
 * the test's statistic without ties; 0: no interval of this level.
 */
static size_t outside(size_t nx, size_t ny, double level)
{
    const double tail = (1 - level) / 2;
    const size_t n = nx + ny;
    if (n <= EXACT) {
        int rank[EXACT], sums;
        for (size_t i = 0; i < n; i++)
            rank[i] = (int)i + 1;
        double *ways = subsets(rank, n, ny ? (int)nx : -1, &sums);
        if (!ways)
            return 0;
        /* The rank sum of nx values is at least nx (nx + 1) / 2, where the statistic is 0. */
        int least = ny ? (int)(nx * (nx + 1) / 2) : 0, at = exact_quantile(ways, sums, tail);
        free(ways);
        return at >= least ? (size_t)(at - least) + 1 : 0;
    }
    double a = (double)nx, b = (double)ny;
    double mean = ny ? a * b / 2 : a * (a + 1) / 4;
    double variance = ny ? a * b * (a + b + 1) / 12 : a * (a + 1) * (2 * a + 1) / 24;
    double at = floor(mean - 0.5 - normal_quantile(tail) * sqrt(variance));
    return at >= 0 ? (size_t)at + 1 : 0;
}

/* Median and interval of the pairs; takes them over. */
static int of_pairs(double *pairs, size_t count, size_t skip, struct stats_interval *out)
{
    *out = (struct stats_interval){NAN, NAN, NAN};
    bool bad = !pairs || !count;
    for (size_t i = 0; !bad && i < count; i++)
        bad = isnan(pairs[i]);
    if (!bad) {
        qsort(pairs, count, sizeof *pairs, compare);
        out->at = (pairs[(count - 1) / 2] + pairs[count / 2]) / 2;
        out->lo = pairs[skip ? skip - 1 : 0];
        out->hi = pairs[count - (skip ? skip : 1)];
    }
    free(pairs);
    return bad || !skip ? -1 : 0;
}

int stats_centre(const double *x, size_t n, double level, struct stats_interval *out)
{
    double *pairs = malloc((n * (n + 1) / 2 + 1) * sizeof *pairs);
    size_t count = 0;
    for (size_t i = 0; pairs && i < n; i++)
        for (size_t j = i; j < n; j++)
            pairs[count++] = (x[i] + x[j]) / 2;
    return of_pairs(pairs, count, outside(n, 0, level), out);
}

int stats_shift(const double *x, size_t nx, const double *y, size_t ny, double level,
                struct stats_interval *out)
{
    double *pairs = malloc((nx * ny + 1) * sizeof *pairs);
    size_t count = 0;
    for (size_t i = 0; pairs && i < nx; i++)
        for (size_t j = 0; j < ny; j++)
            pairs[count++] = x[i] - y[j];
    return of_pairs(pairs, count, nx && ny ? outside(nx, ny, level) : 0, out);
}

double stats_cliff(const double *x, size_t nx, const double *y, size_t ny)
{
    double sum = 0;
    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j < ny; j++) {
            if (isnan(x[i]) || isnan(y[j]))
                return NAN;
            sum += (x[i] > y[j]) - (x[i] < y[j]);
        }
    return sum / ((double)nx * (double)ny);
}

double stats_mad(const double *x, size_t n)
{
    double *away = malloc((n + 1) * sizeof *away), centre = stats_median(x, n);
    for (size_t i = 0; away && i < n; i++)
        away[i] = fabs(x[i] - centre);
    double mad = away ? stats_median(away, n) : NAN;
    free(away);
    return mad;
}
