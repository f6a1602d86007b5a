/*
 * email_literal - address literals, "[192.0.2.1]" and "[IPv6:2001:db8::1]", in place of a domain: RFC 5321 §4.1.3. A part of
 * `email`, and called by nothing else. Pure function: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_EMAIL_LITERAL_H
#define PORTCULLIS_VALIDATE_EMAIL_LITERAL_H

#include <stddef.h>
#include <stdint.h>

#include "validate/email.h"

/* Checks what is between the opening bracket, in front of `bytes`, and the first closing one. `content_size_r`, on success, is
 * without brackets.
 *
 * "::" stands for two groups at least, as the grammar has it. RFC 4291 §2.2 lets it stand for one, and so do `obsolete` forms:
 * RFC 5952 §4.2.2 has since told everybody not to write it. Of IPv4 addresses, leading zeros are taken, as Snum has them. */
__attribute__((warn_unused_result)) enum email_status
email_literal_check(const uint8_t *bytes, size_t size, const struct email_options *options, size_t *content_size_r);

#endif
