/*
 * json_skip - what is nothing but text within a string of JSON. Called by whoever scans such text; any thread. Pure.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_SKIP_H
#define PORTCULLIS_VALIDATE_JSON_SKIP_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes there are in front of the first quote or backslash; `size` if there is none. */
size_t json_skip_plain(const uint8_t *bytes, size_t size);

#endif
