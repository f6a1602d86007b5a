/*
 * email - the grammar of addresses as a scanner that goes from left to right once. Called by whoever checks text from outside; any
 * thread.
 *
 * Each function below reads one element at the scanner's place and leaves the place behind it. What is wrong ends the scan.
 */
#include "validate/email.h"

#include <stdlib.h>
#include <string.h>

#include <uninorm.h>

#include "validate/email_characters.h"
#include "validate/email_literal.h"
#include "validate/email_scan.h"
#include "validate/idn.h"

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* RFC 5322 §3.2.3, RFC 6531 §3.3 */
static bool is_atom_text(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte) || email_is_beyond_ascii(byte) ||
           (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* One character between quotes: RFC 5321 §4.1.2 (QcontentSMTP), RFC 5322 §4.1 (obs-qtext). */
static enum email_status skip_quoted_text(struct email_scan *s)
{
    const uint8_t byte = *s->at;
    if (byte == '\\') {
        return email_scan_escaped(s, EMAIL_QUOTE_OPEN, EMAIL_QUOTE_CHARACTER);
    }
    if (s->options->comments && (byte == '\t' || byte == '\r')) {
        struct email_gap gap = {0};
        const enum email_status status = email_scan_white(s, &gap);
        return status == EMAIL_VALID && gap.obsolete && !s->options->obsolete ? EMAIL_OBSOLETE : status;
    }
    if (email_is_control(byte) && !(s->options->obsolete && email_is_old_control(byte))) {
        return EMAIL_QUOTE_CHARACTER;
    }
    s->at++;
    return EMAIL_VALID;
}

static enum email_status skip_quoted(struct email_scan *s)
{
    s->at++;
    while (!email_scan_at_end(s) && *s->at != '"') {
        const enum email_status status = skip_quoted_text(s);
        if (status != EMAIL_VALID) {
            return status;
        }
    }
    if (email_scan_at_end(s)) {
        return EMAIL_QUOTE_OPEN;
    }
    s->at++;
    return EMAIL_VALID;
}

/* Why the local part's next word cannot start here. */
static enum email_status no_word(const struct email_scan *s, bool first)
{
    if (email_scan_at_end(s)) {
        return EMAIL_NO_AT;
    }
    if (*s->at == '.') {
        return first ? EMAIL_LOCAL_DOT_FIRST : EMAIL_LOCAL_DOTS;
    }
    if (*s->at == '@') {
        return first ? EMAIL_LOCAL_EMPTY : EMAIL_LOCAL_DOT_LAST;
    }
    return email_is_control(*s->at) ? EMAIL_CONTROL : EMAIL_LOCAL_CHARACTER;
}

/* An atom or a quoted string. */
static enum email_status skip_word(struct email_scan *s, bool first, bool *quoted_r)
{
    *quoted_r = email_scan_peek(s) == '"';
    if (*quoted_r) {
        return skip_quoted(s);
    }
    if (email_scan_at_end(s) || !is_atom_text(*s->at)) {
        return no_word(s, first);
    }
    while (!email_scan_at_end(s) && is_atom_text(*s->at)) {
        s->at++;
    }
    return EMAIL_VALID;
}

/* What is behind a word, and is neither a dot nor the @ nor the end. */
static enum email_status bad_local_rest(const struct email_scan *s, bool quoted, const struct email_gap *gap)
{
    if (email_is_control(*s->at)) {
        return EMAIL_CONTROL;
    }
    return quoted || gap->present ? EMAIL_TEXT_AFTER : EMAIL_LOCAL_CHARACTER;
}

/* Up to the @. Words with quotes and gaps are obsolete where there is more than one word: RFC 5322 §4.4. */
static enum email_status skip_local(struct email_scan *s, size_t *size_r)
{
    size_t size = 0;
    bool obsolete = false;
    bool any_quoted = false;
    for (size_t words = 1;; words++) {
        struct email_gap before;
        struct email_gap after;
        bool quoted = false;
        enum email_status status = email_scan_gap(s, &before);
        const uint8_t *word = s->at;
        if (status == EMAIL_VALID) {
            status = skip_word(s, words == 1, &quoted);
        }
        size += (size_t)(s->at - word);
        if (status == EMAIL_VALID) {
            status = email_scan_gap(s, &after);
        }
        if (status != EMAIL_VALID) {
            return status;
        }
        any_quoted = any_quoted || quoted;
        obsolete = obsolete || (words > 1 && (any_quoted || before.present));
        if (email_scan_at_end(s)) {
            return EMAIL_NO_AT;
        }
        if (*s->at == '@') {
            break;
        }
        if (*s->at != '.') {
            return bad_local_rest(s, quoted, &after);
        }
        obsolete = obsolete || after.present;
        s->at++;
        size++;
    }
    if (obsolete && !s->options->obsolete) {
        return EMAIL_OBSOLETE;
    }
    *size_r = size;
    return size > EMAIL_LOCAL_MAX ? EMAIL_LOCAL_TOO_LONG : EMAIL_VALID;
}

/* Why the domain's next label cannot start here. */
static enum email_status no_label(const struct email_scan *s, bool first)
{
    if (email_scan_at_end(s)) {
        return first ? EMAIL_DOMAIN_EMPTY : EMAIL_DOMAIN_DOT_LAST;
    }
    if (*s->at == '.') {
        return first ? EMAIL_DOMAIN_DOT_FIRST : EMAIL_DOMAIN_DOTS;
    }
    if (*s->at == '@') {
        return EMAIL_SECOND_AT;
    }
    return email_is_control(*s->at) ? EMAIL_CONTROL : EMAIL_DOMAIN_CHARACTER;
}

/* A domain name without what is between its labels. */
struct name {
    char text[EMAIL_DOMAIN_MAX]; /* whose end is not there when `size` is larger */
    size_t size;
    size_t labels;
    bool numeric; /* the last label has digits only */
    bool beyond_ascii;
};

static void add_to_name(struct name *name, const uint8_t *bytes, size_t size)
{
    if (name->size <= sizeof(name->text) && size <= sizeof(name->text) - name->size) {
        memcpy(name->text + name->size, bytes, size);
    }
    name->size += size;
}

/* sub-domain, RFC 5321 §4.1.2; U-label, RFC 6531 §3.3, whose size is that of the A-label. */
static enum email_status skip_label(struct email_scan *s, struct name *name)
{
    const uint8_t *label = s->at;
    bool numeric = true;
    bool beyond_ascii = false;
    while (!email_scan_at_end(s) &&
           (is_letter(*s->at) || is_digit(*s->at) || *s->at == '-' || email_is_beyond_ascii(*s->at))) {
        numeric = numeric && is_digit(*s->at);
        beyond_ascii = beyond_ascii || email_is_beyond_ascii(*s->at);
        s->at++;
    }
    if (s->at == label) {
        return no_label(s, name->labels == 0);
    }
    if (label[0] == '-' || s->at[-1] == '-') {
        return EMAIL_DOMAIN_HYPHEN;
    }
    const size_t size = (size_t)(s->at - label);
    add_to_name(name, label, size);
    name->labels++;
    name->numeric = numeric;
    name->beyond_ascii = name->beyond_ascii || beyond_ascii;
    return size > EMAIL_LABEL_MAX && !beyond_ascii ? EMAIL_LABEL_TOO_LONG : EMAIL_VALID;
}

/* What is behind a label, and is neither a dot nor the end. */
static enum email_status bad_domain_rest(const struct email_scan *s, const struct email_gap *gap)
{
    if (*s->at == '@') {
        return EMAIL_SECOND_AT;
    }
    if (email_is_control(*s->at)) {
        return EMAIL_CONTROL;
    }
    return gap->present ? EMAIL_TEXT_AFTER : EMAIL_DOMAIN_CHARACTER;
}

static enum email_status status_of(enum idn_status status)
{
    switch (status) {
    case IDN_VALID:
        return EMAIL_VALID;
    case IDN_LABEL_TOO_LONG:
        return EMAIL_LABEL_TOO_LONG;
    case IDN_NAME_TOO_LONG:
        return EMAIL_DOMAIN_TOO_LONG;
    case IDN_NO_MEMORY:
        return EMAIL_NO_MEMORY;
    case IDN_EMPTY:
    case IDN_HYPHEN:
    case IDN_CHARACTER:
    case IDN_A_LABEL:
    case IDN_U_LABEL:
    case IDN_BIDI:
        break;
    }
    return EMAIL_DOMAIN_IDN;
}

/* Of a name that is not ASCII, as it is looked up: composed (NFC), which a U-label is already (RFC 5891 §5.2). The dots of other
 * scripts, which IDNA once read as dots, are none in an address. */
static enum email_status check_international(const struct name *name)
{
    const uint8_t *text = (const uint8_t *)name->text;
    uint8_t own[EMAIL_DOMAIN_MAX];
    size_t size = sizeof(own);
    if (!email_characters_are_legible(text, name->size)) {
        return EMAIL_CHARACTER;
    }
    uint8_t *composed = u8_normalize(UNINORM_NFC, text, name->size, own, &size);
    if (composed == NULL) {
        return EMAIL_NO_MEMORY;
    }
    const enum email_status status = status_of(idn_check((const char *)composed, size, true));
    if (composed != own) {
        free(composed); /* some characters are larger when composed */
    }
    return status;
}

static enum email_status check_name(const struct name *name, bool require_tld)
{
    enum email_status status = EMAIL_VALID;
    if (name->size > EMAIL_DOMAIN_MAX) {
        return EMAIL_DOMAIN_TOO_LONG;
    }
    if (name->beyond_ascii) {
        status = check_international(name);
    }
    if (status == EMAIL_VALID && require_tld) {
        return name->labels == 1 ? EMAIL_TLD_MISSING : name->numeric ? EMAIL_TLD_NUMERIC : EMAIL_VALID;
    }
    return status;
}

/* Up to the end. What is in front of the first label has been read. */
static enum email_status skip_name(struct email_scan *s, size_t *size_r)
{
    struct name name = {.size = 0};
    bool obsolete = false;
    for (;;) {
        struct email_gap before = {0};
        struct email_gap after;
        enum email_status status = name.labels > 0 ? email_scan_gap(s, &before) : EMAIL_VALID;
        if (status == EMAIL_VALID) {
            status = skip_label(s, &name);
        }
        if (status == EMAIL_VALID) {
            status = email_scan_gap(s, &after);
        }
        if (status != EMAIL_VALID) {
            return status;
        }
        obsolete = obsolete || before.present;
        if (email_scan_at_end(s)) {
            break;
        }
        if (*s->at != '.') {
            return bad_domain_rest(s, &after);
        }
        obsolete = obsolete || after.present;
        add_to_name(&name, s->at, 1);
        s->at++;
    }
    if (obsolete && !s->options->obsolete) {
        return EMAIL_OBSOLETE;
    }
    *size_r = name.size;
    return check_name(&name, s->options->require_tld);
}

static enum email_status skip_bracketed(struct email_scan *s, size_t *size_r)
{
    const uint8_t *open = s->at;
    struct email_gap after;
    size_t content_size = 0;
    enum email_status status = email_literal_check(open + 1, (size_t)(s->end - open) - 1, s->options, &content_size);
    if (status != EMAIL_VALID) {
        return status;
    }
    *size_r = content_size + 2; /* the brackets */
    s->at += *size_r;
    status = email_scan_gap(s, &after);
    if (status != EMAIL_VALID || email_scan_at_end(s)) {
        return status;
    }
    return *s->at == '@' ? EMAIL_SECOND_AT : email_is_control(*s->at) ? EMAIL_CONTROL : EMAIL_TEXT_AFTER;
}

static enum email_status skip_domain(struct email_scan *s, size_t *size_r)
{
    struct email_gap before;
    const enum email_status status = email_scan_gap(s, &before);
    if (status != EMAIL_VALID) {
        return status;
    }
    return email_scan_peek(s) == '[' ? skip_bracketed(s, size_r) : skip_name(s, size_r);
}

enum email_status email_check(const char *text, size_t size, const struct email_options *options)
{
    static const struct email_options defaults = {0};
    if (size == 0) {
        return EMAIL_EMPTY;
    }
    if (size > EMAIL_TEXT_MAX) {
        return EMAIL_TOO_LONG;
    }
    struct email_scan s = {(const uint8_t *)text, (const uint8_t *)text + size, options != NULL ? options : &defaults};
    size_t local_size = 0;
    size_t domain_size = 0;
    enum email_status status = email_characters_check(s.at, size, s.options);
    if (status == EMAIL_VALID) {
        status = skip_local(&s, &local_size);
    }
    if (status == EMAIL_VALID) {
        s.at++; /* the @ */
        status = skip_domain(&s, &domain_size);
    }
    if (status == EMAIL_VALID && local_size + 1 + domain_size > EMAIL_ADDRESS_MAX) {
        return EMAIL_TOO_LONG;
    }
    return status;
}

const char *email_status_label(enum email_status status)
{
    static const char *const labels[] = {
#define EMAIL_STATUS_LABEL(name, label, sentence) [EMAIL_##name] = (label),
        EMAIL_STATUS_TABLE(EMAIL_STATUS_LABEL)
#undef EMAIL_STATUS_LABEL
    };
    return labels[status];
}

const char *email_status_sentence(enum email_status status)
{
    static const char *const sentences[] = {
#define EMAIL_STATUS_SENTENCE(name, label, sentence) [EMAIL_##name] = (sentence),
        EMAIL_STATUS_TABLE(EMAIL_STATUS_SENTENCE)
#undef EMAIL_STATUS_SENTENCE
    };
    return sentences[status];
}
