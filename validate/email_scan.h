/*
 * email_scan - a place in an address, and what may be at any place of it: comments, folding white space, escaped characters. A part
 * of `email`, and called by nothing else. One thread a scan.
 *
 * Each email_scan_*() that reads an element leaves the place behind it. What is wrong ends the scan.
 */
#ifndef PORTCULLIS_VALIDATE_EMAIL_SCAN_H
#define PORTCULLIS_VALIDATE_EMAIL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "validate/email.h"

struct email_scan {
    const uint8_t *at;
    const uint8_t *end;
    const struct email_options *options;
};

/* What is between two elements. */
struct email_gap {
    bool present;
    bool obsolete; /* more than one end of line in a row: obs-FWS, RFC 5322 §4.2 */
};

static inline bool email_scan_at_end(const struct email_scan *s)
{
    return s->at == s->end;
}

/* The byte at the place. 0 at the end, where no caller looks for a NUL. */
static inline uint8_t email_scan_peek(const struct email_scan *s)
{
    return email_scan_at_end(s) ? 0 : *s->at;
}

static inline bool email_is_control(uint8_t byte)
{
    return byte < ' ' || byte == 0x7F;
}

/* Octets of UTF-8 come to a scan only when options let them. */
static inline bool email_is_beyond_ascii(uint8_t byte)
{
    return byte >= 0x80;
}

/* obs-NO-WS-CTL, RFC 5322 §4.1: a control character, but neither NUL nor white space nor a part of an end of line. */
bool email_is_old_control(uint8_t byte);

/* White space with at most one end of line within (obsolete: with several): RFC 5322 §3.2.2, and §4.2 as its erratum 1908 has it. */
__attribute__((warn_unused_result)) enum email_status email_scan_white(struct email_scan *s, struct email_gap *gap);

/* CFWS, RFC 5322 §3.2.2, where there may be some: refused unless options let it be. */
__attribute__((warn_unused_result)) enum email_status email_scan_gap(struct email_scan *s, struct email_gap *gap_r);

/* At a backslash: it, and what follows it, RFC 5322 §3.2.1 and §4.1. `unfinished` is the status when nothing does. */
__attribute__((warn_unused_result)) enum email_status
email_scan_escaped(struct email_scan *s, enum email_status unfinished, enum email_status unfit);

#endif
