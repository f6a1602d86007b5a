/*
 * email_literal - address literals, "[192.0.2.1]" and "[IPv6:2001:db8::1]", in place of a domain: RFC 5321 §4.1.3. A part of
 * `email`, and called by nothing else. Pure function: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_EMAIL_LITERAL_H
#define PORTCULLIS_VALIDATE_EMAIL_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "validate/email.h"

/* Checks what is between the opening bracket, in front of `bytes`, and the first closing one; `any_tag` lets tags pass that are
 * not registered. `content_size_r`, on success, is without brackets.
 *
 * "::" may stand for a single group, which the grammar of RFC 5321 does not let it: RFC 5952 §4 has since asked everybody to
 * read all forms of RFC 4291. Of IPv4 addresses, leading zeros are taken, as Snum has them. */
__attribute__((warn_unused_result)) enum email_status email_literal_check(const uint8_t *bytes, size_t size,
                                                                          bool any_tag, size_t *content_size_r);

#endif
