/*
 * json_parse - jansson's parser, made safe against a lack of memory.
 *
 * jansson 2.14 passes over allocations that fail while it collects a token: bytes of the token are lost then, be it a digit or the
 * quote that ends a string, and it takes a wrong value for good, says that JSON is none, or ends the process by an assertion.
 * So an allocation that fails during a parse ends that parse here, and nothing of it is left.
 *
 * Any thread, once json_parse_install() has been called. Before that, and on other ways into jansson, all is as jansson has it.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_PARSE_H
#define PORTCULLIS_VALIDATE_JSON_PARSE_H

#include <stddef.h>

#include <jansson.h>

/* Has jansson's allocations go through this module; they still are those of malloc() and free(). Once in a process, before there are
 * threads. */
void json_parse_install(void);

/* As json_loadb(); without memory the result is NULL and the code json_error_out_of_memory. `error_r` may be NULL. */
__attribute__((warn_unused_result)) json_t *json_parse(const void *bytes, size_t size, size_t flags,
                                                       json_error_t *error_r);

#endif
