/*
 * utf8_wide - UTF-8 checked 32 octets at a time. A part of `utf8`, and called by nothing else. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_UTF8_WIDE_H
#define PORTCULLIS_VALIDATE_UTF8_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_WIDE_BEFORE 3                       /* octets in front of a window that are looked at, too */
#define UTF8_WIDE_LEAST  (UTF8_WIDE_BEFORE + 32) /* of text, to have one window */

/* Whether this processor has what it takes (AVX2). */
bool utf8_wide_is_there(void);

/* How much of the start is ASCII, in whole windows; or all of it. Only where utf8_wide_is_there(), and `size` is UTF8_WIDE_LEAST or
 * more; so with the next. */
size_t utf8_wide_skip_ascii(const uint8_t *bytes, size_t size);

/* With the text known to be well-formed in front of `from` (UTF8_WIDE_BEFORE or more), and to have ended on a character there:
 * up to where it can be told that it goes on well-formed, but for a character that may be cut there. That is `size`, or less than 256
 * octets in front of the first that cannot be; then it is for others to say which. */
size_t utf8_wide_skip(const uint8_t *bytes, size_t size, size_t from);

/* Where the character starts that the text, well-formed in front of `at`, is cut in; `at` where it is in none. */
size_t utf8_wide_boundary(const uint8_t *bytes, size_t at);

#endif
