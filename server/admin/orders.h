/*
 * orders - what the admin API's workers ask the main thread to do: posted, done in turn, answered.
 */
#ifndef PORTCULLIS_ADMIN_ORDERS_H
#define PORTCULLIS_ADMIN_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/admin/admin.h"

struct orders;

enum order_status {
    ORDER_DONE,
    ORDER_REFUSED,  /* not done; the detail says why */
    ORDER_LATE,     /* no answer in time: it may still be done */
    ORDER_STOPPING, /* orders_close() has been called */
    ORDER_NO_MEMORY,
};

/* NULL with errno set. Main thread. */
struct orders *orders_create(void);
/* After the last orders_give() has returned. Main thread. */
void orders_destroy(struct orders **orders);

/* Waits until it is answered, `timeout_ms` at most. *detail_r is the caller's, from malloc(); NULL for none. Any thread but main. */
__attribute__((warn_unused_result)) enum order_status orders_give(struct orders *orders, enum admin_order what,
                                                                  unsigned timeout_ms, char **detail_r);

/* Readable while an order waits; not to be read. Any thread. */
int orders_event_fd(const struct orders *orders);
/* False when none waits. What is taken is answered before the next is taken. Main thread. */
__attribute__((warn_unused_result)) bool orders_take(struct orders *orders, enum admin_order *what_r);
/* Copies `detail`, which may be NULL. Main thread. */
void orders_answer(struct orders *orders, bool done, const char *detail);
/* All that wait, and all that come, are told ORDER_STOPPING. Main thread. */
void orders_close(struct orders *orders);

#endif
