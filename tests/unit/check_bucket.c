/*
 * check_bucket - token buckets: refill, precision, and clocks that misbehave.
 */
#include <check.h>
#include <stdlib.h>

#include "runner.h"
#include "server/gate/bucket.h"

/* How many tokens can be taken at once. */
static unsigned drain(struct bucket *bucket, const struct bucket_limit *limit, uint64_t now_ms)
{
    unsigned taken = 0;
    while (taken < 100000 && bucket_take(bucket, limit, now_ms)) {
        taken++;
    }
    return taken;
}

START_TEST(core_burst_then_rate)
{
    struct bucket_limit limit = bucket_limit_of(10, 5);
    struct bucket bucket = bucket_full(1000);
    ck_assert_uint_eq(drain(&bucket, &limit, 1000), 5);
    ck_assert(!bucket_take(&bucket, &limit, 1099));
    ck_assert(bucket_take(&bucket, &limit, 1100));
    ck_assert(!bucket_take(&bucket, &limit, 1100));
    ck_assert_uint_eq(drain(&bucket, &limit, 1450), 3); /* and half a token */
    ck_assert(!bucket_take(&bucket, &limit, 1499));
    ck_assert(bucket_take(&bucket, &limit, 1500));
    ck_assert_uint_eq(drain(&bucket, &limit, 1000000), 5); /* never more than the burst */
}
END_TEST

START_TEST(core_no_limit)
{
    struct bucket_limit limit = bucket_limit_of(0, 3);
    struct bucket bucket = bucket_full(0);
    ck_assert_uint_eq(drain(&bucket, &limit, 0), 100000);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, 0), 0);
}
END_TEST

START_TEST(core_missing)
{
    struct bucket_limit limit = bucket_limit_of(1, 4);
    struct bucket bucket = bucket_full(0);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, 0), 0);
    ck_assert_uint_eq(drain(&bucket, &limit, 0), 4);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, 0), 4 * BUCKET_TOKEN);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, 1500), 5 * BUCKET_TOKEN / 2);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, 3999), BUCKET_TOKEN / 1000);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, 4000), 0);
    ck_assert_uint_eq(bucket_missing(&bucket, &limit, UINT64_MAX), 0);
}
END_TEST

/* Refilling at every millisecond gives what refilling at once gives: exactly, for a million steps and awkward rates. */
START_TEST(limits_no_drift)
{
    static const double rates[] = {0.1, 1.0 / 3, 0.7, 1, 2.5, 333.333, 999.999};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct bucket_limit limit = bucket_limit_of(rates[i], 1);
        struct bucket bucket = bucket_full(0);
        ck_assert(bucket_take(&bucket, &limit, 0));
        uint64_t taken = 0;
        for (uint64_t now_ms = 1; now_ms <= 1000000; now_ms++) {
            taken += bucket_take(&bucket, &limit, now_ms);
        }
        uint64_t refilled = limit.per_ms * UINT64_C(1000000);
        /* What overflowed a full bucket is lost by design: at most one step a token. */
        ck_assert_uint_le(taken, refilled / BUCKET_TOKEN);
        ck_assert_uint_ge(taken + taken * limit.per_ms / BUCKET_TOKEN + 1, refilled / BUCKET_TOKEN);
    }
    struct bucket_limit limit = bucket_limit_of(1.0 / 3, 1000);
    struct bucket steps = bucket_full(0);
    ck_assert_uint_eq(drain(&steps, &limit, 0), 1000);
    struct bucket leap = steps;
    for (uint64_t now_ms = 1; now_ms <= 900000; now_ms++) {
        if (now_ms % 9000 == 0) {
            ck_assert(bucket_take(&steps, &limit, now_ms));
        } else if (bucket_missing(&steps, &limit, now_ms) > 1000 * BUCKET_TOKEN) {
            ck_abort_msg("more missing than there is room for");
        }
    }
    unsigned expected = (unsigned)(limit.per_ms * 900000 / BUCKET_TOKEN);
    ck_assert_uint_eq(drain(&steps, &limit, 900000) + 100, expected);
    ck_assert_uint_eq(drain(&leap, &limit, 900000), expected);
}
END_TEST

