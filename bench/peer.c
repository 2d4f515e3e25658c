/* The other side of the identify benchmark, in C so that it is never the slower one.
 *
 *   peer serve PORT CORE      accepts every association, answers C-ECHO, gives one match to a C-FIND, releases;
 *                             says what it served as JSON when standard input ends
 *   peer touch PORT HOSTS     connects to that many addresses, one after another, and closes: the limit
 *   peer ask PORT HOSTS OPEN  the whole question (associate, C-ECHO, C-FIND, release), OPEN hosts at once: what is left
 *                             when the client costs nothing
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 8192, EVENTS = 512 };
enum { RQ = 1, AC, RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT };

#define FIRST_HOST 0x7F010001u /* 127.1.0.1 */

struct peer {
    int fd, find_context, find_id, step;
    size_t held;
    uint8_t in[ROOM];
};

static long connections, associations, echoes, finds, releases;

static void die(const char *what) { perror(what); exit(1); }

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static uint32_t be16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static uint32_t le32(const uint8_t *p) { return (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0]; }
static uint8_t *put_be32(uint8_t *p, uint32_t v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; return p + 4; }

static uint8_t *item(uint8_t *p, int kind, const void *body, size_t length)
{
    *p++ = kind; *p++ = 0; *p++ = length >> 8; *p++ = length;
    memcpy(p, body, length);
    return p + length;
}

static uint8_t *element(uint8_t *p, unsigned group, unsigned tag, const void *value, size_t length)
{
    size_t even = length + (length & 1);
    *p++ = group; *p++ = group >> 8; *p++ = tag; *p++ = tag >> 8;
    *p++ = even; *p++ = even >> 8; *p++ = 0; *p++ = 0;
    memcpy(p, value, length);
    if (length & 1) p[length] = 0;
    return p + even;
}

static uint8_t *us(uint8_t *p, unsigned tag, unsigned value)
{
    uint8_t raw[2] = {value, value >> 8};
    return element(p, 0, tag, raw, 2);
}

/* A P-DATA unit around a message; body holds it already, behind 12 bytes of room. */
static size_t p_data(uint8_t *unit, int context, int control, size_t length)
{
    unit[0] = P_DATA; unit[1] = 0;
    put_be32(unit + 2, length + 6);
    put_be32(unit + 6, length + 2);
    unit[10] = context; unit[11] = control;
    return length + 12;
}

static size_t command(uint8_t *unit, int context, const char *sop_class, unsigned field, unsigned id, unsigned data_set, int status)
{
    uint8_t *p = unit + 12 + 12, *group = unit + 12;
    p = element(p, 0, 0x0002, sop_class, strlen(sop_class));
    p = us(p, 0x0100, field);
    p = us(p, field & 0x8000 ? 0x0120 : 0x0110, id);
    if (field == 0x0020) p = us(p, 0x0700, 2);
    p = us(p, 0x0800, data_set);
    if (status >= 0) p = us(p, 0x0900, status);
    uint32_t length = p - group - 12;
    uint8_t raw[4] = {length, length >> 8, length >> 16, length >> 24};
    element(group, 0, 0, raw, 4);
    return p_data(unit, context, 3, p - group);
}

static const char ECHO[] = "1.2.840.10008.1.1", FIND[] = "1.2.840.10008.5.1.4.1.2.2.1";
static const char IMPLICIT[] = "1.2.840.10008.1.2", APPLICATION[] = "1.2.840.10008.3.1.1.1";

/* One match. The explicit form differs from the implicit one in four bytes an element. */
static size_t match(uint8_t *unit, int context, int explicit)
{
    static const struct { unsigned group, tag; const char *vr, *value; } keys[] = {
        {0x0008, 0x0020, "DA", "20200101"}, {0x0008, 0x0052, "CS", "STUDY "},
        {0x0020, 0x000D, "UI", "1.2.826.0.1.3680043.10.99999.7"},
    };
    uint8_t *p = unit + 12;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t length = strlen(keys[i].value);
        uint8_t *head = p;
        p = element(p, keys[i].group, keys[i].tag, keys[i].value, length);
        if (explicit) { memcpy(head + 4, keys[i].vr, 2); head[6] = length + (length & 1); head[7] = 0; }
    }
    return p_data(unit, context, 2, p - unit - 12);
}

