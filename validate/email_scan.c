/*
 * email_scan - what may be between the elements of an address, and behind a backslash. Called by email; any thread.
 */
#include "validate/email_scan.h"

static bool is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

bool email_is_old_control(uint8_t byte)
{
    return email_is_control(byte) && byte != '\0' && byte != '\t' && byte != '\n' && byte != '\r';
}

enum email_status email_scan_white(struct email_scan *s, struct email_gap *gap)
{
    unsigned lines = 0;
    while (is_white(email_scan_peek(s)) || email_scan_peek(s) == '\r') {
        if (*s->at == '\r') {
            if (s->end - s->at < 3 || s->at[1] != '\n' || !is_white(s->at[2])) {
                return EMAIL_FOLDING;
            }
            lines++;
            s->at += 2;
        }
        s->at++;
    }
    gap->obsolete = gap->obsolete || lines > 1;
    return EMAIL_VALID;
}

enum email_status email_scan_escaped(struct email_scan *s, enum email_status unfinished, enum email_status unfit)
{
    s->at++;
    if (email_scan_at_end(s)) {
        return unfinished;
    }
    const uint8_t byte = *s->at;
    if (email_is_beyond_ascii(byte)) {
        return unfit; /* RFC 6531 leaves quoted-pair as it was */
    }
    const bool may_be = !email_is_control(byte) || (byte == '\t' && s->options->comments);
    if (!may_be && !s->options->obsolete) {
        return unfit;
    }
    s->at++;
    return EMAIL_VALID;
}

static enum email_status skip_comment_text(struct email_scan *s)
{
    if (*s->at == '\\') {
        return email_scan_escaped(s, EMAIL_COMMENT_OPEN, EMAIL_COMMENT_CHARACTER);
    }
    if (email_is_control(*s->at) && !(s->options->obsolete && email_is_old_control(*s->at))) {
        return *s->at == '\n' ? EMAIL_FOLDING : EMAIL_COMMENT_CHARACTER;
    }
    s->at++;
    return EMAIL_VALID;
}

/* RFC 5322 §3.2.2. Comments nest; their depth is bounded by the size of the text. */
static enum email_status skip_comment(struct email_scan *s, struct email_gap *gap)
{
    size_t depth = 0;
    do {
        enum email_status status = email_scan_white(s, gap);
        if (status == EMAIL_VALID && email_scan_at_end(s)) {
            status = EMAIL_COMMENT_OPEN;
        }
        if (status != EMAIL_VALID) {
            return status;
        }
        if (*s->at == '(') {
            depth++;
            s->at++;
        } else if (*s->at == ')') {
            depth--;
            s->at++;
        } else if ((status = skip_comment_text(s)) != EMAIL_VALID) {
            return status;
        }
    } while (depth > 0);
    return EMAIL_VALID;
}

enum email_status email_scan_gap(struct email_scan *s, struct email_gap *gap_r)
{
    struct email_gap gap = {0};
    enum email_status status = EMAIL_VALID;
    while (status == EMAIL_VALID &&
           (is_white(email_scan_peek(s)) || email_scan_peek(s) == '\r' || email_scan_peek(s) == '(')) {
        const bool comment = *s->at == '(';
        gap.present = true;
        if (!s->options->comments) {
            return comment ? EMAIL_COMMENT : *s->at == '\r' ? EMAIL_CONTROL : EMAIL_WHITE_SPACE;
        }
        status = comment ? skip_comment(s, &gap) : email_scan_white(s, &gap);
    }
    if (status == EMAIL_VALID && gap.obsolete && !s->options->obsolete) {
        return EMAIL_OBSOLETE;
    }
    *gap_r = gap;
    return status;
}
