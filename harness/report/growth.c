/* SPDX-License-Identifier: MIT */
/* See growth.h. */
#include "harness/report/growth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const double growth_gates[GROWTH_GATES] = {0.01, 0.05, 0.2};

int growth_load(struct store *s, int64_t run, struct growth *g, char msg[CASE_MESSAGE])
{
    return store_caches(s, run, &g->l2, &g->llc, msg) || cells_load(s, run, &g->cells, msg) ||
                   curves_make(&g->cells, &g->curves, msg)
               ? -1
               : 0;
}

void growth_free(struct growth *g)
{
    curves_free(&g->curves);
    cells_free(&g->cells);
}

static bool asked(const struct growth *g, const struct curve *c)
{
    return cells_named(c->cell[0], g->variants, g->nvariants) && c->count >= g->least;
}

/* First length whose working set exceeds a cache; NaN: none, or the cache is unknown. */
static double leaves(const struct curve *c, double cache)
{
    for (size_t i = 0; i < c->count; i++)
        if (cells_working_set(c->cell[i]) > cache)
            return (double)c->cell[i]->n_k;
    return NAN;
}

/* Each thread brings its own L2; the last level is shared. */
static double leaves_l2(const struct growth *g, const struct curve *c)
{
    return leaves(c, g->l2 * (double)c->cell[0]->threads);
}

static double leaves_llc(const struct growth *g, const struct curve *c)
{
    return leaves(c, g->llc);
}

/* ---- for programs --------------------------------------------------------------------------- */

static void begin_row(struct fields *f, const struct curve *c)
{
    const struct cell *o = c->cell[0];
    f->count = 0;
    fields_text(f, "variant", "%s", o->variant);
    fields_text(f, "params", "%s", o->params);
    fields_text(f, "workload", "%s", o->workload);
    fields_number(f, "heads_q", (double)o->heads_q);
    fields_number(f, "heads_kv", (double)o->heads_kv);
    fields_number(f, "n_q", o->n_q == o->n_k ? NAN : (double)o->n_q);
    fields_number(f, "d", (double)o->d);
    fields_number(f, "causal", (double)o->causal);
    fields_text(f, "dtype", "%s", o->dtype);
    fields_number(f, "threads", (double)o->threads);
}

static const char *const quantities[SCALING_QUANTITIES] = {"time", "memory"};

static void exponents_row(const struct growth *g, const struct scaling *s, struct writer *w)
{
    static struct fields f;
    const struct curve *c = s->curve;
    char local[FIELDS_TEXT] = "";
    for (size_t i = 0; i + 1 < c->count; i++)
        snprintf(local + strlen(local), sizeof local - strlen(local), "%s%lld:%.3f", i ? " " : "",
                 (long long)c->cell[i]->n_k, s->local[i]);
    begin_row(&f, c);
    fields_text(&f, "quantity", "%s", quantities[s->quantity]);
    fields_number(&f, "exponent", s->all.at);
    fields_number(&f, "ci_lo", s->all.lo);
    fields_number(&f, "ci_hi", s->all.hi);
    fields_text(&f, "declared", "%s", s->declared);
    fields_text(&f, "verdict", "%s", scaling_verdict_name(s->verdict));
    fields_number(&f, "declared_exponent", s->all.declared);
    fields_number(&f, "points", (double)(c->count - s->begin));
    fields_number(&f, "n_min", (double)c->cell[s->begin]->n_k);
    fields_number(&f, "n_max", (double)c->cell[c->count - 1]->n_k);
    fields_number(&f, "last_exponent", s->last.at);
    fields_number(&f, "last_ci_lo", s->last.lo);
    fields_number(&f, "last_ci_hi", s->last.hi);
    fields_text(&f, "local_exponents", "%s", local);
    static const char *const terms[STATS_TERMS] = {"c_1", "c_n", "c_n_ln_n", "c_n2"};
    for (int k = 0; k < STATS_TERMS; k++)
        fields_number(&f, terms[k], s->terms[k]);
    fields_number(&f, "misfit", s->misfit);
    fields_number(&f, "beyond_l2_n", leaves_l2(g, c));
    fields_number(&f, "beyond_llc_n", leaves_llc(g, c));
    writer_fields(w, &f);
}

