/*
 * check_ready_ring - order, bounds, and an eventfd that is readable exactly while the ring is not empty.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
#include "server/door/ready_ring.h"

static bool readable(const struct ready_ring *ring)
{
    struct pollfd poll_fd = {.fd = ready_ring_event_fd(ring), .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

START_TEST(core_order_bounds_and_readiness)
{
    struct ready_ring *ring = ready_ring_create(3);
    struct ready_entry entry;
    ck_assert(!readable(ring));
    ck_assert(!ready_ring_pop(ring, &entry));
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 3; i++) {
            entry = (struct ready_entry){.fd = -1, .ticket = round * 10 + i, .generation = (uint16_t)i};
            ck_assert(ready_ring_push(ring, &entry));
            ck_assert(readable(ring));
        }
        ck_assert(!ready_ring_push(ring, &entry));
        for (uint32_t i = 0; i < 3; i++) {
            ck_assert(readable(ring));
            ck_assert(ready_ring_pop(ring, &entry));
            ck_assert_uint_eq(entry.ticket, round * 10 + i);
            ck_assert_uint_eq(entry.generation, i);
        }
        ck_assert(!readable(ring));
    }
    ready_ring_destroy(&ring);
    ck_assert_ptr_null(ring);
}
END_TEST

START_TEST(limits_destroy_closes_what_nobody_took)
{
    struct ready_ring *ring = ready_ring_create(2);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct ready_entry entry = {.fd = fd, .ticket = 1};
    ck_assert(ready_ring_push(ring, &entry));
    ready_ring_destroy(&ring);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

enum { PUSHERS = 3, PUSHES = 20000 };

static void *push_many(void *context)
{
    struct ready_ring *ring = context;
    for (uint32_t i = 0; i < PUSHES; i++) {
        struct ready_entry entry = {.fd = -1, .ticket = i};
        while (!ready_ring_push(ring, &entry)) {
        }
    }
    return NULL;
}

START_TEST(hostile_many_pushers_lose_nothing)
{
    struct ready_ring *ring = ready_ring_create(16);
    pthread_t threads[PUSHERS];
    for (int i = 0; i < PUSHERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, push_many, ring), 0);
    }
    uint64_t sum = 0;
    for (int taken = 0; taken < PUSHERS * PUSHES;) {
        struct pollfd poll_fd = {.fd = ready_ring_event_fd(ring), .events = POLLIN};
        ck_assert_int_eq(poll(&poll_fd, 1, -1), 1);
        struct ready_entry entry;
        while (ready_ring_pop(ring, &entry)) {
            sum += entry.ticket;
            taken++;
        }
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(sum, (uint64_t)PUSHERS * PUSHES * (PUSHES - 1) / 2);
    ck_assert(!readable(ring));
    ready_ring_destroy(&ring);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ready_ring");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_order_bounds_and_readiness);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_destroy_closes_what_nobody_took);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_many_pushers_lose_nothing);
    tcase_set_timeout(hostile, 60);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
