/*
 * utf8 - well-formedness of UTF-8 (RFC 3629 §4, Unicode table 3-7), in one piece or as bytes arrive.
 *
 * Overlong forms, surrogates (U+D800..U+DFFF) and values past U+10FFFF are refused at the first octet that
 * no well-formed text could have there. Pure functions: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_UTF8_H
#define PORTCULLIS_VALIDATE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The state between two pieces; only values that utf8_feed() returned, or UTF8_START. UTF8_START also means: the text
 * so far ends on a character. */
typedef uint8_t utf8_state;
#define UTF8_START  ((utf8_state)0)
#define UTF8_REJECT ((utf8_state)6)

/* Goes on from `state` over `size` bytes. UTF8_REJECT is final: the text is not, and cannot become, UTF-8. */
utf8_state utf8_feed(utf8_state state, const uint8_t *bytes, size_t size);

/* Whether the whole of `bytes` is well-formed. */
bool utf8_valid(const uint8_t *bytes, size_t size);

/* Twins of utf8_feed(), with the same results: what it is where the processor has no vectors for it, and, octet by octet, the
 * reference that tests compare both with. */
utf8_state utf8_feed_words(utf8_state state, const uint8_t *bytes, size_t size);
utf8_state utf8_feed_scalar(utf8_state state, const uint8_t *bytes, size_t size);

#endif
