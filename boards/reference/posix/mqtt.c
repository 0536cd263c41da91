#include "mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30,
    PUBACK = 0x40,
    PUBREC = 0x50,
    PUBREL = 0x60,
    PUBCOMP = 0x70,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    PINGREQ = 0xC0,
    DISCONNECT = 0xE0
};

#define HEAD_BYTES 5
#define OUT_BYTES 2048 /* what a board says is below AC_PAYLOAD_BYTES */

int64_t mqtt_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- writing ---- */

typedef struct {
    unsigned char bytes[OUT_BYTES];
    size_t size;
    bool is_full;
} outgoing;

static void put(outgoing *out, const void *bytes, size_t size) {
    if (size > sizeof out->bytes - out->size) {
        out->is_full = true;
        return;
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void put_byte(outgoing *out, unsigned value) {
    const unsigned char byte = (unsigned char)value;
    put(out, &byte, 1);
}

static void put_number(outgoing *out, unsigned value) {
    put_byte(out, value >> 8 & 0xFFU);
    put_byte(out, value & 0xFFU);
}

static void put_text(outgoing *out, const char *text) {
    put_number(out, (unsigned)strlen(text));
    put(out, text, strlen(text));
}

static bool send_all(mqtt *client, const unsigned char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t sent = send(client->socket, bytes, size, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            struct pollfd room = {client->socket, POLLOUT, 0};
            if (poll(&room, 1, MQTT_TIMEOUT_MS) <= 0) {
                return false;
            }
        } else if (sent == 0 || errno != EINTR) {
            return false;
        }
    }
    client->sent_at = mqtt_now();
    return true;
}

/* Send a packet: its head is made here. A connection that does not take it is lost. */
static bool send_packet(mqtt *client, unsigned kind, const outgoing *body) {
    unsigned char packet[HEAD_BYTES + OUT_BYTES];
    size_t at = 0;
    size_t rest = body->size;
    if (client->socket < 0 || body->is_full) {
        return false;
    }
    packet[at++] = (unsigned char)kind;
    do {
        packet[at++] = (unsigned char)((rest & 0x7FU) | (rest > 0x7F ? 0x80U : 0U));
        rest >>= 7;
    } while (rest > 0);
    memcpy(packet + at, body->bytes, body->size);
    if (!send_all(client, packet, at + body->size)) {
        mqtt_drop(client);
        return false;
    }
    return true;
}

static bool send_reply(mqtt *client, unsigned kind, unsigned packet) {
    outgoing out = {.size = 0};
    put_number(&out, packet);
    return send_packet(client, kind, &out);
}

static uint16_t new_packet(mqtt *client) {
    client->next_packet = (uint16_t)(client->next_packet == UINT16_MAX ? 1 : client->next_packet + 1);
    return client->next_packet;
}

/* ---- reading ---- */

/* The size of the packet that begins the buffer with its head; 0: not all of it is there, -1: it is no packet. */
static long packet_size(const mqtt *client, size_t *head) {
    size_t rest = 0;
    for (size_t at = 1; at < HEAD_BYTES; at++) {
        if (at >= client->filled) {
            return 0;
        }
        rest |= (size_t)(client->packet[at] & 0x7FU) << 7 * (at - 1);
        if ((client->packet[at] & 0x80U) == 0) {
            *head = at + 1;
            if (*head + rest > sizeof client->packet) {
                return -1;
            }
            return *head + rest <= client->filled ? (long)(*head + rest) : 0;
        }
    }
    return -1;
}

static bool take_message(mqtt *client, unsigned flags, const unsigned char *body, size_t size) {
    char topic[MQTT_TOPIC_BYTES];
    const unsigned qos = flags >> 1 & 3U;
    if (size < 2) {
        return false;
    }
    const size_t length = (size_t)body[0] << 8 | body[1];
    size_t at = 2 + length;
    if (at + (qos > 0 ? 2 : 0) > size) {
        return false;
    }
    if (qos > 0) {
        const unsigned packet = (unsigned)body[at] << 8 | body[at + 1];
        at += 2;
        /* The session is clean, so the broker repeats nothing on it: a message of QoS 2 may be heard before its PUBREL. */
        if (!send_reply(client, qos == 1 ? PUBACK : PUBREC, packet)) {
            return false;
        }
    }
    if (length < sizeof topic) { /* no topic of ours is longer */
        memcpy(topic, body + 2, length);
        topic[length] = '\0';
        client->events.on_message(client->events.context, topic, (const char *)body + at, size - at, (flags & 1U) != 0);
    }
    return true;
}

static bool take_packet(mqtt *client, const unsigned char *body, size_t size) {
    const unsigned kind = client->packet[0] & 0xF0U;
    const unsigned number = size >= 2 ? (unsigned)body[0] << 8 | body[1] : 0;
    switch (kind) {
    case PUBLISH:
        return take_message(client, client->packet[0] & 0x0FU, body, size);
    case PUBACK:
        client->events.on_acknowledged(client->events.context, (uint16_t)number);
        return true;
    case PUBREL:
        return size >= 2 && send_reply(client, PUBCOMP, number);
    case SUBACK:
        for (size_t at = 2; at < size; at++) {
            if (body[at] == 0x80) {
                return false; /* a board that does not hear must not seem to be there */
            }
        }
        return true;
    default:
        return true;
    }
}

static bool fill(mqtt *client) {
    const ssize_t got = recv(client->socket, client->packet + client->filled, sizeof client->packet - client->filled, MSG_DONTWAIT);
    if (got > 0) {
        client->filled += (size_t)got;
        client->heard_at = mqtt_now();
        return true;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool take_all(mqtt *client) {
    for (;;) {
        size_t head = 0;
        const long size = packet_size(client, &head);
        if (size <= 0) {
            return size == 0;
        }
        if (!take_packet(client, client->packet + head, (size_t)size - head) || client->socket < 0) {
            return false;
        }
        client->filled -= (size_t)size;
        memmove(client->packet, client->packet + size, client->filled);
    }
}

bool mqtt_step(mqtt *client) {
    const outgoing nothing = {.size = 0};
    if (client->socket < 0) {
        return false;
    }
    const int64_t now = mqtt_now();
    bool is_well = fill(client) && take_all(client);
    if (is_well && now - client->heard_at > client->keep_alive_ms * 3 / 2) {
        is_well = false;
    }
    if (is_well && now - (client->sent_at < client->heard_at ? client->sent_at : client->heard_at) >= client->keep_alive_ms / 2) {
        is_well = send_packet(client, PINGREQ, &nothing);
    }
    if (!is_well) {
        mqtt_drop(client);
    }
    return is_well;
}

/* ---- connecting ---- */

static int dial(const char *host, const char *port) {
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    int made = -1;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return -1;
    }
    for (const struct addrinfo *one = found; one != NULL && made < 0; one = one->ai_next) {
        made = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (made < 0) {
            continue;
        }
        struct pollfd room = {made, POLLOUT, 0};
        int error = 0;
        socklen_t size = sizeof error;
        fcntl(made, F_SETFL, O_NONBLOCK);
        if ((connect(made, one->ai_addr, one->ai_addrlen) != 0 && errno != EINPROGRESS) || poll(&room, 1, MQTT_TIMEOUT_MS) <= 0 ||
            getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            close(made);
            made = -1;
        }
    }
    freeaddrinfo(found);
    return made;
}

static bool say_connect(mqtt *client, const mqtt_options *options) {
    outgoing out = {.size = 0};
    unsigned flags = 0x02U | 0x04U | 0x08U | 0x20U; /* clean session; a will of QoS 1, retained */
    flags |= options->username != NULL ? 0x80U : 0U;
    flags |= options->username != NULL && options->password != NULL ? 0x40U : 0U;
    put_text(&out, "MQTT");
    put_byte(&out, 4);
    put_byte(&out, flags);
    put_number(&out, options->keep_alive_s);
    put_text(&out, options->client_id);
    put_text(&out, options->will_topic);
    put_text(&out, options->will);
    if ((flags & 0x80U) != 0) {
        put_text(&out, options->username);
    }
    if ((flags & 0x40U) != 0) {
        put_text(&out, options->password);
    }
    return send_packet(client, CONNECT, &out);
}

static bool is_accepted(mqtt *client) {
    const int64_t until = mqtt_now() + MQTT_TIMEOUT_MS;
    size_t head = 0;
    while (packet_size(client, &head) == 0) {
        struct pollfd news = {client->socket, POLLIN, 0};
        const int64_t rest = until - mqtt_now();
        if (rest <= 0 || poll(&news, 1, (int)rest) <= 0 || !fill(client)) {
            return false;
        }
    }
    const bool is_in = client->filled >= 4 && client->packet[0] == CONNACK && client->packet[1] == 2 && client->packet[3] == 0;
    if (is_in) {
        client->filled -= 4;
        memmove(client->packet, client->packet + 4, client->filled);
    }
    return is_in;
}

bool mqtt_connect(mqtt *client, const mqtt_options *options, const mqtt_events *events) {
    const int yes = 1;
    client->events = *events;
    client->filled = 0;
    client->keep_alive_ms = (int64_t)options->keep_alive_s * 1000;
    client->socket = dial(options->host, options->port);
    if (client->socket < 0) {
        return false;
    }
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* the second of two small packets must not wait */
    client->heard_at = mqtt_now();
    if (!say_connect(client, options) || !is_accepted(client)) {
        mqtt_drop(client);
        return false;
    }
    return true;
}

bool mqtt_subscribe(mqtt *client, const char *topic, int qos) {
    outgoing out = {.size = 0};
    put_number(&out, new_packet(client));
    put_text(&out, topic);
    put_byte(&out, (unsigned)qos);
    return send_packet(client, SUBSCRIBE, &out);
}

bool mqtt_publish(mqtt *client, const char *topic, const char *payload, size_t size, int qos, bool retain, uint16_t *packet) {
    outgoing out = {.size = 0};
    put_text(&out, topic);
    *packet = 0;
    if (qos > 0) {
        *packet = new_packet(client);
        put_number(&out, *packet);
    }
    put(&out, payload, size);
    return send_packet(client, PUBLISH | (qos > 0 ? 2U : 0U) | (retain ? 1U : 0U), &out);
}

void mqtt_leave(mqtt *client) {
    const outgoing nothing = {.size = 0};
    (void)send_packet(client, DISCONNECT, &nothing);
    mqtt_drop(client);
}

void mqtt_drop(mqtt *client) {
    if (client->socket >= 0) {
        close(client->socket);
        client->socket = -1;
    }
}
