/*
 * annotations - lock discipline in the prototypes, checked by clang (-Wthread-safety); nothing for other compilers.
 *
 *     struct pool {
 *         struct mutex lock;
 *         size_t used LOCK_GUARDED;
 *     };
 *     static void grow_locked(struct pool *pool) REQUIRES_LOCK(pool->lock);
 *
 * LOCK_GUARDED asks for some lock, not for a particular one: in C, clang 14 cannot name a sibling member. The functions
 * are checked exactly. An attribute that names a parameter goes on a declaration, not on a definition.
 */
#ifndef PORTCULLIS_LOGGING_ANNOTATIONS_H
#define PORTCULLIS_LOGGING_ANNOTATIONS_H

#if defined(__clang__)
#define ANNOTATION_(...) __attribute__((__VA_ARGS__))
#else
#define ANNOTATION_(...)
#endif

/* On a struct: it is a lock. */
#define LOCKABLE ANNOTATION_(capability("mutex"))
/* On a member: read and written under a lock only. */
#define LOCK_GUARDED ANNOTATION_(guarded_var)
/* On a function: the caller holds the lock, takes it here, gives it back here, must not hold it. */
#define REQUIRES_LOCK(...) ANNOTATION_(requires_capability(__VA_ARGS__))
#define ACQUIRES_LOCK(...) ANNOTATION_(acquire_capability(__VA_ARGS__))
#define RELEASES_LOCK(...) ANNOTATION_(release_capability(__VA_ARGS__))
/* Likewise, of a lock that readers share. */
#define REQUIRES_SHARED_LOCK(...) ANNOTATION_(requires_shared_capability(__VA_ARGS__))
#define ACQUIRES_SHARED_LOCK(...) ANNOTATION_(acquire_shared_capability(__VA_ARGS__))
#define RELEASES_SHARED_LOCK(...) ANNOTATION_(release_shared_capability(__VA_ARGS__))
#define EXCLUDES_LOCK(...)        ANNOTATION_(locks_excluded(__VA_ARGS__))
/* On a function that touches guarded members while nobody else can: making, freeing, the lock itself. */
#define UNCHECKED_LOCKING ANNOTATION_(no_thread_safety_analysis)

#endif
