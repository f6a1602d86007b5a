/*
 * placeholder - the table of placeholders and the note-taking around mg_start(); see placeholder.h.
 *
 * Lock: `table_lock` guards the table. It is taken for a look-up; ready_ring_pop() is called outside of it.
 */
#define _GNU_SOURCE /* dup3 */

#include "server/door/placeholder.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* Two contexts, public and admin, with up to PLACEHOLDER_MAX each. */
#define TABLE_SIZE (2 * PLACEHOLDER_MAX)

static _Thread_local struct placeholder_set *noting;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool used;
    int fd;
    struct ready_ring *ring;
} table[TABLE_SIZE];

static atomic_uint probes;

void placeholder_note_begin(struct placeholder_set *set)
{
    set->count = 0;
    noting = set;
}

void placeholder_note_end(void)
{
    noting = NULL;
}

bool placeholder_listen(int fd)
{
    if (noting == NULL || noting->count == PLACEHOLDER_MAX) {
        return false;
    }
    noting->fds[noting->count++] = fd;
    return true;
}

bool placeholder_attach(int fd, int event_fd, struct ready_ring *ring)
{
    if (dup3(event_fd, fd, O_CLOEXEC) < 0) {
        return false;
    }
    bool attached = false;
    pthread_mutex_lock(&table_lock);
    for (size_t i = 0; i < TABLE_SIZE && !attached; i++) {
        if (!table[i].used) {
            table[i].used = true;
            table[i].fd = fd;
            table[i].ring = ring;
            attached = true;
        }
    }
    pthread_mutex_unlock(&table_lock);
    return attached;
}

void placeholder_detach(int fd)
{
    pthread_mutex_lock(&table_lock);
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (table[i].used && table[i].fd == fd) {
            table[i].used = false;
        }
    }
    pthread_mutex_unlock(&table_lock);
}

enum placeholder_kind placeholder_accept(int fd, struct ready_entry *entry_r)
{
    bool ours = false;
    struct ready_ring *ring = NULL;
    pthread_mutex_lock(&table_lock);
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (table[i].used && table[i].fd == fd) {
            ours = true;
            ring = table[i].ring;
        }
    }
    pthread_mutex_unlock(&table_lock);
    if (!ours) {
        return PLACEHOLDER_OTHER;
    }
    if (ring == NULL || !ready_ring_pop(ring, entry_r)) {
        return PLACEHOLDER_EMPTY;
    }
    if (entry_r->fd < 0) {
        atomic_fetch_add_explicit(&probes, 1, memory_order_release);
        return PLACEHOLDER_EMPTY;
    }
    return PLACEHOLDER_ENTRY;
}

unsigned placeholder_probes(void)
{
    return atomic_load_explicit(&probes, memory_order_acquire);
}
