/*
 * uri_template - the syntax of URI templates (RFC 6570 §2), of all four levels. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_URI_TEMPLATE_H
#define PORTCULLIS_VALIDATE_URI_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text, which is UTF-8, is a URI template. */
bool uri_template_valid(const char *text, size_t size);

#endif