size_t report_exponents(const struct growth *g, struct writer *w)
{
    size_t count = 0;
    for (size_t i = 0; i < g->curves.count; i++)
        for (int q = 0; q < SCALING_QUANTITIES && asked(g, &g->curves.curve[i]); q++) {
            struct scaling s;
            scaling_fit(&g->curves.curve[i], (enum scaling_quantity)q, &s);
            exponents_row(g, &s, w);
            count++;
        }
    return count;
}

static void crossover_row(const struct crossover *x, struct writer *w)
{
    static struct fields f;
    char answer[48];
    crossover_text(x, answer, sizeof answer);
    begin_row(&f, x->curve);
    fields_number(&f, "error_limit", x->gate);
    fields_text(&f, "answer", "%s", answer);
    fields_number(&f, "n_star", x->n);
    fields_number(&f, "ci_lo", x->lo > 0 ? x->lo : NAN);
    fields_number(&f, "ci_hi", x->hi > 0 ? x->hi : NAN);
    fields_number(&f, "n_min", (double)x->n_min);
    fields_number(&f, "n_max", (double)x->n_max);
    fields_text(&f, "against", "%s", x->against);
    writer_fields(w, &f);
}

size_t report_crossovers(const struct growth *g, struct writer *w)
{
    size_t count = 0;
    for (size_t i = 0; i < g->curves.count; i++)
        for (int k = -1; k < GROWTH_GATES && asked(g, &g->curves.curve[i]); k++) {
            struct crossover x;
            if (crossover_find(&g->curves, &g->curves.curve[i], k < 0 ? INFINITY : growth_gates[k],
                               &x))
                continue;
            crossover_row(&x, w);
            count++;
        }
    return count;
}

/* ---- for people ----------------------------------------------------------------------------- */

static void print_exponent(const struct scaling *s, FILE *f)
{
    char exponent[48];
    if (isnan(s->all.at))
        snprintf(exponent, sizeof exponent, "-");
    else if (s->quantity == SCALING_TIME)
        snprintf(exponent, sizeof exponent, "%.2f [%.2f, %.2f]", s->all.at, s->all.lo, s->all.hi);
    else
        snprintf(exponent, sizeof exponent, "%.2f", s->all.at);
    fprintf(f, " %*s  %-8s %-15s", s->quantity == SCALING_TIME ? 18 : 6, exponent, s->declared,
            scaling_verdict_name(s->verdict));
}

static void print_crossover(const struct growth *g, const struct curve *c, double gate, FILE *f)
{
    struct crossover x;
    const int width = isinf(gate) ? 22 : 12;
    char answer[48], cell[80];
    if (crossover_find(&g->curves, c, gate, &x)) {
        fprintf(f, "  %-*s", width, "-");
        return;
    }
    crossover_text(&x, answer, sizeof answer);
    snprintf(cell, sizeof cell, "%s", answer);
    if (!isnan(x.n) && isinf(gate))
        snprintf(cell, sizeof cell, "%s [%.0f, %.0f]", answer, fmax(x.lo, (double)x.n_min),
                 fmin(x.hi, (double)x.n_max));
    fprintf(f, "  %-*s", width, cell);
}

static void print_detail(const struct growth *g, const struct scaling *s, FILE *f)
{
    static const char *const powers[STATS_TERMS] = {"", " n", " n ln n", " n^2"};
    const struct curve *c = s->curve;
    const char *sep = " ";
    fprintf(f, "      %s: a doubling from n =", quantities[s->quantity]);
    for (size_t i = 0; i + 1 < c->count; i++)
        fprintf(f, " %lld: %.2f", (long long)c->cell[i]->n_k, s->local[i]);
    if (s->begin)
        fprintf(f, "; below n = %lld mostly constant, left out", (long long)c->cell[s->begin]->n_k);
    if (!isnan(s->last.at) && s->tail > s->begin)
        fprintf(f, "; last two octaves %.2f [%.2f, %.2f]", s->last.at, s->last.lo, s->last.hi);
    fputs(isnan(s->misfit) ? "" : "; =", f);
    for (int k = 0; k < STATS_TERMS; k++)
        if (s->terms[k] > 0) {
            fprintf(f, "%s%.3g%s", sep, s->terms[k], powers[k]);
            sep = " + ";
        }
    if (!isnan(s->misfit))
        fprintf(f, " %s within %.1f %%", s->quantity == SCALING_TIME ? "s" : "B", 100 * s->misfit);
    if (s->quantity == SCALING_TIME && leaves_l2(g, c) > 0)
        fprintf(f, "; beyond L2 from n = %.0f", leaves_l2(g, c));
    if (s->quantity == SCALING_TIME && leaves_llc(g, c) > 0)
        fprintf(f, "; beyond the last cache from n = %.0f", leaves_llc(g, c));
    fputc('\n', f);
}

