/*
 * idn - whether a text is the name of a host: LDH labels (RFC 1123 §2.1, RFC 5890 §2.3.1) and internationalized ones of IDNA 2008
 * (RFC 5891 §4 as a registry checks them, RFC 5892 with its contextual rules, RFC 5893), whose tables are libidn2's. What RFC 5895
 * maps (upper case, compatibility forms) is not mapped and so refused, but for the dots. Nothing is looked up.
 *
 * ASCII names without an A-label cost no memory, others some for each label while it is looked at; some 7 KiB of stack. Pure:
 * any thread.
 */
#ifndef PORTCULLIS_VALIDATE_IDN_H
#define PORTCULLIS_VALIDATE_IDN_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of a name without a dot at its end, and of a label, both as A-labels: RFC 1035 §2.3.4. */
#define IDN_NAME_MAX  253
#define IDN_LABEL_MAX 63

enum idn_status {
    IDN_VALID,
    IDN_EMPTY,     /* a label of no characters: no text, two dots in a row, a dot at an end */
    IDN_HYPHEN,    /* a label starts or ends with a hyphen, or has two from its third character on and is no A-label */
    IDN_CHARACTER, /* no letter, digit or hyphen; or no well-formed UTF-8 */
    IDN_A_LABEL,   /* "xn--" before what encodes no U-label, or not in the one form that does */
    IDN_U_LABEL,   /* a character that RFC 5892 does not allow, there or anywhere */
    IDN_BIDI,      /* a label breaks the rule of RFC 5893 §2 for names that have right-to-left labels */
    IDN_LABEL_TOO_LONG, /* more than IDN_LABEL_MAX octets */
    IDN_NAME_TOO_LONG,  /* more than IDN_NAME_MAX octets */
    IDN_NO_MEMORY
};

/* The first thing wrong with the name from the left; IDN_BIDI and IDN_NAME_TOO_LONG are told of the whole. Without `unicode`
 * the name is ASCII; with it U-labels are taken too, and the dots of other scripts between labels (RFC 3490 §3.1: U+3002, U+FF0E,
 * U+FF61). `text` need not end with a NUL, and may hold some. */
__attribute__((warn_unused_result)) enum idn_status idn_check(const char *text, size_t size, bool unicode);

#endif
