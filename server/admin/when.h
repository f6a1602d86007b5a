/*
 * when - points in time as people write them: RFC 3339 or seconds since 1970, and back. Pure; any thread.
 */
#ifndef PORTCULLIS_ADMIN_WHEN_H
#define PORTCULLIS_ADMIN_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define WHEN_TEXT_SIZE 21                    /* "9999-12-31T23:59:59Z" and its NUL */
#define WHEN_MAX       INT64_C(253402300799) /* that moment */

/* "2026-11-22T08:15:00Z", "2026-11-22t08:15:00.25+01:00" (RFC 3339 §5.6; a fraction is cut off, a leap second is the one after it),
 * or digits alone. From 1970 to 9999. `*seconds_r` is written on success only. */
__attribute__((warn_unused_result)) bool when_parse(const char *text, int64_t *seconds_r);

/* RFC 3339 in UTC; "-" for what is outside of 1970 to 9999. Returns `out`. */
const char *when_format(int64_t seconds, char out[WHEN_TEXT_SIZE]);

#endif
