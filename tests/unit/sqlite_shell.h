/*
 * sqlite_shell - what SQLite's own shell says about a database. For tests.
 */
#ifndef PORTCULLIS_TESTS_SQLITE_SHELL_H
#define PORTCULLIS_TESTS_SQLITE_SHELL_H

#include <stddef.h>

/* Runs `sqlite3 -readonly PATH SQL`; writes what it printed, cut to `size`. Aborts the test when it fails. */
void sqlite_shell(const char *path, const char *sql, char *output, size_t size);

#endif
