/* SPDX-License-Identifier: MIT */
/* Peers: what their descriptors promise, where their programs are; and the core type of the BLAS.
 */
#include "harness/measure/peers.h"
#include "harness/measure/threads.h"
#include "variants/registry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Our variant that computes the same. */
static const struct {
    const char *peer, *ours;
} pairs[] = {{"torch_sdpa", "flash"},
             {"torch_flex", "flash"},
             {"torch_flex_window", "window"},
             {"torch_flex_block", "block_local"},
             {"ort_mha", "flash"},
             {"ort_gqa", "flash"},
             {"ort_attention", "flash"}};

static void test_descriptors(void **state)
{
    (void)state;
    struct peer_command command;
    char msg[CASE_MESSAGE];
    for (int i = 0; i < attn_variant_count(); i++) {
        const struct attn_variant *v = attn_variant_at(i);
        assert_true((v->worker != NULL) == (v->family == ATTN_PEER));
        assert_true((v->worker != NULL) == (v->run == NULL));
        if (!v->worker)
            continue;
        assert_true(strlen(v->worker) < sizeof((struct bench_case *)0)->peer);
        if (peer_locate(v->worker, &command, msg) < 0 || access(command.script, R_OK) != 0)
            fail_msg("%s: %s is not in scripts/peers", v->name, v->worker);
    }
}

/* The same parameters, definition and work as ours, so that the rows compare. */
static void test_peers_are_defined_like_ours(void **state)
{
    (void)state;
    const struct attn_problem p = {.heads_q = 2,
                                   .heads_kv = 2,
                                   .n_q = 40,
                                   .n_k = 40,
                                   .d = 8,
                                   .d_v = 8,
                                   .causal = true,
                                   .threads = 1,
                                   .scale = 0.3};
    float q[2 * 40 * 8], k[2 * 40 * 8];
    static double scratch[40 * 10 + 4096], a[40], b[40];
    for (int i = 0; i < 2 * 40 * 8; i++) {
        q[i] = (float)sin(i);
        k[i] = (float)cos(1.7 * i);
    }
    const struct attn_io io = {.q = q, .k = k};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct attn_variant *peer = attn_variant_find(pairs[i].peer);
        const struct attn_variant *ours = attn_variant_find(pairs[i].ours);
        assert_non_null(peer);
        assert_non_null(ours);
        assert_int_equal(peer->kind, ours->kind);
        double values[ATTN_MAX_PARAMS] = {7};
        const struct attn_param *x = peer->params, *y = ours->params;
        for (; x && x->name; x++, y++)
            assert_true(strcmp(x->name, y->name) == 0 && x->value == y->value && x->min == y->min &&
                        x->max == y->max && x->whole == y->whole);
        assert_true(!y || !y->name);
        struct attn_cost c = {0}, d = {0};
        peer->cost(&p, values, &c);
        ours->cost(&p, values, &d);
        assert_true(c.flops == d.flops && c.exps == d.exps && c.bytes == d.bytes && !c.workspace);
        peer->weights(&p, values, &io, 1, 33, a, scratch);
        ours->weights(&p, values, &io, 1, 33, b, scratch);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void test_locate(void **state)
{
    (void)state;
    struct peer_command c;
    char msg[CASE_MESSAGE];
    const char *dir = getenv("ATTN_PEERS_DIR"), *python = getenv("ATTN_PEERS_PYTHON");
    setenv("ATTN_PEERS_DIR", "/nonexistent", 1);
    assert_int_equal(peer_locate("torch_sdpa.py", &c, msg), -1);
    assert_non_null(strstr(msg, "ATTN_PEERS_DIR=/nonexistent"));
    setenv("ATTN_PEERS_DIR", "", 1); /* as good as unset */
    setenv("ATTN_PEERS_PYTHON", "/nonexistent", 1);
    assert_int_equal(peer_locate("torch_sdpa.py", &c, msg), -1);
    assert_non_null(strstr(msg, "ATTN_PEERS_PYTHON=/nonexistent"));
    setenv("ATTN_PEERS_PYTHON", "sh", 1); /* a name is looked for in PATH */
    assert_int_equal(peer_locate("torch_sdpa.py", &c, msg), 0);
    assert_string_equal(c.python, "sh");
    assert_int_equal(peer_locate("nosuch.py", &c, msg), 1);
    dir ? setenv("ATTN_PEERS_DIR", dir, 1) : unsetenv("ATTN_PEERS_DIR");
    python ? setenv("ATTN_PEERS_PYTHON", python, 1) : unsetenv("ATTN_PEERS_PYTHON");
}

static void test_cpus_of_a_team(void **state)
{
    (void)state;
    cpu_set_t one, all;
    assert_int_equal(threads_cpus(1, &one), 0);
    assert_int_equal(threads_cpus(threads_cores(), &all), 0);
    assert_int_equal(CPU_COUNT(&one), 1);
    assert_int_equal(CPU_COUNT(&all), threads_cores());
    cpu_set_t both;
    CPU_AND(&both, &one, &all);
    assert_true(CPU_EQUAL(&both, &one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_peers_are_defined_like_ours),
        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_cpus_of_a_team),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
