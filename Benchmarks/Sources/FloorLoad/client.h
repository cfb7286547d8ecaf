// One connection: it sends a message, waits for all of it to come back, and checks every byte.
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_NONE = -1 };

struct client {
    int fd;  // CLIENT_NONE while closed
    uint32_t number, messages;
    bool watches_output;
    size_t sent, received;
    uint64_t started_ns;
};

/// What all clients have in common. One a process.
struct network {
    int epoll_fd, port;
    size_t size;
    char *pattern;  // the bytes of every message, each at its own offset
    char *incoming;
};

enum progress { STILL_WAITING, ANSWERED, FAILED };

void network_open(struct network *network, int port, size_t size);

/// Connects and starts the first message, whose time includes that of connecting.
bool client_open(struct network *network, struct client *client);
void client_close(struct client *client);

/// Starts the next message on an open connection.
bool client_begin(struct network *network, struct client *client);

/// Carries on after the events that epoll reported.
enum progress client_advance(struct network *network, struct client *client, uint32_t events);

/// Connects all, a bounded number at a time so that the server's backlog cannot overflow,
/// and returns once each has had its first answer. False if one failed.
bool clients_open_all(struct network *network, struct client *clients, long count);

#endif
