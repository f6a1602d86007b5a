/*
 * idn - names of hosts, label by label. Called by schema_format and by whoever judges domains; any thread.
 *
 * libidn2 judges one U-label at a time: an A-label is decoded, judged, and must be what the U-label encodes to. What RFC 5893 asks
 * of the other labels of a name with right-to-left ones is asked here, by libunistring's bidirectional categories.
 */
#include "validate/idn.h"

#include <stdint.h>
#include <string.h>

#include <idn2.h>
#include <unictype.h>
#include <unistr.h>

#include "validate/utf8.h"

/* A label of 63 octets with "xn--" encodes at most 59 characters, of 4 octets each. */
#define U_LABEL_SIZE_MAX ((size_t)59 * 4)

/* A longer text is no name, whatever the dots between its labels take. */
#define TEXT_SIZE_MAX ((size_t)IDN_NAME_MAX * 4)

#define PREFIX      "xn--"
#define PREFIX_SIZE 4

struct name {
    size_t size;        /* of the labels so far and the dots behind them, as A-labels */
    bool right_to_left; /* a label is: it has characters of the category R, AL or AN */
    bool unruly;        /* a label is not, and does not fit among some that are */
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* The octets of a dot at `text`, or 0. */
static size_t dot_size(const char *text, size_t size, bool unicode)
{
    static const char *const dots[] = {"\xE3\x80\x82", "\xEF\xBC\x8E", "\xEF\xBD\xA1"};
    if (text[0] == '.') {
        return 1;
    }
    for (size_t i = 0; unicode && i < sizeof(dots) / sizeof(dots[0]); i++) {
        if (size >= 3 && memcmp(text, dots[i], 3) == 0) {
            return 3;
        }
    }
    return 0;
}

static bool is_right_to_left(int category)
{
    return category == UC_BIDI_R || category == UC_BIDI_AL || category == UC_BIDI_AN;
}

/* What the label says about the direction of the name (RFC 5893 §2). libidn2 has checked conditions 1 to 6 of labels that are
 * right to left, but not the 4th. Of the others, 1 and 6 are left: IDNA allows no character that 5 does not. */
static enum idn_status check_direction(struct name *name, const uint8_t *text, size_t size)
{
    int first = UC_BIDI_NSM;
    int last = UC_BIDI_NSM;
    bool right_to_left = false;
    bool european = false;
    bool arabic = false;
    for (size_t at = 0; at < size;) {
        ucs4_t character = 0;
        const int step = u8_mbtouc(&character, text + at, size - at);
        const int category = uc_bidi_category(character);
        right_to_left = right_to_left || is_right_to_left(category);
        european = european || category == UC_BIDI_EN;
        arabic = arabic || category == UC_BIDI_AN;
        first = at == 0 ? category : first;
        last = category != UC_BIDI_NSM ? category : last;
        at += (size_t)step;
    }
    if (right_to_left) {
        name->right_to_left = true;
        return european && arabic ? IDN_BIDI : IDN_VALID;
    }
    name->unruly = name->unruly || first != UC_BIDI_L || (last != UC_BIDI_L && last != UC_BIDI_EN);
    return IDN_VALID;
}

static enum idn_status status_of(int result)
{
    switch (result) {
    case IDN2_OK:
        return IDN_VALID;
    case IDN2_MALLOC:
        return IDN_NO_MEMORY;
    case IDN2_BIDI:
        return IDN_BIDI;
    case IDN2_2HYPHEN:
    case IDN2_HYPHEN_STARTEND:
        return IDN_HYPHEN;
    case IDN2_PUNYCODE_BIG_OUTPUT:
    case IDN2_TOO_BIG_LABEL:
        return IDN_LABEL_TOO_LONG;
    default: /* the many reasons why a character may not be there */
        return IDN_U_LABEL;
    }
}

/* `label` ends with a NUL. What it encodes to is written to a_label_r, which has IDN_LABEL_MAX + 1 octets. */
static enum idn_status check_u_label(struct name *name, const uint8_t *label, char *a_label_r)
{
    const size_t size = strlen((const char *)label);
    uint8_t *a_label = NULL;
    if (size == 0 || label[0] == '-' || label[size - 1] == '-') {
        return IDN_HYPHEN;
    }
    const enum idn_status status = status_of(idn2_register_u8(label, NULL, &a_label, 0));
    if (status != IDN_VALID) {
        return status;
    }
    const size_t encoded = strlen((const char *)a_label);
    if (encoded <= IDN_LABEL_MAX) {
        memcpy(a_label_r, a_label, encoded + 1);
    }
    idn2_free(a_label);
    return encoded <= IDN_LABEL_MAX ? check_direction(name, label, size) : IDN_LABEL_TOO_LONG;
}

static enum idn_status check_unicode(struct name *name, const char *text, size_t size)
{
    uint8_t label[U_LABEL_SIZE_MAX + 1];
    char a_label[IDN_LABEL_MAX + 1];
    if (size > U_LABEL_SIZE_MAX) {
        return IDN_LABEL_TOO_LONG;
    }
    if (memchr(text, '\0', size) != NULL || !utf8_valid((const uint8_t *)text, size)) {
        return IDN_CHARACTER;
    }
    memcpy(label, text, size);
    label[size] = '\0';
    const enum idn_status status = check_u_label(name, label, a_label);
    name->size += status == IDN_VALID ? strlen(a_label) : 0;
    return status;
}

/* RFC 5891 §5.4: `label` is in lower case, starts with the prefix and ends with a NUL. */
static enum idn_status check_a_label(struct name *name, const char *label)
{
    char a_label[IDN_LABEL_MAX + 1];
    char *decoded = NULL;
    const int result = idn2_to_unicode_8z8z(label, &decoded, 0);
    if (result != IDN2_OK) {
        return result == IDN2_MALLOC ? IDN_NO_MEMORY : IDN_A_LABEL;
    }
    enum idn_status status = IDN_A_LABEL;
    if (!is_ascii(decoded, strlen(decoded))) {
        status = check_u_label(name, (const uint8_t *)decoded, a_label);
    }
    idn2_free(decoded);
    return status == IDN_VALID && strcmp(a_label, label) != 0 ? IDN_A_LABEL : status;
}

static enum idn_status check_ascii(struct name *name, const char *text, size_t size)
{
    char label[IDN_LABEL_MAX + 1];
    for (size_t i = 0; i < size; i++) {
        if (!is_letter(text[i]) && (text[i] < '0' || text[i] > '9') && text[i] != '-') {
            return IDN_CHARACTER;
        }
        if (i < IDN_LABEL_MAX) {
            label[i] = lower(text[i]);
        }
    }
    if (size > IDN_LABEL_MAX) {
        return IDN_LABEL_TOO_LONG;
    }
    label[size] = '\0';
    name->size += size;
    if (size > PREFIX_SIZE && memcmp(label, PREFIX, PREFIX_SIZE) == 0) {
        return label[size - 1] == '-' ? IDN_A_LABEL : check_a_label(name, label);
    }
    if (label[0] == '-' || label[size - 1] == '-' || (size >= 4 && label[2] == '-' && label[3] == '-')) {
        return IDN_HYPHEN;
    }
    /* It ends with a letter or a digit, and that is how such a label has to end; but a digit may not be the first. */
    name->unruly = name->unruly || !is_letter(label[0]);
    return IDN_VALID;
}

static enum idn_status check_label(struct name *name, const char *text, size_t size, bool unicode)
{
    if (size == 0) {
        return IDN_EMPTY;
    }
    if (is_ascii(text, size)) {
        return check_ascii(name, text, size);
    }
    return unicode ? check_unicode(name, text, size) : IDN_CHARACTER;
}

enum idn_status idn_check(const char *text, size_t size, bool unicode)
{
    struct name name = {0};
    if (size > TEXT_SIZE_MAX) {
        return IDN_NAME_TOO_LONG;
    }
    for (size_t start = 0; start <= size;) {
        size_t end = start;
        size_t dot = 0;
        while (end < size && (dot = dot_size(text + end, size - end, unicode)) == 0) {
            end++;
        }
        const enum idn_status status = check_label(&name, text + start, end - start, unicode);
        if (status != IDN_VALID) {
            return status;
        }
        name.size += dot > 0 ? 1 : 0;
        start = dot > 0 ? end + dot : size + 1;
    }
    if (name.size > IDN_NAME_MAX) {
        return IDN_NAME_TOO_LONG;
    }
    return name.right_to_left && name.unruly ? IDN_BIDI : IDN_VALID;
}
