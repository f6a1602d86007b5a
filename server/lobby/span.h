/*
 * span - views of a request head's bytes, and the classes of characters that RFC 9110 and RFC 3986 speak of.
 *
 * For head.c and target.c alone. Pure functions: any thread.
 */
#ifndef PORTCULLIS_LOBBY_SPAN_H
#define PORTCULLIS_LOBBY_SPAN_H

#include <stdbool.h>
#include <stddef.h>

#include "server/lobby/head.h"

bool char_is_digit(char c);
bool char_is_one_of(char c, const char *set); /* never true of NUL */
bool char_is_token(char c);                   /* tchar (RFC 9110 §5.6.2) */
bool char_is_unreserved(char c);              /* RFC 3986 §2.3 */
bool char_is_pchar(char c);                   /* RFC 3986 §3.3, but for "%" */
bool char_is_control(char c);                 /* US-ASCII 0 to 31 and 127 */
int char_hex_value(char c);                   /* -1 for what is no hexadecimal digit */

bool span_equals(struct head_span span, const char *text);
bool span_equals_without_case(struct head_span span, const char *text);
bool span_starts_without_case(struct head_span span, const char *text);

/* `size` is no more than the span has. */
void span_skip(struct head_span *span, size_t size);

/* Takes what is in front of the first `delimiter` off `rest`, and the delimiter too. False when there is none. */
bool span_cut(struct head_span *rest, char delimiter, struct head_span *front_r);

/* Without the optional white space around it (RFC 9110 §5.6.3). */
struct head_span span_trim(struct head_span span);

#endif
