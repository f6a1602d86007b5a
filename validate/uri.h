/*
 * uri - URI references (RFC 3986): their syntax, and resolving them against a base. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_URI_H
#define PORTCULLIS_VALIDATE_URI_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is a URI reference (§4.1); with `absolute`, whether it is a URI, which has a scheme (§3). */
bool uri_valid(const char *text, size_t size, bool absolute);

/* The same for IRIs (RFC 3987 §2.2): characters beyond ASCII stand for themselves. The text is UTF-8. */
bool uri_valid_iri(const char *text, size_t size, bool absolute);

/* `reference` resolved against `base` (§5.2), which may be relative itself or empty; the fragment is the reference's. Both
 * end with a NUL. Returns owned, for free(); NULL without memory. */
__attribute__((warn_unused_result)) char *uri_resolve(const char *base, const char *reference);

#endif
