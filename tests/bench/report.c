/*
 * Output of wsload. Called by main() only.
 */
#include "tests/bench/report.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

static const char *const failure_names[] = {[FAILURE_CONNECT] = "connect",
                                            [FAILURE_TLS] = "tls",
                                            [FAILURE_UPGRADE] = "upgrade",
                                            [FAILURE_REPLY] = "reply",
                                            [FAILURE_CLOSED] = "closed"};

static const char *mode_name(enum load_mode mode)
{
    switch (mode) {
    case LOAD_ECHO:
        return "echo";
    case LOAD_IDLE:
        return "idle";
    case LOAD_HANDSHAKE:
        return "handshake";
    }
    return "";
}

static double microseconds(uint64_t ns)
{
    return (double)ns / 1000;
}

void report_phase(const struct options *options, const char *phase, unsigned open)
{
    if (options->json) {
        printf("{\"event\": \"%s\", \"open\": %u}\n", phase, open);
    } else {
        printf("%s: %u connections are open\n", phase, open);
    }
    fflush(stdout);
}

static void print_histogram(const char *name, const struct histogram *histogram)
{
    printf("\"%s\": {\"mean\": %.2f", name, histogram_mean(histogram) / 1000);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        printf(", \"%s\": %.2f", quantiles[i].name, microseconds(histogram_quantile(histogram, quantiles[i].share)));
    }
    printf(", \"max\": %.2f}, ", microseconds(histogram->max));
}

static void print_json(const struct options *options, const struct report *report)
{
    const struct tally *total = &report->total;

    printf("{\"event\": \"result\", \"mode\": \"%s\", \"tls\": %s, \"connections\": %u, \"open\": %u, \"threads\": %u, "
           "\"size\": %u, \"pipeline\": %u, \"target_rate\": %u, \"seconds\": %.6f, \"messages\": %" PRIu64
           ", \"handshakes\": %" PRIu64 ", \"resumed\": %" PRIu64
           ", \"rate\": %.1f, \"load_cpu_seconds\": %.6f, \"silent\": %" PRIu64 ", \"overdue\": %" PRIu64
           ", \"tls_version\": \"%s\", \"tls_cipher\": \"%s\", ",
           mode_name(options->mode), options->tls ? "true" : "false", options->connections, report->open,
           options->threads, options->size, options->pipeline, options->rate, report->seconds, total->messages,
           total->handshakes, total->resumed, report->rate, report->load_cpu_seconds, total->silent, total->overdue,
           total->tls_version != NULL ? total->tls_version : "", total->tls_cipher != NULL ? total->tls_cipher : "");
    print_histogram("latency_us", &total->latency);
    print_histogram("lag_us", &total->lag);
    printf("\"errors\": {");
    for (size_t i = 0; i < FAILURE_COUNT; i++) {
        printf("%s\"%s\": %" PRIu64, i > 0 ? ", " : "", failure_names[i], total->failures[i]);
    }
    printf("}}\n");
}

static void print_text(const struct options *options, const struct report *report)
{
    const struct tally *total = &report->total;
    bool is_handshake = options->mode == LOAD_HANDSHAKE;
    uint64_t count = is_handshake ? total->handshakes : total->messages;

    printf("%" PRIu64 " %s in %.2f s: %.0f/s\nlatency: mean %.1f us", count, is_handshake ? "handshakes" : "messages",
           report->seconds, report->rate, histogram_mean(&total->latency) / 1000);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        printf(", %s %.1f", quantiles[i].name, microseconds(histogram_quantile(&total->latency, quantiles[i].share)));
    }
    printf(", max %.1f\nload: %.0f %% of a core", microseconds(total->latency.max),
           report->seconds > 0 ? 100 * report->load_cpu_seconds / report->seconds : 0);
    if (options->rate > 0) {
        printf("\noverdue at the end: %" PRIu64 "; the load was late by p99 %.1f us, max %.1f", total->overdue,
               microseconds(histogram_quantile(&total->lag, 0.99)), microseconds(total->lag.max));
    }
    if (total->tls_version != NULL) {
        printf("\n%s, %s", total->tls_version, total->tls_cipher);
    }
    if (options->resume) {
        printf("\nresumed: %" PRIu64, total->resumed);
    }
    printf("\nsilent connections: %" PRIu64 "\nerrors:", total->silent);
    for (size_t i = 0; i < FAILURE_COUNT; i++) {
        printf(" %s %" PRIu64, failure_names[i], total->failures[i]);
    }
    printf("\n");
}

void report_result(const struct options *options, const struct report *report)
{
    if (options->json) {
        print_json(options, report);
    } else {
        print_text(options, report);
    }
    fflush(stdout);
}
