/*
 * extension - Sec-WebSocket-Extensions (RFC 6455 §9.1), and permessage-deflate negotiated by RFC 7692 §5 and §7.1. Pure
 * functions: any thread.
 */
#ifndef PORTCULLIS_WS_EXTENSION_H
#define PORTCULLIS_WS_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

/* Bounds of a field value, which is otherwise only as long as a request head may be. */
#define EXTENSION_OFFER_MAX     32 /* elements of the list, empty ones counted */
#define EXTENSION_PARAMETER_MAX 32 /* of one offer */

#define EXTENSION_ANSWER_SIZE 160 /* bytes of the longest answer and its NUL: 129 */

/* LZ77 windows are given as RFC 7692 does, as the base-2 logarithm of their bytes. */
#define EXTENSION_WINDOW_BITS_MIN 8
#define EXTENSION_WINDOW_BITS_MAX 15

/* What the server is willing to agree to. */
struct extension_policy {
    bool enabled;
    bool server_takeover;       /* whether our compressor may keep its window from message to message */
    bool client_takeover;       /* whether the client's may */
    uint8_t server_window_bits; /* the largest window of ours, 8 to 15 */
    uint8_t client_window_bits; /* of the client's, 8 to 15: its memory is ours, too, as it is needed to inflate */
};

/* What was agreed upon. All members but `deflate` matter only when that is set. */
struct extension_agreed {
    bool deflate; /* messages may be compressed, in both directions */
    bool server_takeover;
    bool client_takeover;
    uint8_t server_window_bits;
    uint8_t client_window_bits;
};

/*
 * Negotiates on the field's value, NUL-terminated, NULL when absent.
 *
 * The offers are tried in the client's order (its preference, RFC 7692 §5.1) and the first that can be agreed upon is
 * taken. One with a parameter that is unknown, repeated, without the value it needs, with one it must not have or with
 * a value out of range is declined (§7); so is any other extension. When none is left there is no extension, and the
 * handshake goes on. Names are compared with case.
 *
 * False when the value breaks the ABNF of RFC 6455 §9.1 or the bounds above, wherever in it: the answer is then a 400.
 * Otherwise *agreed_r says what was agreed upon and `answer` is the value of the answer's Sec-WebSocket-Extensions, ""
 * for none.
 */
bool __attribute__((warn_unused_result))
extension_negotiate(const char *offers, const struct extension_policy *policy, struct extension_agreed *agreed_r,
                    char answer[EXTENSION_ANSWER_SIZE]);

#endif
