/*
 * scan - reads a config file's text ahead of libconfig and rewrites it into a form that libconfig 1.5 reads right.
 *
 * libconfig 1.5 wraps integers in silence, ends the process at an "@include" of a folder, drops what stands behind a NUL, gives
 * list elements the wrong line, leaks at syntax errors, compares each key with all others of its group, and says little more
 * than "syntax error". So its grammar is checked here first, with bounds on nesting, keys and values, and libconfig gets:
 *
 *   - integers of any notation in decimal with the suffix L (64 bits); those beyond 64 bits as INT64_MIN or INT64_MAX, which
 *     no key accepts;
 *   - neither comments nor blanks, and every line break before the token that it precedes, so that its line numbers are right;
 *   - of a key given twice in a group, the first one.
 *
 * Stricter than libconfig in what can only be a slip: a string ends on its line; an unknown escape, a control byte or \x00 in a
 * string, an unclosed comment and a number without digits (".") are errors; "@include" is refused.
 */
#ifndef PORTCULLIS_CONFIG_SCAN_H
#define PORTCULLIS_CONFIG_SCAN_H

#include <stddef.h>

#include "server/config/report.h"

#define SCAN_DEPTH_MAX  32     /* groups, lists and arrays inside each other */
#define SCAN_KEYS_MAX   256    /* keys of one group; ours have 16 at most */
#define SCAN_VALUES_MAX 100000 /* values of a file: bounds the size of libconfig's tree (some 100 bytes each) */

/* Returns the rewritten text, owned (free() it). Reports all errors that leave the structure readable and goes on; NULL when one
 * does not (a syntax error, a bound reached, no memory), which is reported too. `text` need not end in a NUL. */
char *scan_text(const char *text, size_t size, struct report *report);

#endif
