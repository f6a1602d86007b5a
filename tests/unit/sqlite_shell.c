/*
 * sqlite_shell - see sqlite_shell.h.
 */
#include "sqlite_shell.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void sqlite_shell(const char *path, const char *sql, char *output, size_t size)
{
    int ends[2];
    int status = 0;
    size_t used = 0;
    ssize_t got;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execlp("sqlite3", "sqlite3", "-readonly", path, sql, (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    (void)close(ends[1]);
    while ((got = read(ends[0], output + used, size - 1 - used)) > 0) {
        used += (size_t)got;
    }
    output[used] = '\0';
    (void)close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}
