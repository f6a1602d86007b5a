/*
 * utf8_bench - how fast UTF-8 is checked, beside memcpy() of the same bytes: "utf8_bench [SECONDS]", for each kind of text and each
 * size. One thread; both in turns, in processor time, so that whatever else the machine does falls on both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "validate/utf8.h"

#define DEFAULT_SECONDS 0.25 /* a kind and size */
#define TURNS           21   /* of each of the two */
#define LARGEST         (1 << 20)

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(EXIT_FAILURE);                                                     \
        }                                                                           \
    } while (0)

/* Repeated until the buffer is full. */
static const struct kind {
    const char *name;
    const char *text;
} kinds[] = {
    {"ASCII",
     "{\"type\":\"order\",\"user\":\"maria.k\",\"quantity\":250,\"note\":\"Fill what you can before noon.\"},"},
    {"German", "Die Grüße aus Köln kamen spät, aber für alle schön: Öl, Äpfel und süße Brötchen. "},
    {"Russian", "Съешь же ещё этих мягких французских булок, да выпей чаю. "},
    {"Chinese", "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。寒来暑往，秋收冬藏。"},
    {"Emoji", "🎉🙂🚀🌍🍎🎵🐢🏠📦🔑"},
    {"Mixed",
     "Chat: привет, Grüße, 你好世界, ok 👍🏽 — see you at 8 €5, καλημέρα, こんにちは "
     "🎉 "
     "bye. "},
};

static double now_ns(void)
{
    struct timespec time;
    require(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Whole texts, then ASCII: never half a character at the end. */
static void fill(uint8_t *bytes, size_t size, const char *text)
{
    const size_t text_size = strlen(text);
    size_t at = 0;
    for (; size - at >= text_size; at += text_size) {
        memcpy(bytes + at, text, text_size);
    }
    memset(bytes + at, '.', size - at);
}

/* Called through a pointer that may change, so that no copy is left out. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

/* Nanoseconds of one call. */
static double take_copy(const uint8_t *bytes, uint8_t *to, size_t size, unsigned count)
{
    const double began = now_ns();
    for (unsigned i = 0; i < count; i++) {
        require(copy(to, bytes, size) == to);
    }
    return (now_ns() - began) / count;
}

static double take_check(const uint8_t *bytes, size_t size, unsigned count)
{
    const double began = now_ns();
    for (unsigned i = 0; i < count; i++) {
        require(utf8_valid(bytes, size));
    }
    return (now_ns() - began) / count;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double times[TURNS])
{
    qsort(times, TURNS, sizeof(times[0]), compare);
    return times[TURNS / 2];
}

static unsigned calls_in(double nanoseconds, double once_ns)
{
    return once_ns < nanoseconds ? (unsigned)(nanoseconds / once_ns) : 1;
}

static void report(const struct kind *kind, uint8_t *bytes, uint8_t *to, size_t size, double seconds)
{
    const double turn_ns = seconds * 1e9 / (2 * TURNS);
    double copies[TURNS];
    double checks[TURNS];
    fill(bytes, size, kind->text);
    const unsigned copy_count = calls_in(turn_ns, take_copy(bytes, to, size, 64));
    const unsigned check_count = calls_in(turn_ns, take_check(bytes, size, 64));
    for (size_t i = 0; i < TURNS; i++) {
        copies[i] = take_copy(bytes, to, size, copy_count);
        checks[i] = take_check(bytes, size, check_count);
    }
    const double copy_ns = median(copies);
    const double check_ns = median(checks);
    printf("%-8s %9zu %12.2f %12.2f %8.2f\n", kind->name, size, (double)size / copy_ns, (double)size / check_ns,
           copy_ns / check_ns);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {300, 4096, 65536, LARGEST};
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : DEFAULT_SECONDS;
    uint8_t *bytes = malloc(LARGEST);
    uint8_t *to = malloc(LARGEST);
    require(seconds > 0 && seconds < 3600 && bytes != NULL && to != NULL);
    memset(to, 0, LARGEST); /* its pages are there before the clock is read */
    printf("%-8s %9s %12s %12s %8s\n", "text", "bytes", "memcpy GB/s", "check GB/s", "ratio");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            report(&kinds[i], bytes, to, sizes[j], seconds);
        }
    }
    free(bytes);
    free(to);
    return EXIT_SUCCESS;
}