static size_t associate_request(uint8_t *out)
{
    uint8_t *p = out + 6, body[256], *b, max[4];
    const char *classes[] = {ECHO, FIND};
    memset(p, 0, 68); p[1] = 1; memset(p + 4, ' ', 32);
    memcpy(p + 4, "ANY-SCP", 7); memcpy(p + 20, "BENCH", 5);
    p = item(p + 68, 0x10, APPLICATION, sizeof APPLICATION - 1);
    for (int i = 0; i < 2; i++) {
        memset(body, 0, 4); body[0] = 1 + 2 * i;
        b = item(body + 4, 0x30, classes[i], strlen(classes[i]));
        b = item(b, 0x40, IMPLICIT, sizeof IMPLICIT - 1);
        p = item(p, 0x20, body, b - body);
    }
    put_be32(max, 128 * 1024);
    b = item(body, 0x51, max, 4);
    b = item(b, 0x52, "1.2.826.0.1.3680043.10.99999.3", 30);
    p = item(p, 0x50, body, b - body);
    out[0] = RQ; out[1] = 0; put_be32(out + 2, p - out - 6);
    return p - out;
}

static uint8_t explicit_contexts[32]; /* context ids are odd and below 64 in every client here; all clients of a run propose alike */

static size_t associate_accept(uint8_t *out, const uint8_t *in, size_t length)
{
    uint8_t *p = out + 6, body[128], *b, max[4];
    memcpy(p, in, 68);
    p = item(p + 68, 0x10, APPLICATION, sizeof APPLICATION - 1);
    for (size_t at = 68; at + 4 <= length; at += 4 + be16(in + at + 2)) {
        size_t end = at + 4 + be16(in + at + 2);
        if (end > length || in[at] != 0x20 || end < at + 8) continue;
        memset(body, 0, 4); body[0] = in[at + 4]; b = body + 4;
        for (size_t s = at + 8; s + 4 <= end; s += 4 + be16(in + s + 2)) {
            size_t n = be16(in + s + 2);
            if (in[s] != 0x40 || s + 4 + n > end || n > 64) continue;
            b = item(b, 0x40, in + s + 4, n); /* the first one proposed */
            explicit_contexts[(body[0] >> 1) & 31] = n == 19;
            break;
        }
        if (p + (b - body) + 128 > out + ROOM) break;
        p = item(p, 0x21, body, b - body);
    }
    put_be32(max, 16384);
    b = item(body, 0x51, max, 4);
    b = item(b, 0x52, "1.2.826.0.1.3680043.10.99999.4", 30);
    b = item(b, 0x55, "BENCH_PEER", 10);
    p = item(p, 0x50, body, b - body);
    out[0] = AC; out[1] = 0; put_be32(out + 2, p - out - 6);
    return p - out;
}

static void field_and_id(const uint8_t *p, size_t length, unsigned *field, unsigned *id)
{
    for (size_t at = 0; at + 8 <= length;) {
        unsigned tag = p[at + 2] | p[at + 3] << 8;
        size_t n = le32(p + at + 4);
        if (n > length - at - 8) return;
        if (n == 2 && tag == 0x0100) *field = p[at + 8] | p[at + 9] << 8;
        if (n == 2 && tag == 0x0110) *id = p[at + 8] | p[at + 9] << 8;
        at += 8 + n;
    }
}

/* The answer to one unit. Returns its length, or -1 to close. */
static ssize_t answer(struct peer *peer, const uint8_t *unit, size_t length, uint8_t *out)
{
    if (unit[0] == RQ && length >= 74) { associations++; return associate_accept(out, unit + 6, length - 6); }
    if (unit[0] == RELEASE_RQ) { releases++; memcpy(out, "\6\0\0\0\0\4\0\0\0\0", 10); return 10; }
    if (unit[0] != P_DATA) return -1;
    size_t made = 0;
    for (size_t at = 6; at + 6 <= length;) {
        size_t n = be32(unit + at);
        if (n < 2 || n > length - at - 4) return -1;
        int context = unit[at + 4], control = unit[at + 5];
        unsigned field = 0, id = 0;
        if (control & 1) {
            field_and_id(unit + at + 6, n - 2, &field, &id);
            if (field == 0x0030) { echoes++; made += command(out + made, context, ECHO, 0x8030, id, 0x0101, 0); }
            if (field == 0x0020) { peer->find_context = context; peer->find_id = id; }
        } else if (control & 2 && peer->find_context == context) {
            finds++;
            made += command(out + made, context, FIND, 0x8020, peer->find_id, 1, 0xFF00);
            made += match(out + made, context, explicit_contexts[(context >> 1) & 31]);
            made += command(out + made, context, FIND, 0x8020, peer->find_id, 0x0101, 0);
            peer->find_context = 0;
        }
        at += 4 + n;
        if (made > ROOM / 2) return -1;
    }
    return made;
}