static void print_method(const struct growth *g, const struct curve *c, bool detail, FILE *f)
{
    struct scaling s[SCALING_QUANTITIES];
    char method[CASE_TEXT];
    cells_method(c->cell[0], method, sizeof method);
    fprintf(f, "  %-30s", method);
    for (int q = 0; q < SCALING_QUANTITIES; q++) {
        scaling_fit(c, (enum scaling_quantity)q, &s[q]);
        print_exponent(&s[q], f);
    }
    print_crossover(g, c, INFINITY, f);
    for (int k = 0; k < GROWTH_GATES; k++)
        print_crossover(g, c, growth_gates[k], f);
    fputc('\n', f);
    for (int q = 0; detail && q < SCALING_QUANTITIES; q++)
        print_detail(g, &s[q], f);
}

static void print_heading(const struct curve *c, FILE *f)
{
    const struct cell *o = c->cell[0];
    fprintf(f, "\n%s, %lld/%lld heads, d %lld, %s%s, %lld thread%s: growth with n\n", o->workload,
            (long long)o->heads_q, (long long)o->heads_kv, (long long)o->d, o->dtype,
            o->causal ? ", causal" : "", (long long)o->threads, o->threads == 1 ? "" : "s");
    fprintf(f, "  %-30s %18s  %-8s %-15s %6s  %-8s %-15s  %-22s", "method", "time ~ n^", "declared",
            "", "memory", "declared", "", "faster than exact");
    for (int k = 0; k < GROWTH_GATES; k++)
        fprintf(f, "  error<=%-5g", growth_gates[k]);
    fputc('\n', f);
}

size_t report_growth(const struct growth *g, bool detail, FILE *f)
{
    size_t count = 0;
    for (size_t group = 0; group < g->curves.groups; group++) {
        bool titled = false;
        for (size_t i = 0; i < g->curves.count; i++) {
            const struct curve *c = &g->curves.curve[i];
            if (c->group != group || !asked(g, c))
                continue;
            if (!titled)
                print_heading(c, f);
            titled = true;
            print_method(g, c, detail, f);
            count++;
        }
    }
    if (count)
        fputs(
            "\ntime ~ n^: exponent with 95 % interval, and verdict on the declared growth. faster "
            "than exact: from which n on\nit is faster than the fastest exact method at each n; "
            "then the same where its error is small enough, too.\n",
            f);
    return count;
}

size_t report_excess(const struct growth *g, FILE *f)
{
    size_t count = 0;
    for (size_t i = 0; i < g->curves.count; i++)
        for (int q = 0; q < SCALING_QUANTITIES && asked(g, &g->curves.curve[i]); q++) {
            struct scaling s;
            char method[CASE_TEXT];
            scaling_fit(&g->curves.curve[i], (enum scaling_quantity)q, &s);
            if (s.verdict != SCALING_ABOVE)
                continue;
            cells_method(g->curves.curve[i].cell[0], method, sizeof method);
            fprintf(f, "%s: %s grows as n^%.2f [%.2f, %.2f] in n = %lld..%lld, declared is %s\n",
                    method, quantities[q], s.all.at, s.all.lo, s.all.hi,
                    (long long)s.curve->cell[s.begin]->n_k,
                    (long long)s.curve->cell[s.curve->count - 1]->n_k, s.declared);
            count++;
        }
    return count;
}
