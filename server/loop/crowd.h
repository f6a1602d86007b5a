/*
 * crowd - how many take turns: an estimate from how many others come before somebody comes again.
 *
 * It costs a comparison each time and no memory for those who come. Plain data of one thread's; all zeros is an empty crowd.
 */
#ifndef PORTCULLIS_LOOP_CROWD_H
#define PORTCULLIS_LOOP_CROWD_H

/* Who is not back by then is not waited for, and the crowd is taken to be at least as large. */
#define CROWD_MAX 4096

struct crowd {
    const void *watched; /* compared, never followed: it may be gone. NULL: the next one is watched */
    unsigned others;     /* that came since */
    unsigned size;
};

/* Somebody comes. */
static inline void crowd_see(struct crowd *crowd, const void *comer)
{
    crowd->others++;
    if (crowd->watched == NULL) {
        crowd->watched = comer;
        crowd->others = 0;
    } else if (crowd->watched == comer || crowd->others == CROWD_MAX) {
        crowd->watched = NULL; /* another one's turn, lest it be all about one that comes often */
        /* A mean of the last few, since who comes at random is early at times. True to within 3, by its rounding. */
        crowd->size = (unsigned)((int)crowd->size + ((int)crowd->others - (int)crowd->size) / 4);
    }
}

#endif
