/* SPDX-License-Identifier: MIT */
/* See paired.h. */
#include "harness/analyse/paired.h"
#include "harness/stats/order.h"
#include "harness/stats/tests.h"

#include <math.h>
#include <stdlib.h>

#define Q_MAX  0.05
#define SPREAD 3 /* standard errors */
/* Of normal values: standard deviation over the median distance of two. */
#define SD_OF_DISTANCE (1 / (0.6744897501960817 * 1.4142135623730951))

/*
 * Standard error of a case's estimate as its launches tell, NaN for a single one. Appends the
 * distances between their medians, scaled like it, to apart; median holds one a launch.
 */
static double launch_error(const struct stats_groups *g, double *median, double *apart,
                           size_t *napart)
{
    const double n = (double)g->groups;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < g->groups; i++) {
        median[i] = stats_median(g->x + g->begin[i], g->begin[i + 1] - g->begin[i]);
        mean += median[i] / n;
    }
    for (size_t i = 0; i < g->groups; i++) {
        squares += (median[i] - mean) * (median[i] - mean);
        for (size_t j = i + 1; j < g->groups; j++)
            apart[(*napart)++] = fabs(median[i] - median[j]) / sqrt(n);
    }
    return g->groups > 1 ? sqrt(squares / (n - 1) / n) : NAN;
}

static int estimate(struct paired *c, uint64_t seed, uint64_t own, double *replicates)
{
    const size_t n = c->pairs.begin[c->pairs.groups];
    c->at = stats_median(c->pairs.x, n);
    c->q = stats_signed_rank(c->pairs.x, n);
    return stats_bootstrap_medians(&c->pairs, seed, own, replicates) ||
           stats_percentile_interval(replicates, STATS_REPLICATES, 0.95, &c->lo, &c->hi);
}

static void judge(struct paired *c, double least)
{
    const bool beyond = fabs(c->at) > log1p(c->floor), clear = c->lo > 0 || c->hi < 0;
    c->verdict = beyond && clear && c->q < Q_MAX ? c->at > 0 ? VERDICT_WORSE : VERDICT_BETTER
                 : fabs(c->at) > log1p(least)    ? VERDICT_HIDDEN
                                                 : VERDICT_SAME;
    c->at = expm1(c->at);
    c->lo = expm1(c->lo);
    c->hi = expm1(c->hi);
}

int paired_judge(struct paired *cases, size_t n, bool again, uint64_t seed)
{
    size_t launches = 1, distances = 1, napart = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t g = cases[i].pairs.groups;
        launches = g > launches ? g : launches;
        distances += g * g / 2;
    }
    double *apart = malloc(distances * sizeof *apart), *median = malloc(launches * sizeof *median);
    double *error = malloc((n + 1) * sizeof *error), *p = malloc((n + 1) * sizeof *p);
    double *replicates = malloc(STATS_REPLICATES * sizeof *replicates);
    int rc = apart && median && error && p && replicates ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        error[i] = launch_error(&cases[i].pairs, median, apart, &napart);
        rc = estimate(&cases[i], seed, seed + i + 1, replicates);
        p[i] = cases[i].q;
    }
    if (rc == 0 && (rc = stats_adjust(p, n, p)) == 0) {
        const double usual = again ? 0 : SD_OF_DISTANCE * stats_median(apart, napart);
        for (size_t i = 0; i < n; i++) {
            const double least = cases[i].floor;
            cases[i].q = p[i];
            /* fmax passes over the NaN of single launches. */
            cases[i].floor = fmax(least, expm1(SPREAD * fmax(usual, error[i])));
            judge(&cases[i], least);
        }
    }
    free(apart);
    free(median);
    free(error);
    free(p);
    free(replicates);
    return rc;
}

enum verdict paired_confirm(const struct paired *first, const struct paired *again)
{
    return first->verdict == again->verdict ? first->verdict : VERDICT_HIDDEN;
}
