/*
 * vitals - see vitals.h. The functions named ..._alive run on the pulse's thread, the delivery of a question on the loop
 * that it is for.
 */
#include "server/vitals.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/loop/list.h"
#include "server/loop/loop.h"
#include "server/notify.h"
#include "server/pulse.h"

/* Main, the log's writer, civetweb's master, its upgrade workers. */
#define OTHER_THREADS 4

/* A question to a loop. One is on its way at a time. */
struct question {
    struct loop_message message;
    struct loop *loop;
    uint64_t progress; /* when it was last looked at */
    bool asked;
    atomic_bool answered;
};

struct vitals {
    struct pulse *pulse;
    struct notify_watchdog watchdog;
    struct door *door;
    struct log *log;
    uint64_t log_rounds;

    int event_fd;
    bool main_asked;
    atomic_bool main_answered;

    struct pulse_thread *threads;
    size_t thread_count;
    struct question *questions;
    size_t question_count;
};

/* ---- asking ---- */

static void on_question(struct loop_message *message)
{
    struct question *question = CONTAINER_OF(message, struct question, message);
    atomic_store_explicit(&question->answered, true, memory_order_release);
}

/* The question waits behind whatever is to be done first, so what gets done counts as well. An inbox without room for the
 * question is no answer: a loop that goes round empties it. */
static bool loop_alive(void *context)
{
    struct question *question = context;
    uint64_t progress = loop_progress(question->loop);
    bool moved = progress != question->progress;
    question->progress = progress;
    if (question->asked && !atomic_load_explicit(&question->answered, memory_order_acquire)) {
        return moved || loop_ended(question->loop);
    }
    bool answered = question->asked;
    atomic_store_explicit(&question->answered, false, memory_order_relaxed);
    question->asked = loop_post(question->loop, &question->message);
    return answered || moved || loop_ended(question->loop);
}

static bool main_alive(void *context)
{
    struct vitals *vitals = context;
    if (vitals->main_asked && !atomic_load_explicit(&vitals->main_answered, memory_order_acquire)) {
        return false;
    }
    bool answered = vitals->main_asked;
    uint64_t one = 1;
    atomic_store_explicit(&vitals->main_answered, false, memory_order_relaxed);
    vitals->main_asked = write(vitals->event_fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
    return answered;
}

static bool log_alive(void *context)
{
    struct vitals *vitals = context;
    uint64_t before = vitals->log_rounds;
    vitals->log_rounds = log_stats(vitals->log).rounds;
    log_wake(vitals->log);
    return vitals->log_rounds != before;
}

static bool master_alive(void *context)
{
    struct vitals *vitals = context;
    return door_master_alive(vitals->door);
}

static bool workers_alive(void *context)
{
    struct vitals *vitals = context;
    return door_workers_alive(vitals->door);
}

int vitals_event_fd(const struct vitals *vitals)
{
    return vitals->event_fd;
}

void vitals_answer(struct vitals *vitals)
{
    uint64_t count;
    if (read(vitals->event_fd, &count, sizeof(count)) == (ssize_t)sizeof(count)) {
        atomic_store_explicit(&vitals->main_answered, true, memory_order_release);
    }
}

/* ---- making ---- */

static struct pulse_thread *add(struct vitals *vitals, const char *name, bool vital, pulse_alive_fn *alive,
                                void *context)
{
    struct pulse_thread *thread = &vitals->threads[vitals->thread_count++];
    *thread = (struct pulse_thread){.vital = vital, .alive = alive, .context = context};
    (void)snprintf(thread->name, sizeof(thread->name), "%s", name);
    return thread;
}

static void add_loop(struct vitals *vitals, const char *role, unsigned index, struct loop *loop)
{
    struct question *question = &vitals->questions[vitals->question_count++];
    question->message.deliver = on_question;
    question->loop = loop;
    struct pulse_thread *thread = add(vitals, role, true, loop_alive, question);
    (void)snprintf(thread->name, sizeof(thread->name), "%.11s-%u", role, index % 1000); /* there are at most 256 */
}

static void add_all(struct vitals *vitals, const struct vitals_setup *setup)
{
    add(vitals, "main", true, main_alive, vitals);
    for (unsigned i = 0; i < setup->lobby_threads; i++) {
        add_loop(vitals, "lobby", i, lobby_loop(setup->lobby, i));
    }
    for (unsigned i = 0; i < setup->session_threads; i++) {
        add_loop(vitals, "sessions", i, session_pool_loop(setup->sessions, i));
    }
    add(vitals, "civetweb-master", true, master_alive, vitals);
    add(vitals, "upgrade", true, workers_alive, vitals);
    add(vitals, "log", false, log_alive, vitals);
}

struct vitals *vitals_start(const struct vitals_setup *setup)
{
    struct vitals *vitals = calloc(1, sizeof(*vitals));
    if (vitals == NULL) {
        return NULL;
    }
    size_t loops = (size_t)setup->lobby_threads + setup->session_threads;
    vitals->door = setup->door;
    vitals->log = setup->log;
    vitals->threads = calloc(loops + OTHER_THREADS, sizeof(*vitals->threads));
    vitals->questions = calloc(loops, sizeof(*vitals->questions));
    vitals->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    vitals->watchdog.fd = -1;
    if (vitals->threads == NULL || vitals->questions == NULL || vitals->event_fd < 0 ||
        !notify_watchdog_open(&vitals->watchdog)) {
        goto failed;
    }
    add_all(vitals, setup);
    const struct pulse_setup pulse = {
        .threads = vitals->threads,
        .count = vitals->thread_count,
        .log = setup->log,
        .watchdog = &vitals->watchdog,
    };
    vitals->pulse = pulse_start(&pulse);
    if (vitals->pulse != NULL) {
        return vitals;
    }

failed:;
    int error = errno;
    vitals_destroy(&vitals);
    errno = error;
    return NULL;
}

void vitals_stop(struct vitals *vitals)
{
    if (vitals != NULL) {
        pulse_stop(&vitals->pulse);
    }
}

void vitals_destroy(struct vitals **vitals_pointer)
{
    struct vitals *vitals = *vitals_pointer;
    if (vitals == NULL) {
        return;
    }
    *vitals_pointer = NULL;
    vitals_stop(vitals);
    notify_watchdog_close(&vitals->watchdog);
    if (vitals->event_fd >= 0) {
        close(vitals->event_fd);
    }
    free(vitals->questions);
    free(vitals->threads);
    free(vitals);
}
