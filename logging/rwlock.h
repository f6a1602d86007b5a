/*
 * rwlock - a lock of many readers or one writer that the compiler can check (logging/annotations.h). Any thread.
 *
 * As with mutex.h, what cannot fail when it is used as the annotations say ends the process if it fails all the same.
 */
#ifndef PORTCULLIS_LOGGING_RWLOCK_H
#define PORTCULLIS_LOGGING_RWLOCK_H

#include <pthread.h>
#include <stdlib.h>

#include "logging/annotations.h"

struct LOCKABLE rwlock {
    pthread_rwlock_t native;
};

static inline void rwlock_read(struct rwlock *lock) ACQUIRES_SHARED_LOCK(*lock);
static inline void rwlock_read_end(struct rwlock *lock) RELEASES_SHARED_LOCK(*lock);
static inline void rwlock_write(struct rwlock *lock) ACQUIRES_LOCK(*lock);
static inline void rwlock_write_end(struct rwlock *lock) RELEASES_LOCK(*lock);

static inline void rwlock_check_(int error)
{
    if (error != 0) {
        abort();
    }
}

static inline void rwlock_init(struct rwlock *lock)
{
    rwlock_check_(pthread_rwlock_init(&lock->native, NULL));
}

static inline void rwlock_destroy(struct rwlock *lock)
{
    (void)pthread_rwlock_destroy(&lock->native);
}

UNCHECKED_LOCKING static inline void rwlock_read(struct rwlock *lock)
{
    rwlock_check_(pthread_rwlock_rdlock(&lock->native));
}

UNCHECKED_LOCKING static inline void rwlock_read_end(struct rwlock *lock)
{
    rwlock_check_(pthread_rwlock_unlock(&lock->native));
}

UNCHECKED_LOCKING static inline void rwlock_write(struct rwlock *lock)
{
    rwlock_check_(pthread_rwlock_wrlock(&lock->native));
}

UNCHECKED_LOCKING static inline void rwlock_write_end(struct rwlock *lock)
{
    rwlock_check_(pthread_rwlock_unlock(&lock->native));
}

#endif
