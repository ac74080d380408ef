/* SPDX-License-Identifier: MIT */
/* The store: what goes in comes out, in one transaction a round, with medians worked by hand. */
#include "harness/store/store.h"

#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64], path[96], msg[CASE_MESSAGE];
    struct store *s;
    struct run_info run;
    struct bench_case c;
    int64_t id;
};

static struct run_info a_run(const char *name)
{
    struct run_info r = {.command = "test",
                         .plan_hash = "hash",
                         .version = "1",
                         .commit = "c",
                         .compiler = "cc",
                         .flags = "",
                         .machine_id = "m",
                         .machine_summary = "a machine",
                         .machine_fingerprint = "{}",
                         .machine_covariates = "{}",
                         .rounds = 2,
                         .nroofs = 2};
    for (int t = 0; t < r.nroofs; t++) {
        r.roofs[t].threads = t + 1;
        for (int i = 0; i < ROOFS; i++)
            r.roofs[t].at[i] = 1e9;
    }
    snprintf(r.name, sizeof r.name, "%s", name);
    return r;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/attnbench-test-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/t.db", f->folder);
    f->s = store_open(f->path, true, f->msg);
    f->run = a_run("first");
    f->c =
        (struct bench_case){.variant = "flash",
                            .params = "",
                            .family = "full",
                            .kind = "exact",
                            .workload = "gauss",
                            .phase = "prefill",
                            .input_seed = 42,
                            .problem = {8, 8, 64, 64, 64, 64, true, ATTN_FP32, 1, 0.125, 42},
                            .cost = {.flops = 1e6, .exps = 1e3, .dense_flops = 1e6, .bytes = 1e4}};
    *state = f;
    return !f->s || store_run_begin(f->s, &f->run, f->msg) ||
           store_case_put(f->s, f->run.id, &f->c, &f->id, f->msg);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    store_close(f->s);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    int rc = system(command);
    free(f);
    return rc;
}

static int put(struct fixture *f, int round, enum case_status status, double *samples, int n)
{
    struct outcome o = {.status = status,
                        .nsamples = n,
                        .samples = samples,
                        .inner = 1,
                        .prepare_s = 0.5,
                        .cold_s = 9,
                        .peak_rss_bytes = 4096.0 * (round + 1),
                        .isa = "avx2"};
    struct metrics m = {.rel_l2 = 1e-7, .skill = 1, .capture_rel_l2 = NAN, .rows = 64};
    if (status != CASE_OK)
        snprintf(o.reason, sizeof o.reason, "reason of round %d", round);
    return store_round_put(f->s, f->id, round, &o, status == CASE_OK ? &m : NULL, f->msg);
}

/* One value of the only row of the summary. */
struct wanted {
    const char *column;
    char value[256];
    int rows;
};

static int pick(void *arg, int n, const char *const *names, const char *const *values)
{
    struct wanted *w = arg;
    w->rows++;
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], w->column) == 0)
            snprintf(w->value, sizeof w->value, "%s", values[i] ? values[i] : "NULL");
    return 0;
}

static const char *summary(struct fixture *f, const char *column)
{
    static struct wanted w;
    w = (struct wanted){.column = column};
    assert_int_equal(store_summary(f->s, f->run.id, pick, &w, f->msg), 0);
    assert_int_equal(w.rows, 1);
    return w.value;
}

static void test_figures(void **state)
{
    struct fixture *f = *state;
    double a[] = {3, 1, 2, 5, 4}, b[] = {6, 7, 8, 9, 10};
    assert_int_equal(put(f, 0, CASE_OK, a, 5), 0);
    assert_string_equal(summary(f, "ci_lo_s"), "NULL"); /* five samples have no 95 % interval */
    assert_int_equal(put(f, 1, CASE_OK, b, 5), 0);
    assert_float_equal(atof(summary(f, "median_s")), 5.5, 1e-12);
    assert_float_equal(atof(summary(f, "min_s")), 1, 1e-12);
    assert_float_equal(atof(summary(f, "ci_lo_s")), 2, 1e-12); /* ranks 2 and 9 of 10 */
    assert_float_equal(atof(summary(f, "ci_hi_s")), 9, 1e-12);
    assert_string_equal(summary(f, "samples"), "10");
    assert_string_equal(summary(f, "rounds"), "2");
    assert_float_equal(atof(summary(f, "gflops")), 1e6 / 5.5 / 1e9, 1e-15);
    assert_float_equal(atof(summary(f, "peak_rss_bytes")), 8192, 0);
    assert_string_equal(summary(f, "capture_rel_l2"), "NULL");
    assert_string_equal(summary(f, "status"), "ok");
    assert_string_equal(summary(f, "isa"), "avx2");
}

