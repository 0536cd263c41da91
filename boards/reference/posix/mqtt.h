/* A small MQTT 3.1.1 client over a POSIX socket: what a board needs and no more. Publishes with QoS 0 and 1, hears QoS 0, 1 and 2.
 *
 * One connection at a time, always a clean session: nothing that waited for an earlier connection is ever sent or heard.
 */
#ifndef AUTOCORE_POSIX_MQTT_H
#define AUTOCORE_POSIX_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQTT_LARGEST_PACKET 70000 /* protocol: a message has at most 64 KiB; what is larger ends the connection */
#define MQTT_TOPIC_BYTES 256
#define MQTT_TIMEOUT_MS 5000

typedef struct {
    const char *host;
    const char *port;
    const char *client_id;
    const char *username; /* NULL: none */
    const char *password;
    const char *will_topic; /* said by the broker when the connection is lost: QoS 1, retained */
    const char *will;
    uint16_t keep_alive_s;
} mqtt_options;

typedef struct {
    void *context;
    void (*on_message)(void *context, const char *topic, const char *payload, size_t size, bool is_retained);
    void (*on_acknowledged)(void *context, uint16_t packet); /* PUBACK of a message of QoS 1 */
} mqtt_events;

typedef struct {
    int socket; /* -1: no connection */
    mqtt_events events;
    uint16_t next_packet;
    int64_t keep_alive_ms;
    int64_t sent_at;
    int64_t heard_at;
    size_t filled;
    unsigned char packet[MQTT_LARGEST_PACKET];
} mqtt;

int64_t mqtt_now(void); /* milliseconds of the monotonic clock */

/* Connect and wait for the broker's word; false when it does not let us in. */
bool mqtt_connect(mqtt *client, const mqtt_options *options, const mqtt_events *events);

bool mqtt_subscribe(mqtt *client, const char *topic, int qos);

/* Publish with QoS 0 or 1; gives the packet's number with QoS 1. False: the connection is lost. */
bool mqtt_publish(mqtt *client, const char *topic, const char *payload, size_t size, int qos, bool retain, uint16_t *packet);

/* Take in what has come, without waiting, and keep the connection alive. False: the connection is lost. */
bool mqtt_step(mqtt *client);

/* Take leave, so that the last will stays unsaid; or drop the connection, so that it is said. */
void mqtt_leave(mqtt *client);
void mqtt_drop(mqtt *client);

#endif
