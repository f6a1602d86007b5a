/*
 * rules - what an endpoint asks of one message: text or binary, size, JSON within bounds, a schema.
 *
 * Bytes in, verdict out. Rates want a clock and are the session's (server/session/validation.c). Pure: any thread, each with
 * a scratch of its own.
 */
#ifndef PORTCULLIS_VALIDATE_RULES_H
#define PORTCULLIS_VALIDATE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "validate/json_bounds.h"
#include "validate/schema.h"

enum rules_type { RULES_ANY, RULES_TEXT, RULES_BINARY };

/* What is 0, false or NULL is not asked for. */
struct rules {
    enum rules_type type;
    size_t max_size;             /* bytes of a message */
    bool json;                   /* text messages are JSON (RFC 8259) within `bounds`; a schema implies it */
    struct json_bounds bounds;   /* max_size and max_depth are filled in */
    const struct schema *schema; /* of text messages; borrowed */
};

/* Name, label for clients, logs and metrics, sentence for people where there is no better one. */
#define VIOLATION_TABLE(X)                                                                        \
    X(NONE, "none", "The message keeps the rules.")                                               \
    X(NOT_TEXT, "not_text", "Messages here are text.")                                            \
    X(NOT_BINARY, "not_binary", "Messages here are binary.")                                      \
    X(TOO_LARGE, "too_large", "The message is larger than messages here may be.")                 \
    X(NOT_JSON, "not_json", "The message is not JSON.")                                           \
    X(JSON_BOUNDS, "json_bounds", "The JSON exceeds a bound, or could be read in two ways.")      \
    X(NUMBER_RANGE, "number_range", "A number is out of range.")                                  \
    X(SCHEMA, "schema", "The message is not what the schema asks for.")                           \
    X(MESSAGE_RATE, "message_rate", "There are more messages a second than messages_per_second.") \
    X(BYTE_RATE, "byte_rate", "There are more bytes a second than bytes_per_second.")             \
    X(NO_MEMORY, "no_memory", "There is no memory to check the message.") /* the server's own fault */

enum violation_code {
#define VIOLATION_NAME(name, label, sentence) VIOLATION_##name,
    VIOLATION_TABLE(VIOLATION_NAME)
#undef VIOLATION_NAME
};
#define VIOLATION_ONE_(name, label, sentence) +1
enum { VIOLATION_COUNT = 0 VIOLATION_TABLE(VIOLATION_ONE_) };
#undef VIOLATION_ONE_

struct violation {
    enum violation_code code;
    /* path: JSON pointer, "" for the message as a whole; keyword: of the schema, or a label of json_bounds.h, or NULL; sentence:
     * whole, for people. None of it quotes values of the message; names of its members may stand in the path. */
    struct schema_error error;
};

/* Whether the message keeps all rules but rates; if not, *violation_r says which it broke first. `text`: it is a text message,
 * which a session has found to be UTF-8. `scratch` may be NULL where there is no schema. Of binary messages where JSON is asked
 * for it is said that they are no text. VIOLATION_NO_MEMORY: it could not be checked. */
__attribute__((warn_unused_result)) bool rules_check(const struct rules *rules, bool text, const uint8_t *bytes,
                                                     size_t size, struct schema_scratch *scratch,
                                                     struct violation *violation_r);

/* One with the sentence of its code. */
void violation_set(struct violation *violation, enum violation_code code);

/* Static text. */
const char *violation_label(enum violation_code code);
const char *violation_sentence(enum violation_code code);

#endif
