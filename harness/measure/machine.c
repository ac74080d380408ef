/* SPDX-License-Identifier: MIT */
/* The machine: a stable fingerprint, whose hash names it, and covariates that change by the hour.
 */
#include "harness/measure/measure.h"
#include "harness/measure/threads.h"
#include "harness/version.h"
#include "variants/kernels/isa.h"

#include <hwloc.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

extern char *openblas_get_config(void);

struct text {
    char *at;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at + t->used, t->size - t->used, format, args);
    va_end(args);
    t->used += n > 0 && (size_t)n < t->size - t->used ? (size_t)n : 0;
}

/* ,"key":"value" with what JSON cannot hold replaced. */
static void add_string(struct text *t, const char *key, const char *value)
{
    char clean[2048];
    size_t n = 0;
    for (; *value && n + 1 < sizeof clean; value++)
        clean[n++] = *value == '"' || *value == '\\' || (unsigned char)*value < 32 ? ' ' : *value;
    clean[n] = '\0';
    add(t, "%s\"%s\":\"%s\"", t->used > 1 ? "," : "", key, clean);
}

static bool first_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");
    bool ok = f && fgets(out, (int)size, f);
    if (f)
        fclose(f);
    if (ok)
        out[strcspn(out, "\n")] = '\0';
    return ok;
}

static void add_file(struct text *t, const char *key, const char *path)
{
    char line[1024];
    if (first_line(path, line, sizeof line))
        add_string(t, key, line);
}

/* The first value of a key in /proc/cpuinfo or the like. */
static bool keyed(const char *path, const char *key, char *out, size_t size)
{
    char line[4096];
    bool found = false;
    FILE *f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(out, size, "%s", colon);
        found = true;
    }
    if (f)
        fclose(f);
    return found;
}

static double meminfo(const char *key)
{
    char value[64];
    return keyed("/proc/meminfo", key, value, sizeof value) ? 1024 * strtod(value, NULL) : 0;
}

/* What a container allows may be less than what the machine has. */
static double memory_limit(double available)
{
    char line[64];
    if (first_line("/sys/fs/cgroup/memory.max", line, sizeof line) && line[0] >= '0' &&
        line[0] <= '9') {
        double max = strtod(line, NULL), used = 0;
        if (first_line("/sys/fs/cgroup/memory.current", line, sizeof line))
            used = strtod(line, NULL);
        if (max - used < available)
            return max - used;
    }
    return available;
}

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
        add(t, ",\"%s\":%d", counts[i].key, hwloc_get_nbobjs_by_type(topology, counts[i].type));
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        hwloc_obj_t o = hwloc_get_obj_by_type(topology, caches[i].type, 0);
        if (o)
            add(t, ",\"%s\":%llu", caches[i].key, (unsigned long long)o->attr->cache.size);
    }
    hwloc_topology_destroy(topology);
    return 0;
}

static int fingerprint(struct machine *m, char *model, size_t model_size, char msg[CASE_MESSAGE])
{
    struct text t = {m->fingerprint, sizeof m->fingerprint - 2, 0};
    char value[2048];
    struct utsname u;
    add(&t, "{");
    if (!keyed("/proc/cpuinfo", "model name", model, model_size))
        snprintf(model, model_size, "unknown CPU");
    add_string(&t, "cpu", model);
    static const char *const keys[] = {"vendor_id", "cpu family", "model\t",
                                       "stepping",  "microcode",  "flags"};
    static const char *const names[] = {"vendor",   "family",    "model",
                                        "stepping", "microcode", "flags"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keyed("/proc/cpuinfo", keys[i], value, sizeof value))
            add_string(&t, names[i], value);
    if (add_topology(&t, msg))
        return -1;
    if (uname(&u) == 0) {
        add_string(&t, "kernel", u.release);
        add_string(&t, "architecture", u.machine);
    }
    add_file(&t, "thp", "/sys/kernel/mm/transparent_hugepage/enabled");
    add_file(&t, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    add_file(&t, "clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    add_file(&t, "numa_balancing", "/proc/sys/kernel/numa_balancing");
    add_file(&t, "ksm", "/sys/kernel/mm/ksm/run");
#ifdef __GLIBC__
    add_string(&t, "libc", gnu_get_libc_version());
#endif
    add_string(&t, "isa", attn_isa_name());
    add_string(&t, "blas", openblas_get_config());
    const char *core = getenv("OPENBLAS_CORETYPE");
    add_string(&t, "openblas_coretype", core ? core : "");
    add_string(&t, "compiler", attn_compiler);
    add_string(&t, "flags_build", attn_cflags);
    add_string(&t, "sqlite", sqlite3_libversion());
    add(&t, ",\"memory_bytes\":%.0f}", m->memory_total);
    return 0;
}

static void covariates(struct machine *m)
{
    struct text t = {m->covariates, sizeof m->covariates - 2, 0};
    add(&t, "{");
    add_file(&t, "loadavg", "/proc/loadavg");
    add_file(&t, "cpu_ticks", "/proc/stat"); /* user nice system idle iowait irq softirq steal */
    add_file(&t, "pressure", "/proc/pressure/cpu");
    add_file(&t, "uptime", "/proc/uptime");
    add(&t, ",\"memory_available\":%.0f}", m->memory_available);
}

int machine_describe(struct machine *m, char msg[CASE_MESSAGE])
{
    char model[128];
    *m = (struct machine){.memory_total = meminfo("MemTotal"), .cores = threads_cores()};
    m->memory_available = memory_limit(meminfo("MemAvailable"));
    if (fingerprint(m, model, sizeof model, msg))
        return -1;
    covariates(m);
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
        for (int t = 0; t < count; t++)
            fprintf(f, " %11.1f ", roofs[t].at[i] / r->scale);
    }
    fprintf(f, "\n\nfingerprint %s\n\nnow %s\n", m->fingerprint, m->covariates);
}
