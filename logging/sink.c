/*
 * sink - one output file. Opened at start by the thread that opens the log, then used by the writer thread alone.
 */
#include "logging/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logging/log.h"

#define FILE_MODE   0640
#define BUFFER_SIZE ((size_t)64 * 1024) /* as much again as a pipe holds */

/* A pipe takes up to PIPE_BUF bytes in one piece, so that lines of several writers do not mix (POSIX write()). */
_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line goes into a pipe in one piece");

enum kind {
    KIND_FILE,   /* regular: write() does not wait for anyone */
    KIND_STREAM, /* FIFO, pipe, terminal, device: O_NONBLOCK is set on a description of our own */
    KIND_SHARED, /* the same on a description shared with other processes: polled before each write */
    KIND_SOCKET  /* MSG_DONTWAIT serves */
};

struct output {
    int fd; /* -1: none */
    enum kind kind;
    dev_t device;
    ino_t inode;
};

struct sink {
    char *path;
    struct output output;
    int open_error; /* why `path` is not open; 0: it is */
    bool stalled;
    int error;   /* of the last write; 0: it was fine */
    bool torn;   /* the buffer begins in the middle of a line */
    size_t from; /* the buffer's content is [from, to) */
    size_t to;
    uint64_t unreported;
    uint64_t reported; /* what the report in the buffer covers */
    size_t report_end; /* where it ends, counted from `from`; 0: there is none */
    struct sink_counts counts;
    char buffer[BUFFER_SIZE];
};

/* Takes `fd`; false with errno set: it has been closed. */
static bool output_init(struct output *output, int fd, enum kind stream_kind)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        const int saved = errno;
        close(fd);
        errno = saved;
        return false;
    }
    output->fd = fd;
    output->device = info.st_dev;
    output->inode = info.st_ino;
    output->kind = S_ISREG(info.st_mode) ? KIND_FILE : S_ISSOCK(info.st_mode) ? KIND_SOCKET : stream_kind;
    return true;
}

static bool output_open_path(struct output *output, const char *path)
{
    const int flags = O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, O_WRONLY | O_CREAT | flags, FILE_MODE);
    if (fd < 0 && errno == ENXIO) {
        /* A FIFO without reader. With a reading end of our own, lines wait in it for one. */
        fd = open(path, O_RDWR | flags);
    }
    return fd >= 0 && output_init(output, fd, KIND_STREAM);
}

/* A second description of the same pipe or terminal can be non-blocking without anyone else noticing. There is none to
 * be had for a socket, nor after the process has changed its user; and a regular file would get a position of its own. */
static bool output_open_descriptor(struct output *output, int shared_fd)
{
    const int fd = fcntl(shared_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0 || !output_init(output, fd, KIND_SHARED)) {
        return false;
    }
    if (output->kind != KIND_SHARED) {
        return true;
    }
    char name[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const int own = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (own < 0) {
        return true;
    }
    close(fd);
    return output_init(output, own, KIND_STREAM);
}

static bool same_file(const struct output *a, const struct output *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static bool output_open(struct output *output, const char *path)
{
    return strcmp(path, "-") == 0 ? output_open_descriptor(output, STDOUT_FILENO) : output_open_path(output, path);
}

/* Without a file yet. */
static struct sink *sink_new(const char *path)
{
    struct sink *sink = malloc(sizeof *sink);
    char *copy = strdup(path);
    if (sink == NULL || copy == NULL) {
        free(sink);
        free(copy);
        errno = ENOMEM;
        return NULL;
    }
    *sink = (struct sink){.path = copy, .output.fd = -1};
    return sink;
}

static size_t count_lines(const char *bytes, size_t size)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += bytes[i] == '\n';
    }
    return lines;
}

/* The buffer without its first `size` bytes. */
static void skip(struct sink *sink, size_t size)
{
    sink->from += size;
    if (sink->from == sink->to) {
        sink->from = 0;
        sink->to = 0;
    }
    if (sink->report_end <= size) {
        sink->report_end = 0;
    } else {
        sink->report_end -= size;
    }
}

