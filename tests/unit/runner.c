/*
 * runner - see runner.h. Linked into each unit test.
 */
#include "runner.h"

#include <stdlib.h>

int runner_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool runner_forks(void)
{
    SRunner *runner = srunner_create(NULL);
    bool forks = srunner_fork_status(runner) == CK_FORK;
    srunner_free(runner);
    return forks;
}
