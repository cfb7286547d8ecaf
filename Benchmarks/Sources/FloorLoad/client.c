#define _GNU_SOURCE
#include "client.h"

#include "bench_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    INCOMING_SIZE = 64 * 1024,
    // A prime number, so that a lost or doubled byte never fits its neighbours.
    PATTERN_PERIOD = 251,
    // Closed connections keep their port for a minute: each address has ports of its own.
    SOURCE_ADDRESSES = 64,
    CONNECTING_AT_ONCE = 256,
    EVENTS = 1024,
    PATIENCE_MS = 10000,
};

void network_open(struct network *network, int port, size_t size) {
    network->port = port;
    network->size = size;
    network->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    network->pattern = malloc(size + PATTERN_PERIOD);
    network->incoming = malloc(INCOMING_SIZE);
    if (network->epoll_fd < 0 || network->pattern == NULL || network->incoming == NULL) {
        perror("load");
        exit(1);
    }
    for (size_t i = 0; i < size + PATTERN_PERIOD; i++) {
        network->pattern[i] = (char)(i % PATTERN_PERIOD);
    }
}

// Differs between clients and between a client's successive messages.
static const char *message_of(const struct network *network, const struct client *client) {
    return network->pattern + (client->number * 31 + client->messages * 7) % PATTERN_PERIOD;
}

static bool send_rest(struct network *network, struct client *client) {
    const char *message = message_of(network, client);
    while (client->sent < network->size) {
        size_t rest = network->size - client->sent;
        ssize_t count = send(client->fd, message + client->sent, rest, MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        client->sent += (size_t)count;
    }
    return true;
}

static bool watch(struct network *network, struct client *client, int operation) {
    client->watches_output = client->sent < network->size;
    struct epoll_event event = {
        .events = EPOLLIN | (client->watches_output ? EPOLLOUT : 0),
        .data.ptr = client,
    };
    return epoll_ctl(network->epoll_fd, operation, client->fd, &event) == 0;
}

static bool start_message(struct network *network, struct client *client) {
    client->messages++;
    client->sent = client->received = 0;
    return send_rest(network, client);
}

static bool connect_from_own_address(struct network *network, struct client *client) {
    int one = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // The port is chosen on connecting, when it only has to be free towards this server.
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + client->number % SOURCE_ADDRESSES),
    };
    if (bind(client->fd, (struct sockaddr *)&address, sizeof address) != 0) return false;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)network->port);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0) return true;
    return errno == EINPROGRESS;
}

bool client_open(struct network *network, struct client *client) {
    client->started_ns = bench_now_ns();
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        client->fd = CLIENT_NONE;
        return false;
    }
    // Over loopback the connection usually stands by now, so that the message can go at once.
    return connect_from_own_address(network, client) && start_message(network, client)
        && watch(network, client, EPOLL_CTL_ADD);
}

void client_close(struct client *client) {
    if (client->fd != CLIENT_NONE) close(client->fd);
    client->fd = CLIENT_NONE;
}

static bool adjust_watch(struct network *network, struct client *client) {
    if (client->watches_output == (client->sent < network->size)) return true;
    return watch(network, client, EPOLL_CTL_MOD);
}

bool client_begin(struct network *network, struct client *client) {
    client->started_ns = bench_now_ns();
    return start_message(network, client) && adjust_watch(network, client);
}

enum progress client_advance(struct network *network, struct client *client, uint32_t events) {
    if (client->sent < network->size) {
        if (!send_rest(network, client) || !adjust_watch(network, client)) return FAILED;
    }
    if ((events & ~(uint32_t)EPOLLOUT) == 0) return STILL_WAITING;
    ssize_t count = recv(client->fd, network->incoming, INCOMING_SIZE, 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? STILL_WAITING : FAILED;
    if (count == 0 || client->received + (size_t)count > client->sent) return FAILED;
    const char *expected = message_of(network, client) + client->received;
    if (memcmp(network->incoming, expected, (size_t)count) != 0) return FAILED;
    client->received += (size_t)count;
    return client->received == network->size ? ANSWERED : STILL_WAITING;
}

bool clients_open_all(struct network *network, struct client *clients, long count) {
    static struct epoll_event events[EVENTS];
    long opened = 0, answered = 0;
    for (long i = 0; i < count; i++) {
        clients[i] = (struct client){.fd = CLIENT_NONE, .number = (uint32_t)i};
    }
    while (answered < count) {
        while (opened < count && opened - answered < CONNECTING_AT_ONCE) {
            if (!client_open(network, &clients[opened++])) return false;
        }
        int ready = epoll_wait(network->epoll_fd, events, EVENTS, PATIENCE_MS);
        if (ready == 0) {
            errno = ETIMEDOUT;
            return false;
        }
        for (int i = 0; i < ready; i++) {
            switch (client_advance(network, events[i].data.ptr, events[i].events)) {
            case ANSWERED: answered++; break;
            case FAILED: return false;
            case STILL_WAITING: break;
            }
        }
    }
    return true;
}