static void took(struct sink *sink, size_t size)
{
    sink->counts.written += count_lines(sink->buffer + sink->from, size);
    sink->torn = sink->buffer[sink->from + size - 1] != '\n';
    sink->stalled = false;
    sink->error = 0;
    skip(sink, size);
}

/* Size of the rest of a line whose beginning is in the file already. */
static size_t torn_size(const struct sink *sink)
{
    const size_t size = sink->to - sink->from;
    if (!sink->torn || size == 0) {
        return 0;
    }
    const char *start = sink->buffer + sink->from;
    const char *newline = memchr(start, '\n', size);
    return newline != NULL ? (size_t)(newline - start) + 1 : size;
}

/* Loses all lines of the buffer, except the rest of a torn one. */
static void lose_buffer(struct sink *sink)
{
    const size_t kept = torn_size(sink);
    uint64_t lines = count_lines(sink->buffer + sink->from + kept, sink->to - sink->from - kept);
    if (sink->report_end > kept) {
        sink->unreported += sink->reported;
        lines--; /* the report is no event */
        sink->report_end = 0;
    }
    sink->counts.lost += lines;
    sink->unreported += lines;
    sink->to = sink->from + kept;
    skip(sink, 0);
}

static void lose_torn_rest(struct sink *sink)
{
    const size_t rest = torn_size(sink);
    if (sink->report_end > 0 && sink->report_end <= rest) {
        sink->unreported += sink->reported;
    } else {
        sink->counts.lost++;
        sink->unreported++;
    }
    sink->torn = false;
    skip(sink, rest);
}

/* What goes into one call: for a pipe, whole lines that it takes in one piece. */
static size_t chunk_size(const struct sink *sink)
{
    const size_t size = sink->to - sink->from;
    if (sink->output.kind == KIND_FILE || size <= PIPE_BUF) {
        return size;
    }
    size_t chunk = PIPE_BUF;
    while (chunk > 0 && sink->buffer[sink->from + chunk - 1] != '\n') {
        chunk--;
    }
    return chunk > 0 ? chunk : PIPE_BUF;
}

static bool is_writable(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    return poll(&wait, 1, timeout_ms) > 0;
}

