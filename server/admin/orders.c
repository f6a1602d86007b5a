/*
 * orders - see orders.h.
 *
 * Lock: `lock` guards everything. Nothing is waited for under it but its condition.
 */
#include "server/admin/orders.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "logging/thread.h"
#include "server/loop/list.h"

/* Belongs to who gives it and, from being taken to being answered, to the main thread as well. */
struct order {
    struct list link; /* in `waiting` until it is taken */
    enum admin_order what;
    bool answered;
    bool abandoned; /* whoever gave it has gone: freed by the main thread */
    enum order_status status;
    char *detail;
};

struct orders {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int event_fd; /* as readable as `waiting` is not empty */
    bool closed;
    struct list waiting;
    struct order *current;
};

struct orders *orders_create(void)
{
    struct orders *orders = calloc(1, sizeof(*orders));
    if (orders == NULL) {
        return NULL;
    }
    orders->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (orders->event_fd < 0) {
        int error = errno;
        free(orders);
        errno = error;
        return NULL;
    }
    list_init(&orders->waiting);
    pthread_mutex_init(&orders->lock, NULL);
    condition_init(&orders->changed);
    return orders;
}

void orders_destroy(struct orders **orders_pointer)
{
    struct orders *orders = *orders_pointer;
    if (orders == NULL) {
        return;
    }
    *orders_pointer = NULL;
    assert(list_is_empty(&orders->waiting) && orders->current == NULL);
    (void)close(orders->event_fd);
    pthread_cond_destroy(&orders->changed);
    pthread_mutex_destroy(&orders->lock);
    free(orders);
}

/* Neither blocks: the eventfd is non-blocking and counts to one. */
static void push_locked(struct orders *orders, struct order *order)
{
    if (list_is_empty(&orders->waiting)) {
        uint64_t one = 1;
        ssize_t written = write(orders->event_fd, &one, sizeof(one));
        assert(written == (ssize_t)sizeof(one));
        (void)written;
    }
    list_push_back(&orders->waiting, &order->link);
}

static void remove_locked(struct orders *orders, struct order *order)
{
    list_remove(&order->link);
    if (list_is_empty(&orders->waiting)) {
        uint64_t count;
        ssize_t got = read(orders->event_fd, &count, sizeof(count));
        assert(got == (ssize_t)sizeof(count));
        (void)got;
    }
}

static struct timespec time_in(unsigned ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Whether the order is the caller's alone again. */
static bool wait_locked(struct orders *orders, struct order *order, unsigned timeout_ms)
{
    struct timespec limit = time_in(timeout_ms);
    int result = 0;
    while (!order->answered && result == 0) {
        result = pthread_cond_timedwait(&orders->changed, &orders->lock, &limit);
    }
    if (!order->answered && order != orders->current) {
        remove_locked(orders, order);
        return true;
    }
    order->abandoned = !order->answered;
    return order->answered;
}

enum order_status orders_give(struct orders *orders, enum admin_order what, unsigned timeout_ms, char **detail_r)
{
    enum order_status status = ORDER_STOPPING;
    struct order *order = calloc(1, sizeof(*order));
    *detail_r = NULL;
    if (order == NULL) {
        return ORDER_NO_MEMORY;
    }
    order->what = what;
    order->status = ORDER_LATE;
    bool ours = true;
    pthread_mutex_lock(&orders->lock);
    if (!orders->closed) {
        push_locked(orders, order);
        ours = wait_locked(orders, order, timeout_ms);
        status = order->status;
    }
    pthread_mutex_unlock(&orders->lock);
    if (ours) {
        *detail_r = order->detail;
        free(order);
    }
    return status;
}

int orders_event_fd(const struct orders *orders)
{
    return orders->event_fd;
}

bool orders_take(struct orders *orders, enum admin_order *what_r)
{
    pthread_mutex_lock(&orders->lock);
    assert(orders->current == NULL);
    bool found = !list_is_empty(&orders->waiting);
    if (found) {
        orders->current = CONTAINER_OF(list_first(&orders->waiting), struct order, link);
        remove_locked(orders, orders->current);
        *what_r = orders->current->what;
    }
    pthread_mutex_unlock(&orders->lock);
    return found;
}

void orders_answer(struct orders *orders, bool done, const char *detail)
{
    char *copy = detail == NULL ? NULL : strdup(detail);
    struct order *abandoned = NULL;
    pthread_mutex_lock(&orders->lock);
    struct order *order = orders->current;
    orders->current = NULL;
    if (order->abandoned) {
        abandoned = order;
    } else {
        order->answered = true;
        order->status = done ? ORDER_DONE : ORDER_REFUSED;
        order->detail = copy;
        copy = NULL;
        pthread_cond_broadcast(&orders->changed);
    }
    pthread_mutex_unlock(&orders->lock);
    free(abandoned);
    free(copy);
}

void orders_close(struct orders *orders)
{
    pthread_mutex_lock(&orders->lock);
    orders->closed = true;
    while (!list_is_empty(&orders->waiting)) {
        struct order *order = CONTAINER_OF(list_first(&orders->waiting), struct order, link);
        remove_locked(orders, order);
        order->answered = true;
        order->status = ORDER_STOPPING;
    }
    pthread_cond_broadcast(&orders->changed);
    pthread_mutex_unlock(&orders->lock);
}
