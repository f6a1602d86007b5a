/*
 * check_loop - the event loop: sources, stale events within one batch, timers, and the inbox under many senders.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
#include "server/loop/list.h"
#include "server/loop/loop.h"

struct source {
    struct loop_source source;
    struct loop *loop;
    struct source *removes; /* when it is ready */
    unsigned ready;
    unsigned *ready_total;
};

static void on_ready(struct loop_source *loop_source, uint32_t events)
{
    struct source *source = CONTAINER_OF(loop_source, struct source, source);
    ck_assert_uint_eq(events, EPOLLIN);
    source->ready++;
    uint64_t value;
    ck_assert_int_eq(read(source->source.fd, &value, sizeof(value)), sizeof(value));
    if (source->removes != NULL) {
        loop_remove(source->loop, &source->removes->source);
    }
    if (++*source->ready_total == 1) {
        loop_stop(source->loop);
    }
}

START_TEST(core_source_removed_by_another_gets_no_event)
{
    struct loop *loop = loop_create(4);
    ck_assert_ptr_nonnull(loop);
    unsigned total = 0;
    struct source sources[2];
    int fds[2];
    for (int i = 0; i < 2; i++) {
        sources[i] = (struct source){.source = {.on_ready = on_ready, .fd = -1}, .loop = loop, .ready_total = &total};
        sources[i].removes = &sources[1 - i];
        fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC); /* both are ready in the same batch */
        ck_assert(loop_add(loop, &sources[i].source, fds[i], EPOLLIN));
    }
    loop_run(loop);
    ck_assert_uint_eq(sources[0].ready + sources[1].ready, 1);
    for (int i = 0; i < 2; i++) {
        loop_remove(loop, &sources[i].source);
        loop_remove(loop, &sources[i].source); /* twice is nothing */
        close(fds[i]);
    }
    loop_destroy(&loop);
    ck_assert_ptr_null(loop);
}
END_TEST

enum { BOUNCES = 2000, BUSY_US = 1000, TIMER_MS = 20 };

struct bouncer {
    struct loop_source source;
    struct timer timer;
    struct loop *loop;
    int out;
    unsigned bounced;
    bool timer_fired;
};

static void bounce(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct bouncer *bouncer = CONTAINER_OF(source, struct bouncer, source);
    uint64_t value;
    ck_assert_int_eq(read(source->fd, &value, sizeof(value)), sizeof(value));
    ck_assert_int_eq(write(bouncer->out, &value, sizeof(value)), sizeof(value));
    bouncer->bounced++;
}

static void on_late(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct bouncer *bouncer = CONTAINER_OF(timer, struct bouncer, timer);
    bouncer->timer_fired = true;
    if (bouncer->bounced == BOUNCES) {
        loop_stop(bouncer->loop);
    } else {
        timer_set(loop_timers(bouncer->loop), timer, loop_now_ms(bouncer->loop) + TIMER_MS);
    }
}

static int ball[2];

static void *play(void *context)
{
    (void)context;
    for (int i = 0; i < BOUNCES; i++) {
        uint64_t value = 1;
        ck_assert_int_eq(write(ball[0], &value, sizeof(value)), sizeof(value));
        ck_assert_int_eq(read(ball[1], &value, sizeof(value)), sizeof(value));
    }
    return NULL;
}

