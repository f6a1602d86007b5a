/*
 * list - an intrusive doubly-linked list: its links are members of what it holds. One thread, or under its owner's lock.
 */
#ifndef PORTCULLIS_LOOP_LIST_H
#define PORTCULLIS_LOOP_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The structure of which `pointer` is the member. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A list's head, and a link in one. A link that is in no list points to itself. */
struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_push_back(struct list *list, struct list *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

static inline void list_push_front(struct list *list, struct list *link)
{
    list_push_back(list->next, link);
}

/* Does nothing for a link that is in no list. */
static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

/* NULL when empty. */
static inline struct list *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->next;
}

#endif
