/*
 * audit - see audit.h. Called by session loops, lobby and upgrade workers and the admin API's; the preparation by the thread that loads
 * a config.
 */
#include "server/audit.h"

#include <assert.h>
#include <string.h>

/* What keys are made of, besides the one in the file. */
#define USER_LABEL    "portcullis audit user\n"
#define ADDRESS_LABEL "portcullis audit address\n"

#define NO_TEXT "-"

/* ---- policy ---- */

static struct digest *make_digest(const char *label, const void *key, size_t key_size)
{
    return key != NULL && label != NULL ? digest_create_labelled(label, key, key_size) : digest_create(key, key_size);
}

bool audit_prepare(struct audit_policy *policy, const void *key, size_t key_size)
{
    const struct {
        bool wanted;
        const char *label;
        struct digest **digest_r;
    } all[] = {
        {policy->messages == AUDIT_MESSAGES_DIGEST, NULL, &policy->message_digest},
        {policy->users == AUDIT_NAMES_DIGEST, USER_LABEL, &policy->user_digest},
        {policy->addresses == AUDIT_NAMES_DIGEST, ADDRESS_LABEL, &policy->address_digest},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].wanted) {
            *all[i].digest_r = make_digest(all[i].label, key, key_size);
            good = good && *all[i].digest_r != NULL;
        }
    }
    return good;
}

void audit_release(struct audit_policy *policy)
{
    digest_destroy(&policy->message_digest);
    digest_destroy(&policy->user_digest);
    digest_destroy(&policy->address_digest);
}

/* The text, in `out`; NULL where there is no digest to be had. */
static const char *text_of(const struct digest *digest, const void *bytes, size_t size, char out[DIGEST_TEXT_SIZE])
{
    return digest != NULL && digest_of(digest, bytes, size, out) ? out : NULL;
}

static const char *digest_address(const struct audit_policy *policy, const struct address *address,
                                  char out[DIGEST_TEXT_SIZE])
{
    char text[ADDRESS_TEXT_SIZE];
    address_format(address, text);
    return text_of(policy->address_digest, text, strlen(text), out);
}

/* ---- lines ---- */

struct audit_field audit_plain(struct log_field field)
{
    return (struct audit_field){.kind = AUDIT_PLAIN, .field = field};
}

struct audit_field audit_peer(const struct address *address, uint16_t port)
{
    return (struct audit_field){
        .kind = AUDIT_ADDRESS, .field = log_str("peer", NULL), .address = address, .port = port};
}

struct audit_field audit_user(const char *name, const char *text)
{
    return (struct audit_field){.kind = AUDIT_USER, .field = log_str(name, text)};
}

struct audit_field audit_free(struct log_field field)
{
    return (struct audit_field){.kind = AUDIT_FREE, .field = field};
}

/* A line's fields as the log takes them, and the texts that they point to. */
struct writing {
    struct log_field fields[AUDIT_FIELDS_MAX];
    size_t count;
    char address[ADDRESS_TEXT_SIZE];
    char digests[AUDIT_DIGESTS_MAX][DIGEST_TEXT_SIZE];
    size_t digest_count;
};

static void add_address(struct writing *writing, const struct audit_policy *policy, const struct audit_field *from)
{
    const char *text;
    if (policy != NULL && policy->addresses == AUDIT_NAMES_DIGEST) {
        assert(writing->digest_count < AUDIT_DIGESTS_MAX);
        text = digest_address(policy, from->address, writing->digests[writing->digest_count++]);
    } else {
        text = address_format_port(from->address, from->port, writing->address);
    }
    writing->fields[writing->count++] = log_str(from->field.name, text);
}

static void add_user(struct writing *writing, const struct audit_policy *policy, const struct audit_field *from)
{
    const char *bytes = from->field.value.text.bytes;
    const size_t size = from->field.value.text.size;
    struct log_field field = from->field;
    if (policy != NULL && policy->users == AUDIT_NAMES_DIGEST && size > 0) {
        assert(writing->digest_count < AUDIT_DIGESTS_MAX);
        field =
            log_str(field.name, text_of(policy->user_digest, bytes, size, writing->digests[writing->digest_count++]));
    }
    writing->fields[writing->count++] = field;
}

