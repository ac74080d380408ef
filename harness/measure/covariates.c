/* SPDX-License-Identifier: MIT */
/* What changes by the hour and may explain a time: load, steal, pressure, throttling, memory. */
#include "harness/measure/machinetext.h"
#include "harness/measure/measure.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double machine_memory(const char *key)
{
    char value[64];
    return text_keyed("/proc/meminfo", key, value, sizeof value) ? 1024 * strtod(value, NULL) : 0;
}

double machine_memory_available(void)
{
    char line[64];
    const double available = machine_memory("MemAvailable");
    if (text_first_line("/sys/fs/cgroup/memory.max", line, sizeof line) && line[0] >= '0' &&
        line[0] <= '9') {
        double max = strtod(line, NULL), used = 0;
        if (text_first_line("/sys/fs/cgroup/memory.current", line, sizeof line))
            used = strtod(line, NULL);
        if (max - used < available)
            return max - used;
    }
    return available;
}

/* The sum of a counter that each CPU has a file for. */
static void add_sum(struct text *t, const char *key, const char *pattern)
{
    glob_t found;
    char line[64];
    double sum = 0;
    if (glob(pattern, 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (text_first_line(found.gl_pathv[i], line, sizeof line))
            sum += strtod(line, NULL);
    globfree(&found);
    text_add(t, ",\"%s\":%.0f", key, sum);
}

/* A line "key value" of a control group's statistics. */
static void add_cgroup(struct text *t, const char *key)
{
    char line[128];
    const size_t n = strlen(key);
    FILE *f = fopen("/sys/fs/cgroup/cpu.stat", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            text_add(t, ",\"cgroup_%s\":%.0f", key, strtod(line + n, NULL));
    if (f)
        fclose(f);
}

void machine_covariates(char *out, size_t size)
{
    static const struct {
        const char *key, *path;
    } files[] = {{"loadavg", "/proc/loadavg"},
                 {"cpu_ticks", "/proc/stat"}, /* user nice system idle iowait irq softirq steal */
                 {"pressure_cpu", "/proc/pressure/cpu"},
                 {"pressure_memory", "/proc/pressure/memory"},
                 {"pressure_io", "/proc/pressure/io"},
                 {"uptime", "/proc/uptime"},
                 {"huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled"},
                 {"governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"},
                 {"frequency_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"},
                 {"no_turbo", "/sys/devices/system/cpu/intel_pstate/no_turbo"},
                 {"boost", "/sys/devices/system/cpu/cpufreq/boost"}};
    struct text t = {out, size - 1, 0};
    text_add(&t, "{");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        text_file(&t, files[i].key, files[i].path);
    add_sum(&t, "throttles",
            "/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count");
    add_cgroup(&t, "nr_throttled");
    text_add(&t, ",\"memory_available\":%.0f", machine_memory_available());
    /* The brace has its place reserved. */
    memcpy(out + t.used, "}", 2);
}
