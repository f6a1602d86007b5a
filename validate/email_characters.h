/*
 * email_characters - whether the characters of a text may be in an address at all, wherever they stand. A part of `email`, and called
 * by nothing else. Pure function: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_EMAIL_CHARACTERS_H
#define PORTCULLIS_VALIDATE_EMAIL_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "validate/email.h"

/* ASCII alone; with `international`, well-formed UTF-8 without characters that deceive. */
__attribute__((warn_unused_result)) enum email_status email_characters_check(const uint8_t *bytes, size_t size,
                                                                             bool international);

#endif
