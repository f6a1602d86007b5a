/*
 * email_cases - addresses with what email_check() has to say of each, by category; and the letters that stand for options.
 */
#ifndef PORTCULLIS_UNIT_EMAIL_CASES_H
#define PORTCULLIS_UNIT_EMAIL_CASES_H

#include <stddef.h>

#include "validate/email.h"

struct email_case {
    const char *options; /* c comments, o obsolete, i international, g general literals, t require_tld, l legible */
    const char *text;
    size_t size;
    enum email_status expected;
};

struct email_category {
    const char *name;
    const struct email_case *cases;
    size_t count;
};

/* Ends with a category without a name. */
extern const struct email_category email_categories[];

#endif
