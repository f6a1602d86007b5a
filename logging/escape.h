/*
 * escape - makes bytes from peers harmless inside one line of the log. Pure functions: any thread.
 *
 * Escaped are: control characters (C0, DEL, C1), the quote and the backslash, the line and paragraph separators, and all
 * that a reader cannot see and that may turn, hide or split what he reads: bidirectional controls, zero-width and other
 * default-ignorable code points (Unicode 15 §5.21; the byte order mark is one), interlinear annotation, non-characters.
 * Whatever is not well-formed UTF-8 (RFC 3629) is escaped octet by octet. Everything else stands for itself.
 *
 *                         text            JSON (RFC 8259 §7)
 *     " \                 \" \\           \" \\
 *     LF CR TAB           \n \r \t        \n \r \t
 *     other C0, DEL       \x1b            \u001b
 *     code point          \u202e          \u202e
 *     beyond U+FFFF       \U000e0001      \udb40\udc01
 *     ill-formed octet    \xff            \ufffd
 *     NUL                 \x00            \ufffd
 *
 * Text can be turned back into the bytes: \x01..\x7f is the character and the octet alike, \x80..\xff always an octet.
 * JSON has no way to write an octet that every reader takes, and common readers refuse a line with \u0000, which would let
 * a peer hide one: both are shown as U+FFFD, and the value is lost. A genuine U+FFFD is written as itself, not escaped.
 */
#ifndef PORTCULLIS_LOGGING_ESCAPE_H
#define PORTCULLIS_LOGGING_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum escape_form { ESCAPE_TEXT, ESCAPE_JSON };

#define ESCAPE_SIZE_MAX 12 /* octets that one input character can become: a surrogate pair in JSON */

/* One input character, or ill-formed octet, in its harmless form. No NUL at the end. */
struct escaped {
    size_t taken; /* octets of input: 1 to 4 */
    size_t size;
    char bytes[ESCAPE_SIZE_MAX];
};

/* Takes the first character of `bytes`; `size` is at least 1. */
struct escaped escape_next(enum escape_form form, const uint8_t *bytes, size_t size);

/* Whether a value may stand in a text line without quotes: one or more octets, printable ASCII other than
 * space, quote, equals sign and backslash, and not "-" alone, which stands for an absent value. */
bool escape_is_bare(const uint8_t *bytes, size_t size);

#endif
