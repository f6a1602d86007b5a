/*
 * check_ring - what goes into the ring comes out whole and in order, or is counted; who is woken when.
 */
#include "logging/ring.h"
#include "runner.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "logging/line.h"

/* Letters that `seed` shifts, and a newline. */
static struct line line_of(size_t size, unsigned seed)
{
    struct line line = {.size = size};
    for (size_t i = 0; i < size; i++) {
        line.bytes[i] = (char)('a' + (i + seed) % 26);
    }
    line.bytes[size - 1] = '\n';
    return line;
}

START_TEST(ring_keeps_order_and_content)
{
    struct ring *ring = ring_new(0);
    unsigned put = 0;
    unsigned got = 0;
    while (got < 5000) {
        for (;;) {
            const struct line line = line_of(1 + put * 37 % LOG_LINE_MAX, put);
            if (!ring_put(ring, (enum ring_share)(put % 2), put % 8, line.bytes, line.size)) {
                break;
            }
            put++;
        }
        ck_assert(ring_ready(ring));
        struct line line;
        unsigned targets = 0;
        for (unsigned i = 0; i < 3 && ring_next(ring, &line, &targets); i++) {
            const struct line expected = line_of(1 + got * 37 % LOG_LINE_MAX, got);
            ck_assert_uint_eq(targets, got % 8);
            ck_assert_uint_eq(line.size, expected.size);
            ck_assert_mem_eq(line.bytes, expected.bytes, line.size);
            got++;
        }
    }
    ring_free(&ring);
}
END_TEST

START_TEST(ring_counts_what_it_drops)
{
    struct ring *ring = ring_new(RING_SIZE_MIN);
    const struct line line = line_of(LOG_LINE_MAX, 0);
    const unsigned both = TARGET_BIT(TARGET_MAIN) | TARGET_BIT(TARGET_ERROR);
    unsigned taken = 0;
    while (ring_put(ring, RING_VITAL, both, line.bytes, line.size)) {
        taken++;
    }
    ck_assert_uint_eq(taken, RING_SIZE_MIN / LOG_LINE_MAX - 1);
    ck_assert(!ring_put(ring, RING_VITAL, TARGET_BIT(TARGET_AUDIT), line.bytes, line.size));
    uint64_t counts[TARGET_COUNT] = {0, 10, 0};
    ring_take_dropped(ring, counts);
    ck_assert_uint_eq(counts[TARGET_MAIN], 1);
    ck_assert_uint_eq(counts[TARGET_ERROR], 11);
    ck_assert_uint_eq(counts[TARGET_AUDIT], 1);
    ring_take_dropped(ring, counts);
    ck_assert_uint_eq(counts[TARGET_MAIN], 1);
    ck_assert_uint_eq(ring_dropped(ring), 2);
    ck_assert_uint_le(ring_used(ring), RING_SIZE_MIN);

    struct line out;
    unsigned targets = 0;
    ck_assert(ring_ready(ring));
    while (ring_next(ring, &out, &targets)) {
        taken--;
    }
    ck_assert_uint_eq(taken, 0);
    ck_assert(!ring_ready(ring));
    ck_assert_uint_eq(ring_used(ring), 0);
    ck_assert(ring_put(ring, RING_VITAL, both, line.bytes, line.size));
    ring_free(&ring);
}
END_TEST

static unsigned put_until_full(struct ring *ring, enum ring_share share, size_t size)
{
    const struct line line = line_of(size, 0);
    unsigned taken = 0;
    while (ring_put(ring, share, TARGET_BIT(TARGET_MAIN), line.bytes, line.size)) {
        taken++;
    }
    return taken;
}

static void get_lines(struct ring *ring, unsigned count)
{
    struct line line;
    unsigned targets = 0;
    ck_assert(ring_ready(ring));
    for (unsigned i = 0; i < count; i++) {
        ck_assert(ring_next(ring, &line, &targets));
    }
    (void)ring_ready(ring);
}

