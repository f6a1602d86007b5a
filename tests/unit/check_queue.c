/*
 * check_queue - the output queue against a plain reference, and that an empty one owns nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/session/queue.h"

START_TEST(core_bytes_come_out_in_order)
{
    enum { TOTAL = 300000 };
    struct queue queue;
    queue_init(&queue);
    uint32_t seed = 1;
    size_t put = 0;
    size_t taken = 0;
    uint8_t chunk[4096];
    while (taken < TOTAL) {
        seed = seed * 1664525 + 1013904223;
        size_t size = (seed >> 8) % sizeof(chunk);
        if (put < TOTAL) {
            for (size_t i = 0; i < size; i++) {
                chunk[i] = (uint8_t)((put + i) * 7 % 251);
            }
            ck_assert(queue_append(&queue, chunk, size, SIZE_MAX));
            put += size;
        }
        ck_assert_uint_eq(queue_size(&queue), put - taken);
        size_t out = (seed >> 16) % 5000;
        out = out < queue_size(&queue) ? out : queue_size(&queue);
        for (size_t i = 0; i < out; i++) {
            ck_assert_uint_eq(queue_bytes(&queue)[i], (taken + i) * 7 % 251);
        }
        queue_consume(&queue, out);
        taken += out;
    }
    queue_deinit(&queue);
}
END_TEST

START_TEST(core_empty_owns_no_memory)
{
    struct queue queue;
    queue_init(&queue);
    ck_assert(queue_append(&queue, "", 0, SIZE_MAX));
    ck_assert_ptr_null(queue.block);
    ck_assert(queue_append(&queue, "abc", 3, SIZE_MAX));
    queue_consume(&queue, 3);
    ck_assert_ptr_null(queue.block);
    ck_assert_ptr_null(queue_bytes(&queue));
    ck_assert_uint_eq(queue_size(&queue), 0);
}
END_TEST

START_TEST(limits_size_that_cannot_be)
{
    struct queue queue;
    queue_init(&queue);
    ck_assert(queue_append(&queue, "abc", 3, SIZE_MAX));
    ck_assert(!queue_append(&queue, "x", SIZE_MAX - 1, SIZE_MAX));
    ck_assert_uint_eq(queue_size(&queue), 3);
    ck_assert_mem_eq(queue_bytes(&queue), "abc", 3);
    queue_deinit(&queue);
}
END_TEST

START_TEST(limits_block_stays_below_the_cap)
{
    enum { CAP = 1500 };
    struct queue queue;
    queue_init(&queue);
    uint8_t block[1000];
    memset(block, 'x', sizeof(block));
    ck_assert(queue_append(&queue, block, sizeof(block), CAP));
    ck_assert_uint_eq(queue_capacity(&queue), 1024);
    ck_assert(queue_append(&queue, block, 200, CAP));
    ck_assert_uint_eq(queue_capacity(&queue), CAP);
    ck_assert(queue_append(&queue, block, 600, CAP)); /* whoever sets the cap looks at what is needed afterwards */
    ck_assert_uint_eq(queue_capacity(&queue), 1800);
    ck_assert_uint_eq(queue_size(&queue), 1800);
    queue_deinit(&queue);
}
END_TEST

START_TEST(limits_steady_flow_does_not_grow)
{
    struct queue queue;
    queue_init(&queue);
    uint8_t block[1000];
    memset(block, 'x', sizeof(block));
    ck_assert(queue_append(&queue, block, sizeof(block), SIZE_MAX));
    for (int i = 0; i < 10000; i++) {
        ck_assert(queue_append(&queue, block, sizeof(block), SIZE_MAX));
        queue_consume(&queue, sizeof(block));
    }
    ck_assert_uint_eq(queue_size(&queue), sizeof(block));
    ck_assert_uint_le(queue_capacity(&queue), 8192);
    queue_deinit(&queue);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_bytes_come_out_in_order);
    tcase_add_test(core, core_empty_owns_no_memory);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_size_that_cannot_be);
    tcase_add_test(limits, limits_block_stays_below_the_cap);
    tcase_add_test(limits, limits_steady_flow_does_not_grow);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