/* Half of the flops in bf16 and a quarter in int8: each takes its time at its own roof. */
static void test_bound(void **state)
{
    struct fixture *f = *state;
    double a[] = {1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3};
    struct run_info run = a_run("roofs");
    f->c.cost = (struct attn_cost){.flops = 4e6,
                                   .flops_bf16 = 2e6,
                                   .flops_int8 = 1e6,
                                   .exps = 1e3,
                                   .dense_flops = 4e6,
                                   .bytes = 1e3};
    run.roofs[0].at[ROOF_FP32] = 10e9;
    run.roofs[0].at[ROOF_BF16] = 20e9;
    run.roofs[0].at[ROOF_INT8] = 40e9;
    assert_int_equal(store_run_begin(f->s, &run, f->msg), 0);
    f->run = run;
    assert_int_equal(store_case_put(f->s, run.id, &f->c, &f->id, f->msg), 0);
    assert_int_equal(put(f, 0, CASE_OK, a, 10), 0);
    assert_float_equal(atof(summary(f, "roof_pct")), 22.5, 1e-9);
    assert_string_equal(summary(f, "flags"), "");
    /* A time below the bound is an error of ours, not a record. */
    double b[] = {1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4,
                  1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4};
    assert_int_equal(put(f, 1, CASE_OK, b, 20), 0);
    assert_float_equal(atof(summary(f, "roof_pct")), 225, 1e-9);
    assert_non_null(strstr(summary(f, "flags"), "mistrusted"));
}

/* Two launches at levels of their own: the interval reaches from one to the other, though each
 * launch for itself, and all samples in one heap, look narrow. */
static void test_launches(void **state)
{
    struct fixture *f = *state;
    double a[20], b[20];
    for (int i = 0; i < 20; i++) {
        a[i] = 1 + 1e-4 * i;
        b[i] = 2 + 1e-4 * i;
    }
    b[7] = 9;
    assert_int_equal(put(f, 0, CASE_OK, a, 20), 0);
    assert_int_equal(store_spread(f->s, f->run.id, f->msg), 0);
    assert_true(atof(summary(f, "ci_hi_s")) < 1.01); /* one launch: ranks of its samples */
    assert_string_equal(summary(f, "flags"), "");
    assert_int_equal(put(f, 1, CASE_OK, b, 20), 0);
    assert_int_equal(store_spread(f->s, f->run.id, f->msg), 0);
    assert_true(atof(summary(f, "ci_lo_s")) <= 1.01);
    assert_true(atof(summary(f, "ci_hi_s")) >= 2);
    assert_string_equal(summary(f, "flags"), "unstable");
    /* An outlier is counted, and stays. */
    assert_string_equal(summary(f, "outliers_severe"), "1");
    assert_string_equal(summary(f, "outliers_mild"), "0");
    assert_string_equal(summary(f, "samples"), "40");
}

