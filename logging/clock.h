/*
 * clock - the two clocks of the log, in milliseconds. Any thread.
 */
#ifndef PORTCULLIS_LOGGING_CLOCK_H
#define PORTCULLIS_LOGGING_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ms(clockid_t id)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(id, &now); /* fails for an unknown clock alone */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Since 1970 UTC: for time stamps. It may jump. */
static inline int64_t clock_real_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}

/* Since some moment: for periods and deadlines. */
static inline int64_t clock_monotonic_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

#endif
