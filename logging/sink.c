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
    int fd;
    enum kind kind;
    dev_t device;
    ino_t inode;
};

struct sink {
    char *path;
    struct output output;
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

/* Takes the output. */
static struct sink *sink_new(const struct output *output, const char *path)
{
    struct sink *sink = malloc(sizeof *sink);
    char *copy = strdup(path);
    if (sink == NULL || copy == NULL) {
        free(sink);
        free(copy);
        close(output->fd);
        errno = ENOMEM;
        return NULL;
    }
    *sink = (struct sink){.path = copy, .output = *output};
    return sink;
}

struct sink *sink_open(const char *path)
{
    struct output output;
    return output_open(&output, path) ? sink_new(&output, path) : NULL;
}

struct sink *sink_open_descriptor(int fd, const char *name)
{
    struct output output;
    return output_open_descriptor(&output, fd) ? sink_new(&output, name) : NULL;
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

void sink_add(struct sink *sink, const char *line, size_t size, unsigned patience_ms)
{
    if (!make_room(sink, size)) {
        sink_flush(sink);
    }
    if (!make_room(sink, size) && !sink->stalled) {
        (void)is_writable(sink->output.fd, patience_ms < INT_MAX ? (int)patience_ms : INT_MAX);
        sink_flush(sink);
    }
    if (!make_room(sink, size)) {
        sink->stalled = true;
        sink->counts.lost++;
        sink->unreported++;
        return;
    }
    append(sink, line, size);
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
    if (sink->report_end > 0 || !make_room(sink, size)) {
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

int sink_trouble(const struct sink *sink)
{
    return sink->error != 0 ? sink->error : sink->stalled ? EAGAIN : 0;
}

const char *sink_path(const struct sink *sink)
{
    return sink->path;
}

struct sink_counts sink_counts(const struct sink *sink)
{
    return sink->counts;
}

bool sink_reopen(struct sink *sink, const char *path)
{
    struct output output;
    char *copy = strdup(path);
    if (copy == NULL || !output_open(&output, path)) {
        const int saved = errno;
        free(copy);
        errno = saved;
        return false;
    }
    sink_flush(sink);
    if (sink->torn && !same_file(&output, &sink->output)) {
        lose_torn_rest(sink); /* the beginning stays behind in the old file */
    }
    close(sink->output.fd);
    free(sink->path);
    sink->output = output;
    sink->path = copy;
    sink->stalled = false;
    sink->error = 0;
    return true;
}

void sink_close(struct sink **sink)
{
    if (*sink == NULL) {
        return;
    }
    sink_flush(*sink);
    close((*sink)->output.fd);
    free((*sink)->path);
    free(*sink);
    *sink = NULL;
}