START_TEST(limits_conversion)
{
    ck_assert_uint_eq(bucket_limit_of(1, 1).per_ms, BUCKET_TOKEN / 1000);
    ck_assert_uint_eq(bucket_limit_of(0.5, 1).per_ms, BUCKET_TOKEN / 2000);
    ck_assert_uint_eq(bucket_limit_of(1.0 / 3600, 1).per_ms, 278);
    ck_assert_uint_eq(bucket_limit_of(1e-300, 1).per_ms, 1); /* a limit stays a limit */
    ck_assert_uint_eq(bucket_limit_of(1, 0).capacity, BUCKET_TOKEN);
    ck_assert_uint_eq(bucket_limit_of(1, 0.25).capacity, BUCKET_TOKEN);
    ck_assert_uint_eq(bucket_limit_of(1, 2.5).capacity, 5 * BUCKET_TOKEN / 2);
    ck_assert_uint_eq(bucket_limit_of(1, 1e300).capacity, UINT64_C(1000000000) * BUCKET_TOKEN);
    ck_assert_uint_eq(bucket_limit_of(1e300, 1).per_ms, UINT64_C(1000000000) * BUCKET_TOKEN);
}
END_TEST

START_TEST(limits_huge_gaps)
{
    static const double rates[] = {1e-6, 1, 1000, 1e300};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct bucket_limit limit = bucket_limit_of(rates[i], 3);
        struct bucket bucket = bucket_full(0);
        ck_assert_uint_eq(drain(&bucket, &limit, 0), 3);
        ck_assert_uint_eq(drain(&bucket, &limit, UINT64_MAX), 3);
        ck_assert_uint_eq(drain(&bucket, &limit, UINT64_MAX), 0);
    }
    struct bucket_limit vast = bucket_limit_of(1e300, 1e300);
    struct bucket bucket = {.level = 0, .at_ms = 0};
    ck_assert(bucket_take(&bucket, &vast, 1));
    ck_assert(bucket_take(&bucket, &vast, UINT64_MAX));
    ck_assert_uint_le(bucket.level, vast.capacity);
}
END_TEST

/* A clock that goes back and forth grants what its furthest point grants, once. */
START_TEST(hostile_clock)
{
    struct bucket_limit limit = bucket_limit_of(1, 2);
    struct bucket bucket = bucket_full(10000);
    ck_assert_uint_eq(drain(&bucket, &limit, 10000), 2);
    for (int i = 0; i < 1000; i++) {
        ck_assert(!bucket_take(&bucket, &limit, 10000));
        ck_assert(!bucket_take(&bucket, &limit, 0));
        ck_assert(!bucket_take(&bucket, &limit, 10999));
    }
    ck_assert(bucket_take(&bucket, &limit, 11000));
    ck_assert(!bucket_take(&bucket, &limit, 5000));
    ck_assert(!bucket_take(&bucket, &limit, 11999));
    ck_assert(bucket_take(&bucket, &limit, 12000));
}
END_TEST

/* A reload changes the limit under a bucket in use. */
START_TEST(hostile_changing_limit)
{
    struct bucket_limit none = bucket_limit_of(0, 0);
    struct bucket_limit wide = bucket_limit_of(1, 100);
    struct bucket_limit narrow = bucket_limit_of(1, 2);
    struct bucket bucket = bucket_full(0);
    ck_assert_uint_eq(drain(&bucket, &none, 0), 100000);
    ck_assert_uint_eq(drain(&bucket, &narrow, 0), 2); /* full when the limit comes */
    ck_assert_uint_eq(drain(&bucket, &wide, 0), 0);   /* a wider one gives nothing at once */
    ck_assert_uint_eq(drain(&bucket, &wide, 50000), 50);
    ck_assert_uint_eq(drain(&bucket, &wide, 100000), 50);
    ck_assert(bucket_take(&bucket, &wide, 190000));
    ck_assert_uint_eq(drain(&bucket, &narrow, 190000), 2); /* a narrower one cuts */
    ck_assert_uint_eq(bucket_missing(&bucket, &narrow, 190000), 2 * BUCKET_TOKEN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bucket");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_burst_then_rate);
    tcase_add_test(core, core_no_limit);
    tcase_add_test(core, core_missing);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_no_drift);
    tcase_add_test(limits, limits_conversion);
    tcase_add_test(limits, limits_huge_gaps);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_clock);
    tcase_add_test(hostile, hostile_changing_limit);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