/* `policy` is NULL for the main log. */
static void fill(struct writing *writing, const struct audit_policy *policy, const struct audit_field *fields,
                 size_t count)
{
    assert(count <= AUDIT_FIELDS_MAX);
    writing->count = 0;
    writing->digest_count = 0;
    for (size_t i = 0; i < count; i++) {
        switch (fields[i].kind) {
        case AUDIT_PLAIN:
            writing->fields[writing->count++] = fields[i].field;
            break;
        case AUDIT_ADDRESS:
            add_address(writing, policy, &fields[i]);
            break;
        case AUDIT_USER:
            add_user(writing, policy, &fields[i]);
            break;
        case AUDIT_FREE:
            if (policy == NULL || (policy->users == AUDIT_NAMES_PLAIN && policy->addresses == AUDIT_NAMES_PLAIN)) {
                writing->fields[writing->count++] = fields[i].field;
            }
            break;
        }
    }
}

void audit_write_file(struct log *log, const struct audit_policy *policy, const char *event,
                      const struct audit_field *fields, size_t count)
{
    if (log_has_audit(log)) {
        struct writing writing;
        fill(&writing, policy, fields, count);
        log_write_audit(log, event, writing.fields, writing.count);
    }
}

void audit_write(struct log *log, const struct audit_policy *policy, enum log_level level, const char *event,
                 const struct audit_field *fields, size_t count)
{
    if (log_enabled(log, level)) {
        struct writing writing;
        fill(&writing, NULL, fields, count);
        log_write(log, level, event, writing.fields, writing.count);
    }
    if (level > LOG_DEBUG) {
        audit_write_file(log, policy, event, fields, count);
    }
}

void audit_write_limited(struct log *log, const struct audit_policy *policy, enum log_level level, const char *event,
                         const char *key, const struct audit_field *fields, size_t count)
{
    const bool wanted = log_enabled(log, level) || (level > LOG_DEBUG && log_has_audit(log));
    if (wanted && log_admits(log, level, event, key)) {
        audit_write(log, policy, level, event, fields, count);
    }
}

/* ---- parts of a text ---- */

const char *audit_user_text(const struct audit_policy *policy, const char *user, char out[AUDIT_TEXT_SIZE])
{
    if (policy->users == AUDIT_NAMES_PLAIN || user[0] == '\0') {
        return user;
    }
    const char *text = text_of(policy->user_digest, user, strlen(user), out);
    return text != NULL ? text : NO_TEXT;
}

const char *audit_prefix_text(const struct audit_policy *policy, const struct prefix *prefix, char out[AUDIT_TEXT_SIZE])
{
    char plain[PREFIX_TEXT_SIZE];
    const bool whole = prefix->bits == 8 * sizeof(prefix->address.bytes);
    if (whole) {
        address_format(&prefix->address, plain);
    } else {
        prefix_format(prefix, plain);
    }
    if (policy->addresses == AUDIT_NAMES_PLAIN) {
        memcpy(out, plain, strlen(plain) + 1);
        return out;
    }
    const char *text = text_of(policy->address_digest, plain, strlen(plain), out);
    return text != NULL ? text : NO_TEXT;
}

/* ---- messages ---- */

size_t audit_message(struct log *log, const struct audit_policy *policy, uint64_t session, bool is_text, bool delivered,
                     const void *data, size_t size)
{
    if (policy->messages == AUDIT_MESSAGES_NONE || !log_has_audit(log)) {
        return 0;
    }
    char digest[DIGEST_TEXT_SIZE];
    const bool digested = policy->messages == AUDIT_MESSAGES_DIGEST;
    const struct log_field fields[] = {
        log_u64("session", session),
        log_str("direction", "in"),
        log_str("type", is_text ? "text" : "binary"),
        log_bool("delivered", delivered),
        log_u64("size", size),
        log_str("digest", digested ? text_of(policy->message_digest, data, size, digest) : NULL),
    };
    log_write_audit_bulk(log, "message", fields, sizeof(fields) / sizeof(fields[0]) - (digested ? 0 : 1));
    return digested ? size : 0;
}