/* First it polls; then nothing comes but timers, which are longer than it polls for. */
START_TEST(core_busy_polling_misses_nothing)
{
    struct loop *loop = loop_create(4);
    loop_set_busy_poll(loop, BUSY_US);
    ball[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ball[1] = eventfd(0, EFD_CLOEXEC);
    struct bouncer bouncer = {.source = {.on_ready = bounce, .fd = -1}, .loop = loop, .out = ball[1]};
    ck_assert(loop_add(loop, &bouncer.source, ball[0], EPOLLIN));
    timer_init(&bouncer.timer, on_late);
    timer_set(loop_timers(loop), &bouncer.timer, loop_now_ms(loop) + TIMER_MS);
    pthread_t player;
    ck_assert_int_eq(pthread_create(&player, NULL, play, NULL), 0);
    loop_run(loop);
    pthread_join(player, NULL);
    ck_assert_uint_eq(bouncer.bounced, BOUNCES);
    ck_assert(bouncer.timer_fired);
    loop_remove(loop, &bouncer.source);
    close(ball[0]);
    close(ball[1]);
    loop_destroy(&loop);
}
END_TEST

enum { CROWD = 100, CROWD_ROUNDS = 20 };

struct crowd_game {
    struct loop *loop;
    struct bouncer bouncers[CROWD];
    int back;
};

/* One at a time, in turn. */
static void *play_with_crowd(void *context)
{
    struct crowd_game *game = context;
    for (int i = 0; i < CROWD * CROWD_ROUNDS; i++) {
        uint64_t value = 1;
        ck_assert_int_eq(write(game->bouncers[i % CROWD].source.fd, &value, sizeof(value)), sizeof(value));
        ck_assert_int_eq(read(game->back, &value, sizeof(value)), sizeof(value));
    }
    loop_stop(game->loop);
    return NULL;
}

START_TEST(core_busy_polling_for_a_crowd_misses_nothing)
{
    static struct crowd_game game;
    game.loop = loop_create(4);
    loop_set_busy_poll(game.loop, BUSY_US);
    game.back = eventfd(0, EFD_CLOEXEC);
    for (int i = 0; i < CROWD; i++) {
        game.bouncers[i] = (struct bouncer){.source = {.on_ready = bounce, .fd = -1}, .out = game.back};
        ck_assert(loop_add(game.loop, &game.bouncers[i].source, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), EPOLLIN));
    }
    pthread_t player;
    ck_assert_int_eq(pthread_create(&player, NULL, play_with_crowd, &game), 0);
    loop_run(game.loop);
    pthread_join(player, NULL);
    for (int i = 0; i < CROWD; i++) {
        ck_assert_uint_eq(game.bouncers[i].bounced, CROWD_ROUNDS);
        int fd = game.bouncers[i].source.fd;
        loop_remove(game.loop, &game.bouncers[i].source);
        close(fd);
    }
    close(game.back);
    loop_destroy(&game.loop);
}
END_TEST

START_TEST(limits_bad_descriptor_is_an_error)
{
    struct loop *loop = loop_create(4);
    struct loop_source source = {.on_ready = on_ready, .fd = -1};
    ck_assert(!loop_add(loop, &source, 99999, EPOLLIN));
    ck_assert_int_eq(source.fd, -1);
    loop_destroy(&loop);
}
END_TEST

struct note {
    struct loop_message message;
    unsigned sender;
    unsigned number;
};

enum { SENDERS = 4, NOTES = 5000, INBOX = 64 };

static struct loop *shared_loop;
static unsigned next_number[SENDERS];
static unsigned delivered;
static atomic_uint refused;

static void on_note(struct loop_message *message)
{
    struct note *note = CONTAINER_OF(message, struct note, message);
    ck_assert_uint_eq(note->number, next_number[note->sender]);
    next_number[note->sender]++;
    delivered++;
    free(note);
    if (delivered == SENDERS * NOTES) {
        loop_stop(shared_loop);
    }
}

static void *send_notes(void *context)
{
    unsigned sender = *(unsigned *)context;
    for (unsigned number = 0; number < NOTES; number++) {
        struct note *note = malloc(sizeof(*note));
        *note = (struct note){.message = {.deliver = on_note}, .sender = sender, .number = number};
        while (!loop_post(shared_loop, &note->message)) {
            atomic_fetch_add(&refused, 1); /* full: still ours */
        }
    }
    return NULL;
}

START_TEST(core_messages_of_each_sender_arrive_in_order)
{
    shared_loop = loop_create(INBOX);
    delivered = 0;
    pthread_t threads[SENDERS];
    unsigned senders[SENDERS];
    for (unsigned i = 0; i < SENDERS; i++) {
        next_number[i] = 0;
        senders[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_notes, &senders[i]), 0);
    }
    loop_run(shared_loop);
    for (unsigned i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(delivered, SENDERS * NOTES);
    loop_destroy(&shared_loop);
}
END_TEST

static unsigned counted;

static void on_count(struct loop_message *message)
{
    (void)message;
    counted++;
}

START_TEST(limits_inbox_is_bounded_and_closes_at_the_end)
{
    struct loop *loop = loop_create(2);
    struct loop_message messages[3] = {{.deliver = on_count}, {.deliver = on_count}, {.deliver = on_count}};
    counted = 0;
    ck_assert(loop_post(loop, &messages[0]));
    ck_assert(loop_post(loop, &messages[1]));
    ck_assert(!loop_post(loop, &messages[2]));
    loop_stop(loop);
    loop_run(loop); /* what was accepted is delivered all the same */
    ck_assert_uint_eq(counted, 2);
    ck_assert(!loop_post(loop, &messages[2]));
    loop_destroy(&loop);
}
END_TEST

