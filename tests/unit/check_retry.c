/*
 * check_retry - Retry-After: within its range, and each second of it as often as any other.
 */
#include <stdlib.h>

#include <check.h>

#include "runner.h"
#include "server/door/retry.h"

START_TEST(core_every_second_has_its_turn)
{
    enum { RANGE = RETRY_AFTER_MAX_S - RETRY_AFTER_MIN_S + 1, ROUNDS = 100 };
    unsigned seen[RANGE] = {0};
    unsigned last = 0;
    for (unsigned i = 0; i < RANGE * ROUNDS; i++) {
        unsigned seconds = retry_after_s();
        ck_assert_uint_ge(seconds, RETRY_AFTER_MIN_S);
        ck_assert_uint_le(seconds, RETRY_AFTER_MAX_S);
        ck_assert_uint_ne(seconds, last);
        last = seconds;
        seen[seconds - RETRY_AFTER_MIN_S]++;
    }
    for (int i = 0; i < RANGE; i++) {
        ck_assert_uint_eq(seen[i], ROUNDS);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retry");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_every_second_has_its_turn);
    suite_add_tcase(suite, core);
    return runner_run(suite);
}