/* As write(). */
static ssize_t write_chunk(const struct sink *sink, size_t size)
{
    const char *bytes = sink->buffer + sink->from;
    switch (sink->output.kind) {
    case KIND_SOCKET:
        return send(sink->output.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case KIND_SHARED:
        if (!is_writable(sink->output.fd, 0)) {
            errno = EAGAIN;
            return -1;
        }
        return write(sink->output.fd, bytes, size);
    case KIND_FILE:
    case KIND_STREAM:
        break;
    }
    return write(sink->output.fd, bytes, size);
}

void sink_flush(struct sink *sink)
{
    while (sink->to > sink->from) {
        const ssize_t done = write_chunk(sink, chunk_size(sink));
        if (done > 0) {
            took(sink, (size_t)done);
        } else if (done < 0 && errno == EAGAIN) {
            return;
        } else if (done == 0 || errno != EINTR) {
            sink->error = done == 0 ? EIO : errno;
            sink->counts.errors++;
            lose_buffer(sink);
            return;
        }
    }
}

/* Whether the buffer takes `size` more bytes, once its content is moved to its beginning if need be. */
static bool make_room(struct sink *sink, size_t size)
{
    if (size > BUFFER_SIZE - sink->to && sink->from > 0) {
        memmove(sink->buffer, sink->buffer + sink->from, sink->to - sink->from);
        sink->to -= sink->from;
        sink->from = 0;
    }
    return size <= BUFFER_SIZE - sink->to;
}

static void append(struct sink *sink, const char *line, size_t size)
{
    memcpy(sink->buffer + sink->to, line, size);
    sink->to += size;
}

/* The same, writing and waiting for it. */
static bool wait_for_room(struct sink *sink, size_t size, unsigned patience_ms)
{
    if (!make_room(sink, size)) {
        sink_flush(sink);
    }
    if (!make_room(sink, size) && !sink->stalled) {
        (void)is_writable(sink->output.fd, patience_ms < INT_MAX ? (int)patience_ms : INT_MAX);
        sink_flush(sink);
        sink->stalled = !make_room(sink, size);
    }
    return make_room(sink, size);
}

void sink_add(struct sink *sink, const char *line, size_t size, unsigned patience_ms)
{
    if (sink_has_file(sink) && wait_for_room(sink, size, patience_ms)) {
        append(sink, line, size);
    } else {
        sink->counts.lost++;
        sink->unreported++;
    }
}

void sink_count_lost(struct sink *sink, uint64_t count)
{
    sink->unreported += count;
}

uint64_t sink_unreported(const struct sink *sink)
{
    return sink->unreported;
}

bool sink_add_report(struct sink *sink, const char *line, size_t size)
{
    if (!sink_has_file(sink) || sink->report_end > 0 || !make_room(sink, size)) {
        return false;
    }
    append(sink, line, size);
    sink->reported = sink->unreported;
    sink->report_end = sink->to - sink->from;
    sink->unreported = 0;
    return true;
}

int sink_waiting_fd(const struct sink *sink)
{
    /* After an error the rest of a torn line waits for the next flush, not for a reader. */
    return sink->to > sink->from && sink->error == 0 ? sink->output.fd : -1;
}

bool sink_is_open(const struct sink *sink)
{
    return sink->open_error == 0;
}

bool sink_has_file(const struct sink *sink)
{
    return sink->output.fd >= 0;
}

int sink_trouble(const struct sink *sink)
{
    const int error = sink->open_error != 0 ? sink->open_error : sink->error;
    return error != 0 ? error : sink->stalled ? EAGAIN : 0;
}

const char *sink_path(const struct sink *sink)
{
    return sink->path;
}

struct sink_counts sink_counts(const struct sink *sink)
{
    return sink->counts;
}

static void close_output(const struct sink *sink)
{
    if (sink_has_file(sink)) {
        close(sink->output.fd);
    }
}

/* Takes the output. */
static void go_on_in(struct sink *sink, const struct output *output)
{
    sink_flush(sink);
    if (sink->torn && !same_file(output, &sink->output)) {
        lose_torn_rest(sink); /* the beginning stays behind in the old file */
    }
    close_output(sink);
    sink->output = *output;
    sink->open_error = 0;
    sink->stalled = false;
    sink->error = 0;
}

static bool open_path(struct sink *sink)
{
    struct output output;
    if (!output_open(&output, sink->path)) {
        sink->open_error = errno;
        return false;
    }
    go_on_in(sink, &output);
    return true;
}

struct sink *sink_open(const char *path)
{
    struct sink *sink = sink_new(path);
    if (sink != NULL) {
        (void)open_path(sink);
    }
    return sink;
}

struct sink *sink_open_descriptor(int fd, const char *name)
{
    struct output output;
    if (!output_open_descriptor(&output, fd)) {
        return NULL;
    }
    struct sink *sink = sink_new(name);
    if (sink == NULL) {
        close(output.fd);
        errno = ENOMEM;
        return NULL;
    }
    go_on_in(sink, &output);
    return sink;
}

bool sink_reopen(struct sink *sink, const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        errno = ENOMEM;
        return false;
    }
    free(sink->path);
    sink->path = copy;
    if (!open_path(sink)) {
        errno = sink->open_error;
        return false;
    }
    return true;
}

bool sink_retry(struct sink *sink)
{
    return sink->open_error != EBADF && open_path(sink); /* no path but standard output fails so */
}

void sink_close(struct sink **sink)
{
    if (*sink == NULL) {
        return;
    }
    sink_flush(*sink);
    close_output(*sink);
    free((*sink)->path);
    free(*sink);
    *sink = NULL;
}
