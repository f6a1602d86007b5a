/*
 * check_close - every close code there can be, against the registry's list written out once more.
 */
#include <stdlib.h>

#include <check.h>

#include "runner.h"
#include "server/ws/close.h"

struct range {
    unsigned first;
    unsigned last;
    bool valid;
};

/* RFC 6455 §7.4.1, §7.4.2 and the IANA registry, without a gap from 0 to the largest value of two bytes. */
static const struct range ranges[] = {
    {0, 999, false},     {1000, 1003, true}, {1004, 1006, false},  {1007, 1014, true},
    {1015, 2999, false}, {3000, 4999, true}, {5000, 65535, false},
};

START_TEST(core_each_code)
{
    unsigned expected_first = 0;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        ck_assert_uint_eq(ranges[i].first, expected_first);
        for (unsigned code = ranges[i].first; code <= ranges[i].last; code++) {
            if (ws_close_code_valid(code) != ranges[i].valid) {
                ck_abort_msg("code %u", code);
            }
        }
        expected_first = ranges[i].last + 1;
    }
    ck_assert_uint_eq(expected_first, 65536);
}
END_TEST

START_TEST(limits_past_two_bytes)
{
    ck_assert(!ws_close_code_valid(65536 + 1000));
    ck_assert(!ws_close_code_valid(UINT32_MAX));
}
END_TEST

/* What the server itself sends must be sendable, and what is never on the wire must not be. */
START_TEST(core_named_codes)
{
    static const enum ws_close_code sent[] = {
        WS_CLOSE_NORMAL,          WS_CLOSE_GOING_AWAY, WS_CLOSE_PROTOCOL_ERROR,  WS_CLOSE_UNSUPPORTED_DATA,
        WS_CLOSE_INVALID_DATA,    WS_CLOSE_POLICY,     WS_CLOSE_TOO_BIG,         WS_CLOSE_INTERNAL,
        WS_CLOSE_SERVICE_RESTART, WS_CLOSE_TRY_AGAIN,  WS_CLOSE_UNAUTHENTICATED, WS_CLOSE_FORBIDDEN,
        WS_CLOSE_DEADLINE,        WS_CLOSE_REVOKED,    WS_CLOSE_RATE_LIMIT,
    };
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        ck_assert_msg(ws_close_code_valid(sent[i]), "code %u", (unsigned)sent[i]);
    }
    ck_assert(!ws_close_code_valid(WS_CLOSE_NONE));
    ck_assert(!ws_close_code_valid(WS_CLOSE_NO_STATUS));
    ck_assert(!ws_close_code_valid(WS_CLOSE_ABNORMAL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("close");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_each_code);
    tcase_add_test(core, core_named_codes);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_past_two_bytes);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
