/*
 * runner - what every unit test's main() ends with.
 */
#ifndef PORTCULLIS_UNIT_RUNNER_H
#define PORTCULLIS_UNIT_RUNNER_H

#include <stdbool.h>

#include <check.h>

/* Runs the suite, which it takes, as Check's variables in the environment say (CK_VERBOSITY, CK_RUN_CASE, CK_FORK). Returns the
 * status of the process. */
int runner_run(Suite *suite);

/* Whether each test has a process of its own, which it may end (CK_FORK). */
bool runner_forks(void);

#endif
