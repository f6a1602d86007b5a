/*
 * check_cause - each cause is complete: a label of its own, a sentence that fits a Close frame, a code a server may send.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/session/cause.h"

START_TEST(core_every_cause_is_complete)
{
    for (int i = 0; i < CAUSE_COUNT; i++) {
        enum cause cause = (enum cause)i;
        const char *label = cause_label(cause);
        ck_assert_uint_gt(strlen(label), 0);
        ck_assert_uint_eq(strspn(label, "abcdefghijklmnopqrstuvwxyz_"), strlen(label));
        ck_assert_uint_gt(strlen(cause_sentence(cause)), 0);
        ck_assert_msg(strlen(cause_sentence(cause)) <= WS_CLOSE_REASON_MAX, "%s: the sentence is too long", label);
        enum ws_close_code code = cause_close_code(cause);
        ck_assert(code == WS_CLOSE_NONE || ws_close_code_valid(code));
        /* Who does not read would not see a Close frame. */
        bool unread = cause == CAUSE_SLOW_CONSUMER;
        ck_assert_msg((code != WS_CLOSE_NONE) == (cause_side(cause) == CAUSE_SERVER && !unread),
                      "%s: a Close frame of its own is sent when, and only when, the server ends the session", label);
        for (int other = 0; other < i; other++) {
            ck_assert_str_ne(label, cause_label((enum cause)other));
        }
    }
}
END_TEST

START_TEST(core_sides_have_names)
{
    ck_assert_str_eq(cause_side_label(CAUSE_PEER), "client");
    ck_assert_str_eq(cause_side_label(CAUSE_SERVER), "server");
    ck_assert_str_eq(cause_side_label(CAUSE_NETWORK), "network");
}
END_TEST

/* What a peer is to blame for, and nothing that happens to it. */
START_TEST(core_offences)
{
    static const struct {
        enum cause cause;
        enum gate_offence kind;
    } offences[] = {
        {CAUSE_INVALID_MESSAGE, GATE_OFFENCE_INVALID_MESSAGES},
        {CAUSE_TOO_MANY_VIOLATIONS, GATE_OFFENCE_INVALID_MESSAGES},
        {CAUSE_MESSAGE_TOO_BIG, GATE_OFFENCE_INVALID_MESSAGES},
        {CAUSE_RATE_LIMITED, GATE_OFFENCE_MESSAGE_RATE},
        {CAUSE_PROTOCOL_ERROR, GATE_OFFENCE_PROTOCOL_ERROR},
        {CAUSE_INVALID_DATA, GATE_OFFENCE_PROTOCOL_ERROR},
        {CAUSE_BAD_COMPRESSION, GATE_OFFENCE_PROTOCOL_ERROR},
        {CAUSE_COMPRESSION_RATIO, GATE_OFFENCE_PROTOCOL_ERROR},
        {CAUSE_TOO_MANY_FRAGMENTS, GATE_OFFENCE_PROTOCOL_ERROR},
    };
    const size_t count = sizeof(offences) / sizeof(offences[0]);
    size_t found = 0;
    for (int cause = 0; cause < CAUSE_COUNT; cause++) {
        enum gate_offence kind;
        if (!cause_offence((enum cause)cause, &kind)) {
            continue;
        }
        found++;
        size_t i = 0;
        while (i < count && offences[i].cause != (enum cause)cause) {
            i++;
        }
        ck_assert_msg(i < count && offences[i].kind == kind, "%s", cause_label((enum cause)cause));
    }
    ck_assert_uint_eq(found, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cause");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_every_cause_is_complete);
    tcase_add_test(core, core_sides_have_names);
    tcase_add_test(core, core_offences);
    suite_add_tcase(suite, core);
    return runner_run(suite);
}
