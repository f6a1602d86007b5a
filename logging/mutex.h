/*
 * mutex - a pthread mutex that the compiler can check (logging/annotations.h). Any thread.
 *
 * A default mutex that is used as the annotations say cannot fail; where it does all the same, memory is corrupt and
 * going on would be worse than ending.
 */
#ifndef PORTCULLIS_LOGGING_MUTEX_H
#define PORTCULLIS_LOGGING_MUTEX_H

#include <pthread.h>
#include <stdlib.h>

#include "logging/annotations.h"

struct LOCKABLE mutex {
    pthread_mutex_t native;
};

static inline void mutex_lock(struct mutex *mutex) ACQUIRES_LOCK(*mutex);
static inline void mutex_unlock(struct mutex *mutex) RELEASES_LOCK(*mutex);

static inline void mutex_init(struct mutex *mutex)
{
    if (pthread_mutex_init(&mutex->native, NULL) != 0) {
        abort();
    }
}

static inline void mutex_destroy(struct mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->native);
}

UNCHECKED_LOCKING static inline void mutex_lock(struct mutex *mutex)
{
    if (pthread_mutex_lock(&mutex->native) != 0) {
        abort();
    }
}

UNCHECKED_LOCKING static inline void mutex_unlock(struct mutex *mutex)
{
    if (pthread_mutex_unlock(&mutex->native) != 0) {
        abort();
    }
}

#endif
