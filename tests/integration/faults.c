/*
 * faults - makes calls of the C library fail, or threads stand still, in a running server: for tests of what happens when descriptors,
 * memory or workers run out.
 *
 * Preloaded into the program under test, from which any thread calls it. The test steers it through a file that both have mapped, named by
 * FAULTS_CONTROL; see faults.py, which knows its layout. Only the threads of the wanted roles are affected. Which of their calls
 * fails is drawn from a seed and the number of the call.
 */
#define _GNU_SOURCE /* RTLD_NEXT, gettid, program headers */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXPORT   __attribute__((visibility("default")))
#define STALL_NS 1000000

/* In the order of faults.py. */
enum call {
    CALL_MALLOC,
    CALL_ACCEPT,
    CALL_SOCKETPAIR,
    CALL_EPOLL_ADD,
    CALL_EVENTFD,
    CALL_RECV,
    CALL_SEND,
    CALL_COUNT,
};

/* In the order of faults.py; bits of `roles` and `stalled`. */
enum role {
    ROLE_OTHER = 0,
    ROLE_MAIN = 1,
    ROLE_LOBBY = 2,
    ROLE_SESSIONS = 4,
    ROLE_UPGRADE = 8,
    ROLE_RELOAD = 16,
};

/* The file. All but the counts is written by the test. */
struct control {
    atomic_uint_least32_t calls;   /* bits of what may fail: 1 << enum call */
    atomic_uint_least32_t roles;   /* in which threads */
    atomic_uint_least32_t one_in;  /* how many calls fail; 1: all */
    atomic_uint_least32_t at;      /* or this one alone, counted from 1; 0: as one_in says */
    atomic_uint_least32_t stalled; /* roles that stand still where they wait for work */
    atomic_uint_least32_t seed;
    atomic_uint_least64_t seen; /* calls that might have failed */
    atomic_uint_least64_t failed[CALL_COUNT];
};

/* glibc's own names of what is wrapped here: looking them up with dlsym() would allocate. */
extern void *libc_malloc(size_t size) __asm__("__libc_malloc");
extern void *libc_calloc(size_t count, size_t size) __asm__("__libc_calloc");
extern void *libc_realloc(void *bytes, size_t size) __asm__("__libc_realloc");
extern void *libc_memalign(size_t alignment, size_t size) __asm__("__libc_memalign");

static struct {
    int (*accept4)(int, struct sockaddr *, socklen_t *, int);
    int (*socketpair)(int, int, int, int[2]);
    int (*fcntl)(int, int, ...);
    int (*epoll_ctl)(int, int, int, struct epoll_event *);
    int (*epoll_wait)(int, struct epoll_event *, int, int);
    int (*eventfd)(unsigned, int);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*send)(int, const void *, size_t, int);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);
} real;

static struct control *control;

/* The code of libconfig, which uses memory without asking whether it got any: its allocations never fail. */
static struct {
    uintptr_t begin;
    uintptr_t end;
} spared;

static _Thread_local enum role own_role __attribute__((tls_model("initial-exec")));

/* ---- which call fails ---- */

static enum role role_of_name(const char *name)
{
    static const struct {
        const char *prefix;
        enum role role;
    } roles[] = {
        {"lobby-", ROLE_LOBBY}, {"sessions-", ROLE_SESSIONS}, {"upgrade-", ROLE_UPGRADE}, {"reload", ROLE_RELOAD}};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strncmp(name, roles[i].prefix, strlen(roles[i].prefix)) == 0) {
            return roles[i].role;
        }
    }
    return ROLE_OTHER;
}

/* A thread gets its name, and with it its role, some time after its start. */
static enum role find_role(void)
{
    if (own_role == ROLE_OTHER) {
        char name[16] = "";
        (void)prctl(PR_GET_NAME, name);
        own_role = gettid() == getpid() ? ROLE_MAIN : role_of_name(name);
    }
    return own_role;
}

/* splitmix64's mixing step: neighbouring numbers give unrelated ones. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* Whether this call is to fail; `chance_r` then chooses how. */
static bool fails(enum call call, uint64_t *chance_r)
{
    if (control == NULL || (atomic_load(&control->calls) & (1u << call)) == 0 ||
        (atomic_load(&control->roles) & find_role()) == 0) {
        return false;
    }
    uint64_t number = atomic_fetch_add(&control->seen, 1) + 1;
    uint32_t at = atomic_load(&control->at);
    uint32_t one_in = atomic_load(&control->one_in);
    uint64_t chance = mix(number + ((uint64_t)atomic_load(&control->seed) << 32));
    if (at != 0 ? number != at : one_in == 0 || chance % one_in != 0) {
        return false;
    }
    atomic_fetch_add(&control->failed[call], 1);
    *chance_r = chance >> 32;
    return true;
}

/* As fails(), with errno set to one of `errors`. */
static bool fails_with(enum call call, const int *errors, size_t count)
{
    uint64_t chance;
    if (!fails(call, &chance)) {
        return false;
    }
    errno = errors[chance % count];
    return true;
}

/* A thread of that role does not get further while the test says so. */
static void stand_still(enum role role)
{
    const struct timespec pause = {.tv_nsec = STALL_NS};
    while (control != NULL && (atomic_load(&control->stalled) & role) != 0 && find_role() == role) {
        nanosleep(&pause, NULL);
    }
}

