/*
 * pulse - see pulse.h. pulse_start() and pulse_stop() on the main thread; everything else on the pulse's own.
 */
#include "server/pulse.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "logging/clock.h"

#define THREAD_NAME "watchdog"
/* Far longer than any batch of work takes on a busy machine, and than most disks hang. */
#define STALL_MS 10000
/* A thread has this many chances to answer before it counts as stalled. */
#define ASKS_PER_STALL 4
/* Asking more often than this would be work of its own. */
#define TICK_MIN_MS 10

struct watched {
    struct pulse_thread thread;
    unsigned silent_ms;
    bool stalled;
};

struct pulse {
    pthread_t thread;
    int stop_fd;
    struct log *log;
    const struct notify_watchdog *watchdog;
    unsigned stall_ms;
    unsigned tick_ms;
    size_t count;
    struct watched watched[];
};

/* Also when the log is a file, or what is stuck: the manager keeps standard error. Never waits for a reader. */
static void tell_stderr(const struct watched *watched)
{
    char line[160];
    int size =
        snprintf(line, sizeof(line), "portcullis: thread %s has not answered for %u ms%s\n", watched->thread.name,
                 watched->silent_ms, watched->thread.vital ? "; no more keep-alive messages until it does" : "");
    struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (size > 0 && (size_t)size < sizeof(line) && poll(&wait, 1, 0) > 0) {
        ssize_t written = write(STDERR_FILENO, line, (size_t)size);
        (void)written; /* nowhere left to complain */
    }
}

static void note_silence(struct pulse *pulse, struct watched *watched, unsigned elapsed_ms)
{
    watched->silent_ms += elapsed_ms;
    if (!watched->stalled && watched->silent_ms >= pulse->stall_ms) {
        watched->stalled = true;
        log_event(pulse->log, LOG_ERROR, "thread_stalled", log_str("thread", watched->thread.name),
                  log_seconds("silent", watched->silent_ms), log_bool("vital", watched->thread.vital),
                  log_str("detail", watched->thread.vital ? "the service manager gets no keep-alive until it goes on"
                                                          : "serving goes on without it"));
        tell_stderr(watched);
    }
}

static void note_answer(struct pulse *pulse, struct watched *watched)
{
    if (watched->stalled) {
        log_event(pulse->log, LOG_WARNING, "thread_resumed", log_str("thread", watched->thread.name),
                  log_seconds("silent", watched->silent_ms));
    }
    watched->stalled = false;
    watched->silent_ms = 0;
}

static void check(struct pulse *pulse, unsigned elapsed_ms)
{
    bool all = true;
    for (size_t i = 0; i < pulse->count; i++) {
        struct watched *watched = &pulse->watched[i];
        if (watched->thread.alive(watched->thread.context)) {
            note_answer(pulse, watched);
        } else {
            note_silence(pulse, watched, elapsed_ms);
        }
        all = all && !(watched->stalled && watched->thread.vital);
    }
    if (all && pulse->watchdog->timeout_ms != 0) {
        notify_alive(pulse->watchdog);
    }
}

/* Until the time is over (false), or it is to stop. */
static bool wait_stop(const struct pulse *pulse)
{
    struct pollfd wait = {.fd = pulse->stop_fd, .events = POLLIN};
    return poll(&wait, 1, (int)pulse->tick_ms) > 0;
}

static void *run(void *argument)
{
    struct pulse *pulse = argument;
    (void)prctl(PR_SET_NAME, THREAD_NAME);
    int64_t before_ms = clock_monotonic_ms();
    check(pulse, 0);
    while (!wait_stop(pulse)) {
        int64_t now_ms = clock_monotonic_ms();
        int64_t elapsed_ms = now_ms - before_ms;
        before_ms = now_ms;
        check(pulse, elapsed_ms < pulse->tick_ms ? (unsigned)elapsed_ms : pulse->tick_ms);
    }
    return NULL;
}

/* Half of the manager's patience is for the threads, so that their names are in the log before the other half is over. */
static void set_times(struct pulse *pulse, unsigned watchdog_ms)
{
    pulse->stall_ms = watchdog_ms != 0 && watchdog_ms / 2 < STALL_MS ? watchdog_ms / 2 : STALL_MS;
    pulse->tick_ms = pulse->stall_ms / ASKS_PER_STALL;
    if (pulse->tick_ms < TICK_MIN_MS) {
        pulse->tick_ms = TICK_MIN_MS;
    }
}

struct pulse *pulse_start(const struct pulse_setup *setup)
{
    struct pulse *pulse = calloc(1, sizeof(*pulse) + setup->count * sizeof(pulse->watched[0]));
    if (pulse == NULL) {
        return NULL;
    }
    pulse->log = setup->log;
    pulse->watchdog = setup->watchdog;
    set_times(pulse, setup->watchdog->timeout_ms);
    pulse->count = setup->count;
    for (size_t i = 0; i < setup->count; i++) {
        pulse->watched[i].thread = setup->threads[i];
    }
    int error = 0;
    pulse->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pulse->stop_fd < 0) {
        error = errno;
    } else {
        error = pthread_create(&pulse->thread, NULL, run, pulse);
    }
    if (error == 0) {
        return pulse;
    }
    if (pulse->stop_fd >= 0) {
        close(pulse->stop_fd);
    }
    free(pulse);
    errno = error;
    return NULL;
}

void pulse_stop(struct pulse **pulse_pointer)
{
    struct pulse *pulse = *pulse_pointer;
    if (pulse == NULL) {
        return;
    }
    *pulse_pointer = NULL;
    uint64_t one = 1;
    ssize_t written = write(pulse->stop_fd, &one, sizeof(one));
    (void)written; /* the first write to an eventfd cannot fail */
    pthread_join(pulse->thread, NULL);
    close(pulse->stop_fd);
    free(pulse);
}