/* The next step of `ask` after a unit. Returns the length to send, or -1 when done. */
static ssize_t next(struct peer *peer, const uint8_t *unit, size_t length, uint8_t *out)
{
    if (unit[0] == AC) return command(out, 1, ECHO, 0x0030, 1, 0x0101, -1);
    if (unit[0] == RELEASE_RP) { releases++; return -1; }
    if (unit[0] != P_DATA || length < 24) return -1;
    if (peer->step == 0) {
        peer->step = 1;
        size_t made = command(out, 3, FIND, 0x0020, 2, 1, -1);
        uint8_t *p = out + made + 12;
        p = element(p, 0x0008, 0x0052, "STUDY ", 6);
        p = element(p, 0x0020, 0x000D, "", 0);
        return made + p_data(out + made, 3, 2, p - out - made - 12);
    }
    if (++peer->step == 4) { memcpy(out, "\5\0\0\0\0\4\0\0\0\0", 10); return 10; } /* pending, its data set, final */
    return 0;
}

static void nodelay(int fd) { int one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); }

/* Read what is there and answer it. Returns 0 when the connection is over. */
static int attend(struct peer *peer, ssize_t (*reply)(struct peer *, const uint8_t *, size_t, uint8_t *))
{
    ssize_t got = read(peer->fd, peer->in + peer->held, ROOM - peer->held);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    peer->held += got;
    uint8_t out[2 * ROOM];
    size_t at = 0, made = 0;
    while (peer->held - at >= 6) {
        size_t length = (size_t)be32(peer->in + at + 2) + 6;
        if (length > ROOM) return 0;
        if (peer->held - at < length) break;
        ssize_t n = reply(peer, peer->in + at, length, out + made);
        if (n < 0) return 0;
        at += length; made += n;
        if (made > ROOM) return 0;
    }
    memmove(peer->in, peer->in + at, peer->held -= at);
    return made == 0 || write(peer->fd, out, made) == (ssize_t)made;
}

static struct peer *opened(int poll, int fd)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) die("calloc");
    peer->fd = fd;
    nodelay(fd);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
    return peer;
}

static void serve(int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, poll = epoll_create1(0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 4096)) die("listen");
    static struct peer input, door;
    input.fd = 0; door.fd = listener;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &input}, events[EVENTS];
    if (epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event)) die("standard input must be a pipe");
    event.data.ptr = &door;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    puts("{\"ready\": true}");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer == &input) {
                printf("{\"connections\": %ld, \"associations\": %ld, \"echoes\": %ld, \"finds\": %ld, \"releases\": %ld}\n",
                       connections, associations, echoes, finds, releases);
                return;
            }
            if (peer == &door) {
                for (int fd; (fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0; connections++) opened(poll, fd);
            } else if (!attend(peer, answer)) {
                close(peer->fd);
                free(peer);
            }
        }
    }
}

static int dial(int port, uint32_t host, int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
    if (fd < 0 || (connect(fd, (void *)&there, sizeof there) && errno != EINPROGRESS)) die("connect");
    return fd;
}

static void touch(int port, long hosts)
{
    for (long i = 0; i < hosts; i++) close(dial(port, FIRST_HOST + i, 0));
    releases = hosts;
}

static void ask(int port, long hosts, long at_once)
{
    int poll = epoll_create1(0);
    struct epoll_event events[EVENTS];
    uint8_t request[1024];
    size_t length = associate_request(request);
    for (long begun = 0, open = 0; begun < hosts || open > 0;) {
        for (; begun < hosts && open < at_once; begun++, open++) {
            int fd = dial(port, FIRST_HOST + begun, 0); /* a connect to loopback is done when it returns */
            fcntl(fd, F_SETFL, O_NONBLOCK);
            opened(poll, fd);
            if (write(fd, request, length) != (ssize_t)length) die("write");
        }
        int n = epoll_wait(poll, events, EVENTS, 10000);
        if (n <= 0) die("no answer");
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (!attend(peer, next)) { close(peer->fd); free(peer); open--; }
        }
    }
}

/* Not ru_maxrss, which is handed down from the process that forked. */
static double peak_mb(void)
{
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6)) kib = atof(line + 6);
    if (status) fclose(status);
    return kib / 1024;
}

int main(int argc, char **argv)
{
    if (argc < 4) return fputs("peer serve PORT CORE | touch PORT HOSTS | ask PORT HOSTS OPEN\n", stderr), 2;
    int port = atoi(argv[2]);
    if (!strcmp(argv[1], "serve")) {
        cpu_set_t core;
        CPU_ZERO(&core);
        CPU_SET(atoi(argv[3]), &core);
        if (sched_setaffinity(0, sizeof core, &core)) die("sched_setaffinity");
        serve(port);
        return 0;
    }
    struct timespec from, to;
    struct rusage used;
    long hosts = atol(argv[3]);
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (!strcmp(argv[1], "touch")) touch(port, hosts);
    else ask(port, hosts, argc > 4 ? atol(argv[4]) : 500);
    clock_gettime(CLOCK_MONOTONIC, &to);
    getrusage(RUSAGE_SELF, &used);
    printf("{\"hosts\": %ld, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"peak_mb\": %.1f}\n", releases,
           to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9,
           used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6, peak_mb());
    return 0;
}
