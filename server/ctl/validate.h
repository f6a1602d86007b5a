/*
 * validate - the two halves of `portcullisctl validate`: what is asked for (validate.c), and the messages (validate_input.c). One
 * thread.
 */
#ifndef PORTCULLIS_CTL_VALIDATE_H
#define PORTCULLIS_CTL_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "validate/json_bounds.h"
#include "validate/schema.h"
#include "validate/schema_format.h"

/* What messages are checked against. */
struct validation {
    const struct schema *schema;        /* NULL: texts are checked against the format alone */
    const struct schema *format_schema; /* asks for the format of messages that are strings; NULL: for none */
    enum schema_format format;
    const char *format_name;
    struct json_bounds bounds;
    bool lines; /* a message is a line, not a whole file; always without a schema */
    bool json;  /* answers are objects of JSON, one a line */
};

/* Checks what is in the files, "-" being standard input, and prints a verdict on each message, in order. Returns CTL_DONE when all
 * are valid, CTL_FAILED when one is not, CTL_USAGE when a file cannot be read, which has been reported. */
int ctl_validate_files(const struct validation *validation, char *const *names, size_t count);

#endif