/* Drift is stored beside a round; a dropped round can be measured again. */
static void test_drifted(void **state)
{
    struct fixture *f = *state;
    double a[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, b[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    assert_int_equal(put(f, 0, CASE_OK, a, 10), 0);
    assert_int_equal(store_round_drift(f->s, f->id, 0, 0.2, 0, false, f->msg), 0);
    assert_string_equal(summary(f, "flags"), "");
    assert_int_equal(store_round_drop(f->s, f->id, 0, f->msg), 0);
    assert_int_equal(put(f, 0, CASE_OK, b, 10), 0);
    assert_int_equal(store_round_drift(f->s, f->id, 0, 0.2, 2, true, f->msg), 0);
    assert_float_equal(atof(summary(f, "median_s")), 2, 0);
    assert_string_equal(summary(f, "flags"), "unstable");
    assert_string_equal(summary(f, "reruns"), "2");
}

/* A case is as good as its worst round, and then has no figures. */
static void test_worst_round(void **state)
{
    struct fixture *f = *state;
    double a[] = {1, 2, 3};
    assert_int_equal(put(f, 0, CASE_OK, a, 3), 0);
    assert_int_equal(put(f, 1, CASE_CRASHED, NULL, 0), 0);
    assert_string_equal(summary(f, "status"), "crashed");
    assert_string_equal(summary(f, "reason"), "reason of round 1");
    assert_string_equal(summary(f, "median_s"), "NULL");
    assert_string_equal(summary(f, "rel_l2"), "NULL");
    assert_string_equal(summary(f, "gflops"), "NULL");
}

static void test_rounds_once(void **state)
{
    struct fixture *f = *state;
    double a[] = {1, 2, 3};
    uint64_t done = 0;
    int64_t again = 0;
    assert_int_equal(put(f, 0, CASE_OK, a, 3), 0);
    assert_int_equal(put(f, 0, CASE_OK, a, 3), -1);
    assert_string_equal(summary(f, "samples"), "3");
    assert_int_equal(store_rounds_done(f->s, f->id, &done, f->msg), 0);
    assert_int_equal(done, 1);
    assert_int_equal(store_case_put(f->s, f->run.id, &f->c, &again, f->msg), 0);
    assert_int_equal(again, f->id);
    assert_int_equal(store_inputs_put(f->s, f->run.id, &f->c, 7, "{}", "{}", f->msg), 0);
    assert_int_equal(store_inputs_put(f->s, f->run.id, &f->c, 7, "{}", "{}", f->msg), 0);
    assert_int_equal(store_inputs_put(f->s, f->run.id, &f->c, 8, "{}", "{}", f->msg), -1);
    assert_non_null(strstr(f->msg, "differ"));
    assert_string_equal(summary(f, "input_checksum"), "0000000000000007");
    f->c.problem.dtype = ATTN_BF16; /* other inputs, which may stand in the same run */
    assert_int_equal(store_inputs_put(f->s, f->run.id, &f->c, 8, "{}", "{}", f->msg), 0);
    assert_string_equal(summary(f, "input_checksum"), "0000000000000007");
}

static void test_runs(void **state)
{
    struct fixture *f = *state;
    struct run_info found = {0}, same = a_run("first"), second = a_run("second");
    int64_t id = 0;
    assert_int_equal(store_run_find_unfinished(f->s, "hash", &found, f->msg), 1);
    assert_int_equal(found.id, f->run.id);
    assert_int_equal(store_run_find_unfinished(f->s, "other", &found, f->msg), 0);
    assert_int_equal(store_run_finish(f->s, f->run.id, "{}", f->msg), 0);
    assert_int_equal(store_run_find_unfinished(f->s, "hash", &found, f->msg), 0);
    assert_int_equal(store_run_begin(f->s, &same, f->msg), -1);
    assert_non_null(strstr(f->msg, "there is a run of this name"));
    assert_int_equal(store_run_begin(f->s, &second, f->msg), 0);
    assert_int_equal(store_run_resolve(f->s, "last", &id, f->msg), 0);
    assert_int_equal(id, second.id);
    assert_int_equal(store_run_resolve(f->s, "first", &id, f->msg), 0);
    assert_int_equal(id, f->run.id);
    assert_int_equal(store_run_resolve(f->s, "third", &id, f->msg), -1);
}

static void test_import(void **state)
{
    struct fixture *f = *state;
    char path[128];
    double a[] = {1, 2, 3};
    int added = 0, present = 0;
    snprintf(path, sizeof path, "%s/other.db", f->folder);
    assert_int_equal(put(f, 0, CASE_OK, a, 3), 0);
    struct store *other = store_open(path, true, f->msg);
    assert_non_null(other);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_import(other, f->path, &added, &present, f->msg), 0);
        assert_int_equal(added, i == 0);
        assert_int_equal(present, i == 1);
    }
    store_close(f->s);
    f->s = other;
    assert_int_equal(store_run_resolve(f->s, "first", &f->run.id, f->msg), 0);
    assert_float_equal(atof(summary(f, "median_s")), 2, 1e-12);
    assert_float_equal(atof(summary(f, "rel_l2")), 1e-7, 1e-20);
}

static void test_foreign_files(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/none.db", f->folder);
    assert_null(store_open(path, false, f->msg));
    FILE *text = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database", text);
    fclose(text);
    assert_null(store_open(path, true, f->msg));
    assert_non_null(strstr(f->msg, "not a database"));
    /* A database of other versions, and one of another program. */
    static const char *const changes[][2] = {
        {"PRAGMA user_version = 1", "older"},
        {"PRAGMA user_version = 9999", "newer"},
        {"PRAGMA application_id = 7", "not a database of attnbench"}};
    for (int i = 0; i < 3; i++) {
        sqlite3 *db;
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, changes[i][0], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        assert_null(store_open(f->path, true, f->msg));
        assert_non_null(strstr(f->msg, changes[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_figures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_launches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drifted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_worst_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rounds_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_import, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
