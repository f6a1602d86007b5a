/*
 * origin - whether the web page that a browser makes a request for may do so (RFC 6455 §10.2, RFC 6454).
 *
 * Browsers let any page open a WebSocket to any server and send its cookies along; the Origin field is what tells the server
 * whose page it is. Pure functions: any thread.
 */
#ifndef PORTCULLIS_DOOR_ORIGIN_H
#define PORTCULLIS_DOOR_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

enum origin_verdict {
    ORIGIN_ABSENT,    /* no browser: nothing to be protected from */
    ORIGIN_SAME,      /* scheme, host and port are those of this request */
    ORIGIN_LISTED,    /* on the endpoint's list */
    ORIGIN_MALFORMED, /* not one origin */
    ORIGIN_FOREIGN,   /* "null" among them */
};

/*
 * `origin` is the field's value, NULL when absent; `host` that of the Host field; `tls` whether the request came over TLS, which
 * makes its own origin https instead of http (WebSocket pages have the scheme of their page, not ws).
 *
 * Entries of `listed` are as the config has them (syntax_origin()): origins with "*." for one or more labels in front of the host, "null",
 * or "*" for whatever there is. Hosts are compared without case, as RFC 6454 §4 wants; "example.com." is another host than "example.com",
 * as it is for browsers; IPv6 addresses are compared as addresses. A default port is the same as none.
 */
enum origin_verdict __attribute__((warn_unused_result))
origin_check(const char *origin, const char *host, bool tls, const char *const *listed, size_t count);

bool origin_admits(enum origin_verdict verdict);

#endif