/* glibc's own parameter names are reserved ones. NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* ---- memory ---- */

static bool no_memory(const void *caller)
{
    uint64_t chance;
    uintptr_t code = (uintptr_t)caller;
    if ((code >= spared.begin && code < spared.end) || !fails(CALL_MALLOC, &chance)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t size)
{
    stand_still(ROLE_RELOAD);
    return no_memory(__builtin_return_address(0)) ? NULL : libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    return no_memory(__builtin_return_address(0)) ? NULL : libc_calloc(count, size);
}

EXPORT void *realloc(void *bytes, size_t size)
{
    return no_memory(__builtin_return_address(0)) ? NULL : libc_realloc(bytes, size);
}

EXPORT int posix_memalign(void **bytes, size_t alignment, size_t size)
{
    if (no_memory(__builtin_return_address(0))) {
        return ENOMEM;
    }
    void *aligned = libc_memalign(alignment, size);
    if (aligned == NULL) {
        return ENOMEM;
    }
    *bytes = aligned;
    return 0;
}

/* ---- descriptors and sockets ---- */

EXPORT int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EINTR, ECONNABORTED, EAGAIN};
    return fails_with(CALL_ACCEPT, errors, sizeof(errors) / sizeof(errors[0])) ? -1
                                                                               : real.accept4(fd, address, size, flags);
}

EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
    return fails_with(CALL_SOCKETPAIR, errors, sizeof(errors) / sizeof(errors[0]))
               ? -1
               : real.socketpair(domain, type, protocol, pair);
}

/* Only duplicating needs a descriptor; it is counted as a part of making a pair. Every other command has one argument at most, too. */
EXPORT int fcntl(int fd, int command, ...)
{
    static const int errors[] = {EMFILE, ENOMEM};
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return command == F_DUPFD_CLOEXEC && fails_with(CALL_SOCKETPAIR, errors, sizeof(errors) / sizeof(errors[0]))
               ? -1
               : real.fcntl(fd, command, argument);
}

/* Only adding needs memory. */
EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    static const int errors[] = {ENOMEM, ENOSPC};
    return operation == EPOLL_CTL_ADD && fails_with(CALL_EPOLL_ADD, errors, sizeof(errors) / sizeof(errors[0]))
               ? -1
               : real.epoll_ctl(epoll_fd, operation, fd, event);
}

EXPORT int epoll_wait(int epoll_fd, struct epoll_event *events, int count, int timeout_ms)
{
    int result = real.epoll_wait(epoll_fd, events, count, timeout_ms);
    int error = errno;
    stand_still(ROLE_LOBBY);
    stand_still(ROLE_SESSIONS);
    errno = error;
    return result;
}

EXPORT int eventfd(unsigned value, int flags)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM};
    return fails_with(CALL_EVENTFD, errors, sizeof(errors) / sizeof(errors[0])) ? -1 : real.eventfd(value, flags);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    /* EAGAIN comes last: no kernel says so of data that was announced once, on an edge, and is only looked at. */
    static const int errors[] = {EINTR, ENOMEM, ENOBUFS, EAGAIN};
    size_t count = sizeof(errors) / sizeof(errors[0]) - ((flags & MSG_PEEK) != 0 ? 1 : 0);
    stand_still(ROLE_UPGRADE);
    return fails_with(CALL_RECV, errors, count) ? -1 : real.recv(fd, bytes, size, flags);
}

static bool send_fails(void)
{
    static const int errors[] = {EINTR, ENOMEM, ENOBUFS, EAGAIN};
    return fails_with(CALL_SEND, errors, sizeof(errors) / sizeof(errors[0]));
}

EXPORT ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    return send_fails() ? -1 : real.send(fd, bytes, size, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return send_fails() ? -1 : real.sendmsg(fd, message, flags);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- set up ---- */

/* A function pointer by name, as POSIX has it: through the bytes of an object pointer. */
static void look_up(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    memcpy(function, &found, sizeof(found));
}

static int note_spared(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    (void)context;
    if (strstr(object->dlpi_name, "libconfig.so") == NULL) {
        return 0;
    }
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type == PT_LOAD && (header->p_flags & PF_X) != 0) {
            spared.begin = object->dlpi_addr + header->p_vaddr;
            spared.end = spared.begin + header->p_memsz;
        }
    }
    return 1;
}

__attribute__((constructor)) static void set_up(void)
{
    look_up("accept4", &real.accept4);
    look_up("socketpair", &real.socketpair);
    look_up("fcntl", &real.fcntl);
    look_up("epoll_ctl", &real.epoll_ctl);
    look_up("epoll_wait", &real.epoll_wait);
    look_up("eventfd", &real.eventfd);
    look_up("recv", &real.recv);
    look_up("send", &real.send);
    look_up("sendmsg", &real.sendmsg);
    (void)dl_iterate_phdr(note_spared, NULL);

    const char *name = getenv("FAULTS_CONTROL");
    int fd = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        abort(); /* a test without it would prove nothing */
    }
    void *mapped = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        abort();
    }
    (void)close(fd);
    control = mapped;
}
