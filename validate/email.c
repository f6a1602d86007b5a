/*
 * email - the grammar of addresses as a scanner that goes from left to right once. Called by whoever checks text from outside; any
 * thread.
 *
 * Each function below reads one element at the scanner's place and leaves the place behind it. What is wrong ends the scan.
 */
#include "validate/email.h"

#include <stdint.h>
#include <string.h>

#include "validate/email_literal.h"
#include "validate/utf8.h"

struct scanner {
    const uint8_t *at;
    const uint8_t *end;
    const struct email_options *options;
};

/* What is between two elements. */
struct gap {
    bool present;
    bool obsolete; /* more than one end of line in a row: obs-FWS, RFC 5322 §4.2 */
};

static bool at_end(const struct scanner *s)
{
    return s->at == s->end;
}

/* The byte at the scanner's place. 0 at the end, where no caller looks for a NUL. */
static uint8_t peek(const struct scanner *s)
{
    return at_end(s) ? 0 : *s->at;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_control(uint8_t byte)
{
    return byte < ' ' || byte == 0x7F;
}

/* obs-NO-WS-CTL, RFC 5322 §4.1: neither NUL nor white space nor a part of an end of line. */
static bool is_old_control(uint8_t byte)
{
    return is_control(byte) && byte != '\0' && byte != '\t' && byte != '\n' && byte != '\r';
}

/* Octets of UTF-8 come here only when options let them. */
static bool is_beyond_ascii(uint8_t byte)
{
    return byte >= 0x80;
}

/* RFC 5322 §3.2.3, RFC 6531 §3.3 */
static bool is_atom_text(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte) || is_beyond_ascii(byte) ||
           (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* White space with at most one end of line within (obsolete: with several): RFC 5322 §3.2.2, and §4.2 as its erratum 1908 has it. */
static enum email_status skip_white(struct scanner *s, struct gap *gap)
{
    unsigned lines = 0;
    while (is_white(peek(s)) || peek(s) == '\r') {
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

/* What follows a backslash: RFC 5322 §3.2.1 and §4.1. */
static enum email_status skip_escaped(struct scanner *s, enum email_status unfinished, enum email_status unfit)
{
    s->at++;
    if (at_end(s)) {
        return unfinished;
    }
    const uint8_t byte = *s->at;
    if (is_beyond_ascii(byte)) {
        return unfit; /* RFC 6531 leaves quoted-pair as it was */
    }
    const bool may_be = !is_control(byte) || (byte == '\t' && s->options->comments);
    if (!may_be && !s->options->obsolete) {
        return unfit;
    }
    s->at++;
    return EMAIL_VALID;
}

static enum email_status skip_comment_text(struct scanner *s)
{
    if (*s->at == '\\') {
        return skip_escaped(s, EMAIL_COMMENT_OPEN, EMAIL_COMMENT_CHARACTER);
    }
    if (is_control(*s->at) && !(s->options->obsolete && is_old_control(*s->at))) {
        return *s->at == '\n' ? EMAIL_FOLDING : EMAIL_COMMENT_CHARACTER;
    }
    s->at++;
    return EMAIL_VALID;
}

/* RFC 5322 §3.2.2. Comments nest; their depth is bounded by the size of the text. */
static enum email_status skip_comment(struct scanner *s, struct gap *gap)
{
    size_t depth = 0;
    do {
        enum email_status status = skip_white(s, gap);
        if (status == EMAIL_VALID && at_end(s)) {
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

/* CFWS, where there may be some. */
static enum email_status skip_gap(struct scanner *s, struct gap *gap_r)
{
    struct gap gap = {0};
    enum email_status status = EMAIL_VALID;
    while (status == EMAIL_VALID && (is_white(peek(s)) || peek(s) == '\r' || peek(s) == '(')) {
        const bool comment = *s->at == '(';
        gap.present = true;
        if (!s->options->comments) {
            return comment ? EMAIL_COMMENT : *s->at == '\r' ? EMAIL_CONTROL : EMAIL_WHITE_SPACE;
        }
        status = comment ? skip_comment(s, &gap) : skip_white(s, &gap);
    }
    if (status == EMAIL_VALID && gap.obsolete && !s->options->obsolete) {
        return EMAIL_OBSOLETE;
    }
    *gap_r = gap;
    return status;
}

/* One character between quotes: RFC 5321 §4.1.2 (QcontentSMTP), RFC 5322 §4.1 (obs-qtext). */
static enum email_status skip_quoted_text(struct scanner *s)
{
    const uint8_t byte = *s->at;
    if (byte == '\\') {
        return skip_escaped(s, EMAIL_QUOTE_OPEN, EMAIL_QUOTE_CHARACTER);
    }
    if (s->options->comments && (byte == '\t' || byte == '\r')) {
        struct gap gap = {0};
        const enum email_status status = skip_white(s, &gap);
        return status == EMAIL_VALID && gap.obsolete && !s->options->obsolete ? EMAIL_OBSOLETE : status;
    }
    if (is_control(byte) && !(s->options->obsolete && is_old_control(byte))) {
        return EMAIL_QUOTE_CHARACTER;
    }
    s->at++;
    return EMAIL_VALID;
}

static enum email_status skip_quoted(struct scanner *s)
{
    s->at++;
    while (!at_end(s) && *s->at != '"') {
        const enum email_status status = skip_quoted_text(s);
        if (status != EMAIL_VALID) {
            return status;
        }
    }
    if (at_end(s)) {
        return EMAIL_QUOTE_OPEN;
    }
    s->at++;
    return EMAIL_VALID;
}

/* Why the local part's next word cannot start here. */
static enum email_status no_word(const struct scanner *s, bool first)
{
    if (at_end(s)) {
        return EMAIL_NO_AT;
    }
    if (*s->at == '.') {
        return first ? EMAIL_LOCAL_DOT_FIRST : EMAIL_LOCAL_DOTS;
    }
    if (*s->at == '@') {
        return first ? EMAIL_LOCAL_EMPTY : EMAIL_LOCAL_DOT_LAST;
    }
    return is_control(*s->at) ? EMAIL_CONTROL : EMAIL_LOCAL_CHARACTER;
}

/* An atom or a quoted string. */
static enum email_status skip_word(struct scanner *s, bool first, bool *quoted_r)
{
    *quoted_r = peek(s) == '"';
    if (*quoted_r) {
        return skip_quoted(s);
    }
    if (at_end(s) || !is_atom_text(*s->at)) {
        return no_word(s, first);
    }
    while (!at_end(s) && is_atom_text(*s->at)) {
        s->at++;
    }
    return EMAIL_VALID;
}

/* What is behind a word, and is neither a dot nor the @ nor the end. */
static enum email_status bad_local_rest(const struct scanner *s, bool quoted, const struct gap *gap)
{
    if (is_control(*s->at)) {
        return EMAIL_CONTROL;
    }
    return quoted || gap->present ? EMAIL_TEXT_AFTER : EMAIL_LOCAL_CHARACTER;
}

/* Up to the @. Words with quotes and gaps are obsolete where there is more than one word: RFC 5322 §4.4. */
static enum email_status skip_local(struct scanner *s, size_t *size_r)
{
    size_t size = 0;
    bool obsolete = false;
    bool any_quoted = false;
    for (size_t words = 1;; words++) {
        struct gap before;
        struct gap after;
        bool quoted = false;
        enum email_status status = skip_gap(s, &before);
        const uint8_t *word = s->at;
        if (status == EMAIL_VALID) {
            status = skip_word(s, words == 1, &quoted);
        }
        size += (size_t)(s->at - word);
        if (status == EMAIL_VALID) {
            status = skip_gap(s, &after);
        }
        if (status != EMAIL_VALID) {
            return status;
        }
        any_quoted = any_quoted || quoted;
        obsolete = obsolete || (words > 1 && (any_quoted || before.present));
        if (at_end(s)) {
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
static enum email_status no_label(const struct scanner *s, bool first)
{
    if (at_end(s)) {
        return first ? EMAIL_DOMAIN_EMPTY : EMAIL_DOMAIN_DOT_LAST;
    }
    if (*s->at == '.') {
        return first ? EMAIL_DOMAIN_DOT_FIRST : EMAIL_DOMAIN_DOTS;
    }
    if (*s->at == '@') {
        return EMAIL_SECOND_AT;
    }
    return is_control(*s->at) ? EMAIL_CONTROL : EMAIL_DOMAIN_CHARACTER;
}

/* sub-domain, RFC 5321 §4.1.2. */
static enum email_status skip_label(struct scanner *s, bool first, bool *numeric_r)
{
    const uint8_t *label = s->at;
    bool numeric = true;
    while (!at_end(s) && (is_letter(*s->at) || is_digit(*s->at) || *s->at == '-' || is_beyond_ascii(*s->at))) {
        numeric = numeric && is_digit(*s->at);
        s->at++;
    }
    if (s->at == label) {
        return no_label(s, first);
    }
    if (label[0] == '-' || s->at[-1] == '-') {
        return EMAIL_DOMAIN_HYPHEN;
    }
    *numeric_r = numeric;
    return s->at - label > EMAIL_LABEL_MAX ? EMAIL_LABEL_TOO_LONG : EMAIL_VALID;
}

/* What is behind a label, and is neither a dot nor the end. */
static enum email_status bad_domain_rest(const struct scanner *s, const struct gap *gap)
{
    if (*s->at == '@') {
        return EMAIL_SECOND_AT;
    }
    if (is_control(*s->at)) {
        return EMAIL_CONTROL;
    }
    return gap->present ? EMAIL_TEXT_AFTER : EMAIL_DOMAIN_CHARACTER;
}

static enum email_status check_tld(size_t labels, bool numeric)
{
    return labels == 1 ? EMAIL_TLD_MISSING : numeric ? EMAIL_TLD_NUMERIC : EMAIL_VALID;
}

/* Up to the end. `before` is the gap in front of the first label. */
static enum email_status skip_name(struct scanner *s, size_t *size_r)
{
    size_t size = 0;
    bool obsolete = false;
    bool numeric = false;
    size_t labels = 1;
    for (;; labels++) {
        struct gap before = {0};
        struct gap after;
        enum email_status status = labels > 1 ? skip_gap(s, &before) : EMAIL_VALID;
        const uint8_t *label = s->at;
        if (status == EMAIL_VALID) {
            status = skip_label(s, labels == 1, &numeric);
        }
        size += (size_t)(s->at - label);
        if (status == EMAIL_VALID) {
            status = skip_gap(s, &after);
        }
        if (status != EMAIL_VALID) {
            return status;
        }
        obsolete = obsolete || before.present;
        if (at_end(s)) {
            break;
        }
        if (*s->at != '.') {
            return bad_domain_rest(s, &after);
        }
        obsolete = obsolete || after.present;
        s->at++;
        size++;
    }
    if (obsolete && !s->options->obsolete) {
        return EMAIL_OBSOLETE;
    }
    *size_r = size;
    return size > EMAIL_DOMAIN_MAX   ? EMAIL_DOMAIN_TOO_LONG
           : s->options->require_tld ? check_tld(labels, numeric)
                                     : EMAIL_VALID;
}

static enum email_status skip_bracketed(struct scanner *s, size_t *size_r)
{
    const uint8_t *open = s->at;
    struct gap after;
    size_t content_size = 0;
    enum email_status status =
        email_literal_check(open + 1, (size_t)(s->end - open) - 1, s->options->general_literals, &content_size);
    if (status != EMAIL_VALID) {
        return status;
    }
    *size_r = content_size + 2; /* the brackets */
    s->at += *size_r;
    status = skip_gap(s, &after);
    if (status != EMAIL_VALID || at_end(s)) {
        return status;
    }
    return *s->at == '@' ? EMAIL_SECOND_AT : is_control(*s->at) ? EMAIL_CONTROL : EMAIL_TEXT_AFTER;
}

static enum email_status skip_domain(struct scanner *s, size_t *size_r)
{
    struct gap before;
    const enum email_status status = skip_gap(s, &before);
    if (status != EMAIL_VALID) {
        return status;
    }
    return peek(s) == '[' ? skip_bracketed(s, size_r) : skip_name(s, size_r);
}

/* Of the characters beyond ASCII, those that nobody sees, that turn text round or that pass for a space or a dot: an address of them
 * would be read as another one. None may be in a U-label (RFC 5892); RFC 6531 would let them into local parts. */
static bool is_deceptive(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x0080, 0x00A0},   /* controls, no-break space */
        {0x00AD, 0x00AD},   /* soft hyphen */
        {0x061C, 0x061C},   /* Arabic letter mark */
        {0x1680, 0x1680},   /* Ogham space */
        {0x180E, 0x180E},   /* Mongolian vowel separator */
        {0x2000, 0x200B},   /* spaces; the joiners behind them are part of some scripts */
        {0x200E, 0x200F},   /* marks of direction */
        {0x2024, 0x2024},   /* one dot leader */
        {0x2028, 0x202F},   /* separators, embeddings and overrides */
        {0x205F, 0x206F},   /* mathematical space, invisible operators, isolates */
        {0x3000, 0x3000},   /* ideographic space */
        {0x3002, 0x3002},   /* ideographic full stop: a dot to IDNA2003 */
        {0xE000, 0xF8FF},   /* private use */
        {0xFDD0, 0xFDEF},   /* noncharacters */
        {0xFEFF, 0xFEFF},   /* byte order mark */
        {0xFF0E, 0xFF0E},   /* fullwidth full stop */
        {0xFF61, 0xFF61},   /* halfwidth ideographic full stop */
        {0xFFF0, 0xFFFB},   /* unassigned, interlinear annotations */
        {0xE0000, 0xE0FFF}, /* tags, and what is to be ignored */
        {0xF0000, 0x10FFFF} /* private use */
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (point >= ranges[i].first && point <= ranges[i].last) {
            return true;
        }
    }
    return (point & 0xFFFE) == 0xFFFE; /* the last two of each plane are noncharacters */
}

/* The code point at the place of a character in well-formed UTF-8. */
static uint32_t take_character(const uint8_t **at)
{
    static const uint8_t lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
    const uint8_t lead = *(*at)++;
    const unsigned tails = (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0);
    uint32_t point = lead & lead_bits[tails];
    for (unsigned i = 0; i < tails; i++) {
        point = point << 6 | (*(*at)++ & 0x3F);
    }
    return point;
}

static enum email_status check_international(const uint8_t *bytes, size_t size)
{
    if (!utf8_valid(bytes, size)) {
        return EMAIL_BAD_UTF8;
    }
    const uint8_t *end = bytes + size;
    while (bytes < end) {
        if (is_deceptive(take_character(&bytes))) {
            return EMAIL_CHARACTER;
        }
    }
    return EMAIL_VALID;
}

static enum email_status check_characters(const uint8_t *bytes, size_t size, bool international)
{
    if (international) {
        return check_international(bytes, size);
    }
    for (size_t i = 0; i < size; i++) {
        if (is_beyond_ascii(bytes[i])) {
            return EMAIL_NOT_ASCII;
        }
    }
    return EMAIL_VALID;
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
    struct scanner s = {(const uint8_t *)text, (const uint8_t *)text + size, options != NULL ? options : &defaults};
    size_t local_size = 0;
    size_t domain_size = 0;
    enum email_status status = check_characters(s.at, size, s.options->international);
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
