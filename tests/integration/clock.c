/*
 * clock - shifts the wall clock of a running server: for tests of what happens when somebody sets it.
 *
 * Preloaded into the program under test, from which any thread calls it. By how many milliseconds is in a file that the test has mapped, too,
 * named by CLOCK_SHIFT; see clock.py. The monotonic clock goes on as it is.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EXPORT    __attribute__((visibility("default")))
#define NS_PER_MS 1000000
#define MS_PER_S  1000
#define NS_PER_S  1000000000

static atomic_int_least64_t *shift_ms;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("CLOCK_SHIFT");
    int fd = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    void *place = MAP_FAILED;
    if (fd >= 0) {
        place = mmap(NULL, sizeof(*shift_ms), PROT_READ, MAP_SHARED, fd, 0);
        (void)close(fd);
    }
    if (place == MAP_FAILED) {
        abort(); /* a test without its means is no test */
    }
    shift_ms = place;
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

/* glibc's own parameter names are reserved ones. NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
EXPORT int clock_gettime(clockid_t id, struct timespec *now)
{
    if (real_clock_gettime == NULL) {
        *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = real_clock_gettime(id, now);
    if (result == 0 && id == CLOCK_REALTIME && shift_ms != NULL) {
        int64_t by_ms = atomic_load_explicit(shift_ms, memory_order_relaxed);
        int64_t ns = now->tv_nsec + by_ms % MS_PER_S * NS_PER_MS;
        now->tv_sec += by_ms / MS_PER_S + (ns >= NS_PER_S ? 1 : ns < 0 ? -1 : 0);
        now->tv_nsec = (ns + NS_PER_S) % NS_PER_S;
    }
    return result;
}
