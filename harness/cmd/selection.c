/* SPDX-License-Identifier: MIT */
/* The options that select cases; see cmd.h. */
#include "harness/cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPT_HEADS = 512,
    OPT_KV_HEADS,
    OPT_DIM,
    OPT_QUERIES,
    OPT_CAUSAL,
    OPT_DTYPE,
    OPT_INPUT,
    OPT_CASE_TIMEOUT,
    OPT_MEMORY_LIMIT,
    OPT_SEED,
    OPT_PLUGIN
};

static const struct argp_option options[] = {
    {"suite", 's', "NAME", 0, "Named sweep: see `attnbench list suites`", 0},
    {"variant", 'v', "VARIANT[:key=v1,v2]", 0,
     "Name, glob or family; values sweep a parameter; repeats", 0},
    {"length", 'n', "LENGTHS", 0, "Keys: 256..65536 doubles, 512,1k,8k lists", 0},
    {"workload", 'w', "WORKLOAD[:key=v]", 0, "Inputs: see `attnbench list workloads`; repeats", 0},
    {"threads", 't', "LIST", 0, "Threads, e.g. 1,2 or 1,all (default all: one a physical core)", 0},
    {"heads", OPT_HEADS, "N", 0, "Query heads (default 8)", 0},
    {"kv-heads", OPT_KV_HEADS, "N", 0, "Key/value heads (default: as many as query heads)", 0},
    {"dim", OPT_DIM, "N", 0, "Channels a head (default 64)", 0},
    {"queries", OPT_QUERIES, "N", 0, "Queries (default: as many as keys); 1 is decoding", 0},
    {"causal", OPT_CAUSAL, 0, 0, "Mask later keys, bottom-right aligned", 0},
    {"dtype", OPT_DTYPE, "fp32|bf16", 0, "Type of the inputs (default fp32)", 0},
    {"input", OPT_INPUT, "FILE", 0, "q, k, v from .safetensors, .npz, or a folder of .npy", 0},
    {"case-timeout", OPT_CASE_TIMEOUT, "TIME", 0,
     "Kill a round after this (default: max(30s, 20 x prediction))", 0},
    {"memory-limit", OPT_MEMORY_LIMIT, "SIZE", 0,
     "Memory of a worker, e.g. 8G (default: 80 % of what is available)", 0},
    {"seed", OPT_SEED, "N", 0, "Of inputs and random patterns (default 42)", 0},
    {"plugin", OPT_PLUGIN, "FILE.so", 0, "Load a variant from a shared object; repeats", 0},
    {0},
};

long cmd_whole(struct argp_state *state, const char *option, const char *text, long min, long max)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (end == text || *end || v < min || v > max)
        argp_error(state, "--%s '%s': give a whole number from %ld to %ld", option, text, min, max);
    return v;
}

double cmd_quantity(struct argp_state *state, const char *option, const char *text, bool bytes)
{
    double v = bytes ? plan_bytes(text) : plan_duration(text);
    if (!(v > 0))
        argp_error(state, "--%s '%s': give %s", option, text,
                   bytes ? "a size such as 512M or 8G" : "a time such as 60s, 10m or 2h");
    return v;
}

double cmd_percent(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || (*end && strcmp(end, "%") != 0) || !(v > 0 && v <= 1000))
        argp_error(state, "--%s '%s': give a percentage above 0, such as 5", option, text);
    return v / 100;
}

static void collect(struct argp_state *state, const char **list, int *count, const char *arg)
{
    if (*count == PLAN_LIST)
        argp_error(state, "'%s': more than %d of this option", arg, PLAN_LIST);
    list[(*count)++] = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cmd_selection *a = state->input;
    struct plan_request *r = &a->request;
    switch (key) {
    case 's':
        r->suite = arg;
        break;
    case 'v':
        collect(state, r->variants, &r->nvariants, arg);
        break;
    case 'w':
        collect(state, r->workloads, &r->nworkloads, arg);
        break;
    case 'n':
        r->lengths = arg;
        break;
    case 't':
        r->threads = arg;
        break;
    case OPT_HEADS:
        r->heads = cmd_whole(state, "heads", arg, 1, 4096);
        break;
    case OPT_KV_HEADS:
        r->kv_heads = cmd_whole(state, "kv-heads", arg, 1, 4096);
        break;
    case OPT_DIM:
        r->dim = cmd_whole(state, "dim", arg, 1, 256);
        break;
    case OPT_QUERIES:
        r->queries = cmd_whole(state, "queries", arg, 1, 1L << 27);
        break;
    case OPT_CAUSAL:
        r->causal = 1;
        break;
    case OPT_DTYPE:
        r->dtype = arg;
        break;
    case OPT_INPUT:
        r->input = arg;
        break;
    case OPT_CASE_TIMEOUT:
        a->case_timeout_s = cmd_quantity(state, "case-timeout", arg, false);
        break;
    case OPT_MEMORY_LIMIT:
        r->memory_limit = cmd_quantity(state, "memory-limit", arg, true);
        break;
    case OPT_SEED:
        r->seed = (uint64_t)cmd_whole(state, "seed", arg, 0, INT32_MAX);
        break;
    case OPT_PLUGIN:
        cmd_plugin(arg);
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is no option; variants are given with -v", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

const struct argp cmd_selection_argp = {.options = options, .parser = parse};
