/*
 * thread - how threads of our own start, and what they wait with. Any thread.
 */
#ifndef PORTCULLIS_LOGGING_THREAD_H
#define PORTCULLIS_LOGGING_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

/* Starts `run(context)` on a stack of `stack_size` bytes, 0 for the system's default. All signals are blocked in it: those meant
 * for the process go to others, and SIGPIPE and SIGXFSZ of its own writes become errors of write(). Returns 0 or an errno. */
static inline int thread_start(pthread_t *thread, size_t stack_size, void *(*run)(void *context), void *context)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int error = pthread_attr_init(&attributes);
    if (error != 0) {
        return error;
    }
    (void)sigfillset(&all);
    if (stack_size != 0) {
        error = pthread_attr_setstacksize(&attributes, stack_size);
    }
    if (error == 0) {
        error = pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    if (error == 0) {
        error = pthread_create(thread, &attributes, run, context);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return error;
}

/* One whose timed waits go by CLOCK_MONOTONIC. */
static inline void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

#endif
