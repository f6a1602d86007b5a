/*
 * target - the request target (RFC 9112 §3.2) and the host (RFC 9110 §7.2), judged as head.h says.
 *
 * For head.c alone. Pure functions: any thread.
 */
#ifndef PORTCULLIS_LOBBY_TARGET_H
#define PORTCULLIS_LOBBY_TARGET_H

#include <stdbool.h>

#include "server/lobby/head.h"

/* uri-host [":" port]: the value of a Host field, or an authority. */
bool target_host_is_valid(struct head_span host);

/*
 * Fills in path, query and, for absolute-form, host, as views into `target`, which is not empty. HEAD_OK, HEAD_TARGET,
 * HEAD_TARGET_TOO_LONG or HEAD_HOST_SYNTAX. On an error `*head` may have been written in part.
 */
enum head_status target_parse(struct head_span target, struct head *head);

/* As head_decode_path(), of a path that passed. */
int target_decode_path(struct head_span path, char *out, size_t out_size);

#endif