enum { STEPS = 3 };

struct step {
    struct loop_source source;
    struct timer timer;
    uint64_t progress;
};

static void on_step(struct loop_source *source, uint32_t events)
{
    struct step *step = CONTAINER_OF(source, struct step, source);
    ck_assert_uint_eq(events, EPOLLIN);
    step->progress = loop_progress(shared_loop);
    loop_remove(shared_loop, source);
}

static void on_step_timer(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    CONTAINER_OF(timer, struct step, timer)->progress = loop_progress(shared_loop);
    loop_stop(shared_loop);
}

/* Within one batch of events, and within one run of timers: before the loop gets to its inbox again. */
START_TEST(core_progress_is_seen_within_a_turn)
{
    shared_loop = loop_create(2);
    struct step steps[2 * STEPS];
    int fds[STEPS];
    for (int i = 0; i < STEPS; i++) {
        steps[i] = (struct step){.source = {.on_ready = on_step, .fd = -1}};
        fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
        ck_assert(loop_add(shared_loop, &steps[i].source, fds[i], EPOLLIN));
        timer_init(&steps[STEPS + i].timer, on_step_timer);
        timer_set(loop_timers(shared_loop), &steps[STEPS + i].timer, loop_now_ms(shared_loop) + 1000);
    }
    ck_assert_uint_eq(loop_progress(shared_loop), 0);
    loop_run(shared_loop);
    for (uint64_t i = 0; i < STEPS; i++) {
        bool found = false;
        for (int step = 0; step < STEPS; step++) { /* events of a batch have no order */
            found = found || steps[step].progress == i + 1;
        }
        ck_assert(found);
        ck_assert_uint_eq(steps[STEPS + i].progress, STEPS + i + 1);
    }
    for (int i = 0; i < STEPS; i++) {
        close(fds[i]);
    }
    loop_destroy(&shared_loop);
}
END_TEST

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    ck_assert_uint_ge(now_ms, timer->due_ms);
    counted++;
    loop_stop(shared_loop);
}

START_TEST(core_timer_ends_the_wait)
{
    shared_loop = loop_create(2);
    struct timer timer;
    counted = 0;
    timer_init(&timer, on_timer);
    timer_set(loop_timers(shared_loop), &timer, loop_now_ms(shared_loop) + 20);
    loop_run(shared_loop);
    ck_assert_uint_eq(counted, 1);
    loop_destroy(&shared_loop);
}
END_TEST

struct parcel {
    struct loop_message message;
    unsigned place; /* in the order of delivery, from 1 */
};

static void on_parcel(struct loop_message *message)
{
    CONTAINER_OF(message, struct parcel, message)->place = ++counted;
    if (counted == 3) {
        loop_stop(shared_loop);
    }
}

START_TEST(limits_full_inbox_takes_control_messages)
{
    shared_loop = loop_create(2);
    struct parcel parcels[4] = {0};
    counted = 0;
    for (int i = 0; i < 4; i++) {
        parcels[i].message.deliver = on_parcel;
    }
    ck_assert(loop_post(shared_loop, &parcels[0].message));
    ck_assert(loop_post(shared_loop, &parcels[1].message));
    ck_assert(!loop_post(shared_loop, &parcels[2].message));
    ck_assert(loop_post_control(shared_loop, &parcels[2].message));
    loop_run(shared_loop);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(parcels[i].place, i + 1);
    }
    ck_assert(!loop_post_control(shared_loop, &parcels[3].message)); /* it has ended */
    loop_destroy(&shared_loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_source_removed_by_another_gets_no_event);
    tcase_add_test(core, core_busy_polling_misses_nothing);
    tcase_add_test(core, core_busy_polling_for_a_crowd_misses_nothing);
    tcase_add_test(core, core_messages_of_each_sender_arrive_in_order);
    tcase_add_test(core, core_progress_is_seen_within_a_turn);
    tcase_add_test(core, core_timer_ends_the_wait);
    tcase_set_timeout(core, 60);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_bad_descriptor_is_an_error);
    tcase_add_test(limits, limits_inbox_is_bounded_and_closes_at_the_end);
    tcase_add_test(limits, limits_full_inbox_takes_control_messages);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
