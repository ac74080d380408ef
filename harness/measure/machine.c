/* SPDX-License-Identifier: MIT */
/*
 * The machine: a fingerprint whose hash names it. It is the same after the next boot: nothing in it
 * is measured, and sizes that the kernel cuts differently each time are rounded.
 */
#include "harness/measure/machinetext.h"
#include "harness/measure/measure.h"
#include "harness/measure/sampling.h"
#include "harness/measure/threads.h"
#include "harness/version.h"
#include "variants/kernels/blas.h"
#include "variants/kernels/isa.h"

#include <glob.h>
#include <hwloc.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

static int add_topology(struct text *t, char msg[CASE_MESSAGE])
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) || hwloc_topology_load(topology)) {
        snprintf(msg, CASE_MESSAGE, "hwloc cannot read the machine's topology");
        return -1;
    }
    const struct {
        const char *key;
        hwloc_obj_type_t type;
    } counts[] = {{"packages", HWLOC_OBJ_PACKAGE},
                  {"numa_nodes", HWLOC_OBJ_NUMANODE},
                  {"cores", HWLOC_OBJ_CORE},
                  {"processing_units", HWLOC_OBJ_PU}};
    const struct {
        const char *key;
        hwloc_obj_type_t type;
    } caches[] = {{"l1d_bytes", HWLOC_OBJ_L1CACHE},
                  {"l2_bytes", HWLOC_OBJ_L2CACHE},
                  {"l3_bytes", HWLOC_OBJ_L3CACHE}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        text_add(t, ",\"%s\":%d", counts[i].key,
                 hwloc_get_nbobjs_by_type(topology, counts[i].type));
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        hwloc_obj_t o = hwloc_get_obj_by_type(topology, caches[i].type, 0);
        if (o)
            text_add(t, ",\"%s\":%llu", caches[i].key, (unsigned long long)o->attr->cache.size);
    }
    hwloc_topology_destroy(topology);
    return 0;
}

/* Mitigations of CPU faults, which cost system calls and branches: name and state of each. */
static void add_mitigations(struct text *t)
{
    glob_t found;
    char line[256];
    if (glob("/sys/devices/system/cpu/vulnerabilities/*", 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        /* Most machines are not affected by most. */
        if (text_first_line(found.gl_pathv[i], line, sizeof line) &&
            strcmp(line, "Not affected") != 0)
            text_string(t, strrchr(found.gl_pathv[i], '/') + 1, line);
    globfree(&found);
}

static int fingerprint(struct machine *m, char *model, size_t model_size, char msg[CASE_MESSAGE])
{
    struct text t = {m->fingerprint, sizeof m->fingerprint - 2, 0};
    char value[2048];
    struct utsname u;
    text_add(&t, "{");
    if (!text_keyed("/proc/cpuinfo", "model name", model, model_size))
        snprintf(model, model_size, "unknown CPU");
    text_string(&t, "cpu", model);
    static const char *const keys[] = {"vendor_id", "cpu family", "model\t",
                                       "stepping",  "microcode",  "flags"};
    static const char *const names[] = {"vendor",   "family",    "model",
                                        "stepping", "microcode", "flags"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (text_keyed("/proc/cpuinfo", keys[i], value, sizeof value))
            text_string(&t, names[i], value);
    if (add_topology(&t, msg))
        return -1;
    if (uname(&u) == 0) {
        text_string(&t, "kernel", u.release);
        text_string(&t, "architecture", u.machine);
    }
    text_file(&t, "vendor_of_machine", "/sys/class/dmi/id/sys_vendor");
    text_file(&t, "product", "/sys/class/dmi/id/product_name");
    text_file(&t, "cpu_limit", "/sys/fs/cgroup/cpu.max");
    text_file(&t, "memory_limit", "/sys/fs/cgroup/memory.max");
    text_file(&t, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    text_file(&t, "damon_reclaim", "/sys/module/damon_reclaim/parameters/enabled");
    text_file(&t, "clocksource",
              "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    text_file(&t, "numa_balancing", "/proc/sys/kernel/numa_balancing");
    text_file(&t, "ksm", "/sys/kernel/mm/ksm/run");
    add_mitigations(&t);
#ifdef __GLIBC__
    text_string(&t, "libc", gnu_get_libc_version());
#endif
    text_string(&t, "isa", attn_isa_name());
    const struct attn_blas *blas = attn_blas();
    text_string(&t, "blas", blas ? blas->config : "");
    const char *core = getenv("OPENBLAS_CORETYPE");
    text_string(&t, "openblas_coretype", core ? core : "");
    text_string(&t, "compiler", attn_compiler);
    text_string(&t, "flags_build", attn_cflags);
    text_string(&t, "sqlite", sqlite3_libversion());
    text_add(&t, ",\"memory_gib\":%.0f}", ceil(m->memory_total / 0x1p30));
    return 0;
}

/* OpenMP has bound the thread that reads this before main() began, and its cores with it. */
static int bound_already(char msg[CASE_MESSAGE])
{
    static const char *const names[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *set = getenv(names[i]);
        if (!set || !*set || strcasecmp(set, "false") == 0)
            continue;
        snprintf(msg, CASE_MESSAGE, "%s=%.80s: unset it; threads are bound here, one a core",
                 names[i], set);
        return -1;
    }
    return 0;
}

int machine_describe(struct machine *m, char msg[CASE_MESSAGE])
{
    char model[128];
    if (bound_already(msg))
        return -1;
    *m = (struct machine){.memory_total = machine_memory("MemTotal"), .cores = threads_cores()};
    m->memory_available = machine_memory_available();
    if (fingerprint(m, model, sizeof model, msg))
        return -1;
    machine_covariates(m->covariates, sizeof m->covariates);
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const char *s = m->fingerprint; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    snprintf(m->id, sizeof m->id, "%016llx", (unsigned long long)h);
    snprintf(m->summary, sizeof m->summary, "%s, %d core%s, %.0f GiB, %s", model, m->cores,
             m->cores == 1 ? "" : "s", m->memory_total / 0x1p30, attn_isa_name());
    return 0;
}

void machine_print(FILE *f, const struct machine *m, const struct roofs *roofs, int count)
{
    fprintf(f, "%s\nid %s\n\n%-18s %-8s", m->summary, m->id, "roof", "");
    for (int t = 0; t < count; t++)
        fprintf(f, " %6d core%s", roofs[t].threads, roofs[t].threads == 1 ? " " : "s");
    for (int i = 0; i < ROOFS; i++) {
        const struct roof_info *r = &roof_list[i];
        fprintf(f, "\n%-18s %-8s", r->label, r->unit);
        for (int t = 0; t < count; t++) {
            if (isnan(roofs[t].at[i]))
                fprintf(f, " %11s ", "-");
            else
                fprintf(f, " %11.1f ", roofs[t].at[i] / r->scale);
        }
    }
    fprintf(f, "\n%-18s %-8s %12.1f", "clock, a reading", "ns", 1e9 * clock_cost());
    fprintf(f, "\n\nfingerprint %s\n\nnow %s\n", m->fingerprint, m->covariates);
}
