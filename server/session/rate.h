/*
 * rate - how many messages and bytes a session may send: two token buckets as plain data. One thread: the session's loop.
 *
 * Each holds one second's worth, refilled continuously. A message passes while anything is left, so that one larger than a
 * second's bytes passes, too, and is paid off by those after it.
 */
#ifndef PORTCULLIS_SESSION_RATE_H
#define PORTCULLIS_SESSION_RATE_H

#include <stddef.h>
#include <stdint.h>

/* A second; 0 is no limit. */
struct rate_limit {
    uint32_t messages; /* at most 1,000,000 */
    uint64_t bytes;    /* at most 2^40 */
};

struct rate {
    int64_t messages; /* thousandths left; negative: owed */
    int64_t bytes;    /* likewise */
    uint64_t at_ms;   /* 0: not used yet, both are full */
};

enum rate_status { RATE_OK, RATE_MESSAGES, RATE_BYTES };

/* Takes one message of `size` bytes at `now_ms` (monotonic, not 0). Else says which limit is exceeded. */
enum rate_status __attribute__((warn_unused_result))
rate_take(struct rate *rate, const struct rate_limit *limit, size_t size, uint64_t now_ms);

#endif
