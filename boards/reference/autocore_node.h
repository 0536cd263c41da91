/* A relay board on MQTT without the MQTT: topics and JSON in, topics and JSON out, around the rules of autocore_board.h.
 *
 * The porter brings a connection (MQTT 3.1.1, clean session), outputs, random numbers and a clock, and calls what stands here.
 * Nothing is allocated: an `ac_node` is all the memory there is.
 */
#ifndef AUTOCORE_NODE_H
#define AUTOCORE_NODE_H

#include "autocore_board.h"
#include "autocore_json.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AC_NAME_BYTES 65
#define AC_TOPIC_BYTES 160
#define AC_PAYLOAD_BYTES 768 /* of what is said; what comes in may be as long as the connection can take it */

/* The topics that a board subscribes to, in this order; then those on which it speaks. */
typedef enum {
    AC_TOPIC_GATEWAY_STATUS,
    AC_TOPIC_WELCOME,
    AC_TOPIC_COMMAND,
    AC_TOPIC_RELAY_COMMAND,
    AC_TOPIC_HEARTBEAT,
    AC_TOPIC_CONFIG,
    AC_TOPIC_REGISTER,
    AC_TOPIC_STATUS,
    AC_TOPIC_STATE,
    AC_TOPIC_ACK
} ac_topic;

#define AC_SUBSCRIPTIONS 6

/* What the board says of itself; texts live as long as the node, NULL leaves one out. */
typedef struct {
    const char *root; /* the first level of every topic, "autocore" */
    const char *id;
    const char *name;
    const char *firmware;
    const char *hardware;
    int config_bytes; /* the longest configuration that the connection can take in; 0 says nothing */
} ac_card;

typedef enum { AC_DEVICE_UNKNOWN, AC_DEVICE_DONE, AC_DEVICE_LATER } ac_device_answer;

/* What the porter provides. */
typedef struct {
    void *context;
    /* Energise or release an output, now. */
    void (*output)(void *context, int channel, bool is_on);
    /* Publish, in this order. `token` is 0, or to be given to `ac_node_delivered` when the broker has acknowledged this message
     * (PUBACK): nothing is energised before. What cannot be sent is dropped, never queued over connections. */
    void (*publish)(void *context, ac_topic topic, const char *payload, size_t size, int token);
    /* A command about the device: "identify", "restart"; AC_DEVICE_LATER is answered "accepted". */
    ac_device_answer (*device)(void *context, const char *command);
} ac_port;

typedef struct {
    ac_board board;
    ac_port port;
    ac_card card;
    bool is_online;
    ac_ms booted_at;
    ac_ms now;
    int token; /* of the newest acknowledgement of a configuration */
    char buffer[AC_PAYLOAD_BYTES];
} ac_node;

/* Begin as after a loss of power. `rules` as in `ac_board_power_up`. */
void ac_node_power_up(ac_node *node, const ac_port *port, const ac_card *card, const ac_rules *rules, ac_ms now);

/* Whole topic of `topic`, into `out` (AC_TOPIC_BYTES); its quality of service; whether it is published retained. */
void ac_node_topic(const ac_node *node, ac_topic topic, char *out, size_t size);
int ac_topic_qos(ac_topic topic);
bool ac_topic_is_retained(ac_topic topic);

/* The payload of the last will, for AC_TOPIC_STATUS, QoS 1, retained; `session` is the random one of this connection. */
void ac_node_will(ac_node *node, const char *session, char *out, size_t size);

/* The broker accepted the connection, and the subscriptions are asked for. Registers, says the status and the state. */
void ac_node_connected(ac_node *node, const char *session, ac_ms now);
void ac_node_disconnected(ac_node *node, ac_ms now);

/* A message came. Whatever it holds is harmless; what is refused is answered when it has an id. */
void ac_node_receive(ac_node *node, const char *topic, const char *payload, size_t size, bool is_retained, ac_ms now);

/* The broker has the message that was published with `token`. */
void ac_node_delivered(ac_node *node, int token, ac_ms now);

/* Do what is due; `ac_node_due` says when there is something to do next. */
void ac_node_tick(ac_node *node, ac_ms now);
ac_ms ac_node_due(const ac_node *node);

#ifdef __cplusplus
}
#endif
#endif
