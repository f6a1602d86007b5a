/*
 * plan - everything that all connections share, built once before the load: the request, ready-made frames, the reply
 * that is expected. Immutable afterwards: any thread.
 */
#ifndef PORTCULLIS_BENCH_PLAN_H
#define PORTCULLIS_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/link.h"
#include "tests/bench/options.h"

#define PLAN_HEAD_MAX 8192 /* bytes of an answer's head */

struct plan {
    const struct options *options; /* borrowed */
    struct link_target target;
    uint8_t *request;
    size_t request_size;
    uint8_t *frames; /* frame_count masked frames of one message each, all with the same payload */
    size_t frame_size;
    size_t frame_count;
    uint8_t *expected; /* payload of a reply */
    size_t expected_size;
};

/* Complains on stderr when it fails. plan_free() takes what a failed plan_make() left, too. */
bool __attribute__((warn_unused_result)) plan_make(const struct options *options, struct plan *plan);
void plan_free(struct plan *plan);

enum plan_head { PLAN_HEAD_SHORT, PLAN_HEAD_UPGRADED, PLAN_HEAD_REFUSED };

/* Reads an answer's head: an upgrade is a 101 with the right Sec-WebSocket-Accept (RFC 6455 §4.1). *head_size_r is
 * written for PLAN_HEAD_UPGRADED: frames follow there. */
enum plan_head __attribute__((warn_unused_result))
plan_read_head(const uint8_t *bytes, size_t size, size_t *head_size_r);

/* Writes one masked frame; returns its size, at most size + 14. */
size_t plan_write_frame(uint8_t *out, uint8_t opcode, const uint8_t key[4], const uint8_t *payload, size_t size);

#endif
