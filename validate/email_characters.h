/*
 * email_characters - whether the characters of a text may be in an address at all, wherever they stand. A part of `email`, and called
 * by nothing else. Pure functions: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_EMAIL_CHARACTERS_H
#define PORTCULLIS_VALIDATE_EMAIL_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "validate/email.h"

/* ASCII alone, or, as options say, well-formed UTF-8, or such without characters that deceive. */
__attribute__((warn_unused_result)) enum email_status email_characters_check(const uint8_t *bytes, size_t size,
                                                                             const struct email_options *options);

/* Of well-formed UTF-8: whether it has none of the characters that nobody sees, that turn text round, or that pass for a space or a
 * dot. */
bool email_characters_are_legible(const uint8_t *bytes, size_t size);

#endif
