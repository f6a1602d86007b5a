/*
 * retry - when a client that was turned away should come again: the Retry-After of a 503 (RFC 9110 §10.2.3).
 *
 * A server that is full, or that is being restarted, must not be met by all of them in the same second: answers in a row name
 * each second of a range once before one comes again. Any thread.
 */
#ifndef PORTCULLIS_DOOR_RETRY_H
#define PORTCULLIS_DOOR_RETRY_H

/* Seconds: long enough for a restart, short enough for whoever waits. */
#define RETRY_AFTER_MIN_S 5
#define RETRY_AFTER_MAX_S 15

unsigned retry_after_s(void);

#endif
