/*
 * units - durations and sizes as text: "250ms", "10s", "5m", "1h", "1d"; "64K", "16M", "1G".
 *
 * Whole numbers only, no blanks, no sign. K, M and G are powers of 1024. Pure functions: any thread.
 */
#ifndef PORTCULLIS_CONFIG_UNITS_H
#define PORTCULLIS_CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_SIZE 24 /* of the texts below, NUL included */

/* The whole of `text`. False when it is no such text or does not fit; *value_r is written on success only. */
bool units_parse_duration(const char *text, int64_t *ms_r);
bool units_parse_size(const char *text, int64_t *bytes_r);

/* The largest unit that says it exactly: 90000 is "90s", 60000 is "1m", 0 is "0". `value` is not negative. Returns `out`. */
const char *units_format_duration(int64_t ms, char out[UNITS_TEXT_SIZE]);
const char *units_format_size(int64_t bytes, char out[UNITS_TEXT_SIZE]);

#endif
