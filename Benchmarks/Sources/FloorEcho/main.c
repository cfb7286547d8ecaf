// The floor of the echo figures: a level-triggered epoll loop on one thread.
#define _GNU_SOURCE
#include "bench_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024, BACKLOG = 4096, EVENTS = 1024 };

// The bytes that the kernel has not taken yet; `bytes` is NULL if there are none for the client.
struct pending {
    char *bytes;
    size_t start, end;
};

static char buffer[BUFFER_SIZE];
static struct pending *pending_of;  // indexed by descriptor
static int epoll_fd;

static void fail(const char *call) {
    perror(call);
    exit(1);
}

static int listen_on(int port, int *bound_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, length) != 0) fail("bind");
    if (listen(fd, BACKLOG) != 0) fail("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) fail("getsockname");
    *bound_port = ntohs(address.sin_port);
    return fd;
}

static void watch(int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0) fail("epoll_ctl");
}

static void drop(int fd) {
    free(pending_of[fd].bytes);
    pending_of[fd] = (struct pending){0};
    close(fd);
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN) return;
            if (errno == EINTR || errno == ECONNABORTED) continue;
            fail("accept4");
        }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

// Keeps the rest and stops reading from this client until it has gone out.
static void keep(int fd, const char *bytes, size_t count) {
    char *copy = malloc(count);
    if (copy == NULL) fail("malloc");
    memcpy(copy, bytes, count);
    pending_of[fd] = (struct pending){.bytes = copy, .start = 0, .end = count};
    watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void echo(int fd) {
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) {
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        drop(fd);
        return;
    }
    ssize_t sent = send(fd, buffer, (size_t)count, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop(fd);
            return;
        }
        sent = 0;
    }
    if (sent < count) keep(fd, buffer + sent, (size_t)(count - sent));
}

static void send_pending(int fd) {
    struct pending *rest = &pending_of[fd];
    ssize_t sent = send(fd, rest->bytes + rest->start, rest->end - rest->start, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) drop(fd);
        return;
    }
    rest->start += (size_t)sent;
    if (rest->start < rest->end) return;
    free(rest->bytes);
    *rest = (struct pending){0};
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

int main(int argc, char **argv) {
    if (!bench_pin_to_cpu((int)bench_option(argc, argv, "--cpu", -1))) fail("sched_setaffinity");
    long descriptors = bench_raise_descriptor_limit();
    if (descriptors < 0) fail("setrlimit");
    pending_of = calloc((size_t)descriptors, sizeof *pending_of);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (pending_of == NULL || epoll_fd < 0) fail("start");

    int port = 0;
    int listener = listen_on((int)bench_option(argc, argv, "--port", 0), &port);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    printf("listening %d\n", port);
    fflush(stdout);

    static struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(listener);
            } else if (pending_of[fd].bytes != NULL) {
                send_pending(fd);
            } else {
                echo(fd);
            }
        }
    }
}
