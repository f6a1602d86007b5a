/*
 * pattern - regular expressions of ECMA-262 (§22.2, in the Unicode mode that JSON Schema asks for), translated to PCRE2 and
 * matched within bounds: neither a pattern nor a text can stall the caller. Compiled patterns never change: any thread, each
 * with a scratch of its own.
 */
#ifndef PORTCULLIS_VALIDATE_PATTERN_H
#define PORTCULLIS_VALIDATE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_SIZE_MAX 16384 /* bytes of a pattern */

struct pattern;
struct pattern_scratch;

enum pattern_match {
    PATTERN_MATCHES,
    PATTERN_DIFFERS,
    PATTERN_LIMIT,    /* too much work: counts as "does not match" */
    PATTERN_NO_MEMORY /* it is not known */
};

/* Returns owned; NULL where the pattern is none, with why (for people) in reason_r, which may be NULL. */
__attribute__((warn_unused_result)) struct pattern *pattern_compile(const char *text, size_t size, char *reason_r,
                                                                    size_t reason_size);
void pattern_free(struct pattern *pattern);

/* Whether the text is a pattern of ECMA-262 of at most PATTERN_SIZE_MAX bytes. There is one kind that is and that
 * pattern_compile() refuses: PCRE2 does not look behind by a length that varies. */
bool pattern_is_valid(const char *text, size_t size);

/* Bytes that the compiled pattern takes. How long compiling took goes by that, as repeats are written out. */
size_t pattern_memory(const struct pattern *pattern);

/* Returns owned, or NULL without memory. */
__attribute__((warn_unused_result)) struct pattern_scratch *pattern_scratch_create(void);
void pattern_scratch_free(struct pattern_scratch *scratch);

/* Whether the pattern matches anywhere in the text, which must be UTF-8. What it costs is taken from *steps, of some 10 ns each;
 * with none left the result is PATTERN_LIMIT. */
enum pattern_match pattern_match(const struct pattern *pattern, const char *text, size_t size,
                                 struct pattern_scratch *scratch, uint64_t *steps);

#endif