#define SHARE_LINES 8 /* that fill a quarter of the smallest ring, four bytes each before them */
#define SHARE_LINE  (RING_SIZE_MIN / 4 / SHARE_LINES - 4)

START_TEST(last_quarter_is_for_vital_lines)
{
    struct ring *ring = ring_new(RING_SIZE_MIN);
    ck_assert_uint_eq(put_until_full(ring, RING_COMMON, SHARE_LINE), 3 * SHARE_LINES);
    ck_assert_uint_eq(put_until_full(ring, RING_COMMON, 1), 0);
    ck_assert_uint_eq(put_until_full(ring, RING_VITAL, SHARE_LINE), SHARE_LINES);
    ck_assert_uint_eq(ring_used(ring), RING_SIZE_MIN);
    ck_assert_uint_eq(ring_dropped(ring), 3);

    /* Whoever has filled it, the quarter must be free again before common lines find room. */
    get_lines(ring, SHARE_LINES);
    ck_assert_uint_eq(put_until_full(ring, RING_COMMON, 1), 0);
    get_lines(ring, 1);
    ck_assert_uint_eq(put_until_full(ring, RING_COMMON, SHARE_LINE), 1);
    ring_free(&ring);
}
END_TEST

START_TEST(vital_lines_may_fill_the_ring)
{
    struct ring *ring = ring_new(RING_SIZE_MIN);
    ck_assert_uint_eq(put_until_full(ring, RING_VITAL, SHARE_LINE), 4 * SHARE_LINES);
    ck_assert_uint_eq(put_until_full(ring, RING_COMMON, 1), 0);
    ring_free(&ring);
}
END_TEST

/* Were the last quarter of the smallest ring smaller, the longest line would not fit there. */
START_TEST(a_vital_line_of_full_length_fits)
{
    struct ring *ring = ring_new(0);
    (void)put_until_full(ring, RING_COMMON, 1);
    ck_assert_uint_eq(put_until_full(ring, RING_VITAL, LOG_LINE_MAX), 1);
    ring_free(&ring);
}
END_TEST

static bool is_rung(struct ring *ring)
{
    uint64_t count = 0;
    return read(ring_fd(ring), &count, sizeof count) == (ssize_t)sizeof count;
}

START_TEST(ring_rings_when_it_was_empty)
{
    struct ring *ring = ring_new(0);
    struct line line = line_of(10, 0);
    unsigned targets = 0;
    ck_assert(!is_rung(ring));
    ck_assert(ring_put(ring, RING_COMMON, 1, line.bytes, line.size));
    ck_assert(is_rung(ring));
    ck_assert(ring_put(ring, RING_COMMON, 1, line.bytes, line.size));
    ck_assert(!is_rung(ring));
    ck_assert(ring_ready(ring));
    while (ring_next(ring, &line, &targets)) {
    }
    ck_assert(!ring_ready(ring));
    ck_assert(ring_put(ring, RING_COMMON, 1, line.bytes, line.size));
    ck_assert(is_rung(ring));
    ring_wake(ring);
    ring_calm(ring);
    ring_calm(ring);
    ck_assert(!is_rung(ring));
    ring_free(&ring);
}
END_TEST

static Suite *ring_suite(void)
{
    Suite *suite = suite_create("ring");

    TCase *core = tcase_create("core");
    tcase_add_test(core, ring_keeps_order_and_content);
    tcase_add_test(core, ring_rings_when_it_was_empty);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, ring_counts_what_it_drops);
    tcase_add_test(limits, last_quarter_is_for_vital_lines);
    tcase_add_test(limits, vital_lines_may_fill_the_ring);
    tcase_add_test(limits, a_vital_line_of_full_length_fits);
    suite_add_tcase(suite, limits);
    return suite;
}

int main(void)
{
    return runner_run(ring_suite());
}
