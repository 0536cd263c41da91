/* autocore-board: the reference board as a process. Its outputs are lines on standard output: `2.417 channel 3 on`. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../autocore_node.h"
#include "mqtt.h"

#define KEEP_ALIVE_S 10
#define FIRST_PAUSE_MS 250 /* between two attempts to connect; doubled each time */
#define LONGEST_PAUSE_MS 5000

typedef struct {
    ac_node node;
    mqtt client;
    int64_t started_at;
    uint16_t token_packet; /* the message that acknowledges the newest configuration */
    int token;
    bool wants_restart;
} program;

static volatile sig_atomic_t is_ending = 0;

static void on_signal(int number) {
    (void)number;
    is_ending = 1;
}

/* The board's clock begins with the program, as it does on a board: what agrees with the gateway's by chance hides faults. */
static ac_ms now_of(const program *self) { return mqtt_now() - self->started_at; }

static void on_output(void *context, int channel, bool is_on) {
    const ac_ms now = now_of(context);
    printf("%lld.%03lld channel %d %s\n", (long long)(now / 1000), (long long)(now % 1000), channel, is_on ? "on" : "off");
    fflush(stdout);
}

static void on_publish(void *context, ac_topic topic, const char *payload, size_t size, int token) {
    program *self = context;
    char name[AC_TOPIC_BYTES];
    uint16_t packet = 0;
    ac_node_topic(&self->node, topic, name, sizeof name);
    if (mqtt_publish(&self->client, name, payload, size, ac_topic_qos(topic), ac_topic_is_retained(topic), &packet) && token != 0) {
        self->token = token;
        self->token_packet = packet;
    }
}

static ac_device_answer on_device(void *context, const char *command) {
    program *self = context;
    if (strcmp(command, "identify") == 0) {
        puts("blink");
        fflush(stdout);
        return AC_DEVICE_DONE;
    }
    self->wants_restart = strcmp(command, "restart") == 0;
    return self->wants_restart ? AC_DEVICE_LATER : AC_DEVICE_UNKNOWN;
}

static void on_message(void *context, const char *topic, const char *payload, size_t size, bool is_retained) {
    program *self = context;
    ac_node_receive(&self->node, topic, payload, size, is_retained, now_of(self));
}

static void on_acknowledged(void *context, uint16_t packet) {
    program *self = context;
    if (self->token != 0 && packet == self->token_packet) {
        const int token = self->token;
        self->token = 0;
        ac_node_delivered(&self->node, token, now_of(self));
    }
}

static void random_session(char *out, size_t size) {
    unsigned char bytes[8];
    FILE *source = fopen("/dev/urandom", "rb");
    if (source == NULL || fread(bytes, 1, sizeof bytes, source) != sizeof bytes) {
        fputs("autocore-board: there are no random numbers here\n", stderr);
        exit(2);
    }
    fclose(source);
    for (size_t at = 0; at < sizeof bytes && 2 * at + 2 < size; at++) {
        snprintf(out + 2 * at, 3, "%02x", bytes[at]);
    }
}

/* Connect, subscribe, then say who we are: what comes after that finds the subscriptions in place. */
static bool open_connection(program *self, mqtt_options *options) {
    char session[17];
    char will[160];
    char will_topic[AC_TOPIC_BYTES];
    char topic[AC_TOPIC_BYTES];
    const mqtt_events events = {self, on_message, on_acknowledged};
    random_session(session, sizeof session);
    ac_node_will(&self->node, session, will, sizeof will);
    ac_node_topic(&self->node, AC_TOPIC_STATUS, will_topic, sizeof will_topic);
    options->will = will;
    options->will_topic = will_topic;
    self->token = 0;
    if (!mqtt_connect(&self->client, options, &events)) {
        return false;
    }
    for (int at = 0; at < AC_SUBSCRIPTIONS; at++) {
        ac_node_topic(&self->node, (ac_topic)at, topic, sizeof topic);
        if (!mqtt_subscribe(&self->client, topic, ac_topic_qos((ac_topic)at))) {
            return false;
        }
    }
    ac_node_connected(&self->node, session, now_of(self));
    return true;
}

/* Wait until something comes or is due, at most `longest` ms. */
static void wait_for_news(program *self, ac_ms longest) {
    struct pollfd news = {self->client.socket, POLLIN, 0};
    const ac_ms due = ac_node_due(&self->node);
    const ac_ms now = now_of(self);
    ac_ms rest = due < now ? 0 : due - now < longest ? due - now : longest;
    poll(&news, self->client.socket >= 0 ? 1 : 0, (int)rest);
    ac_node_tick(&self->node, now_of(self));
}

static void live(program *self, mqtt_options *options, const ac_port *port, const ac_card *card, const ac_rules *rules) {
    ac_ms pause = FIRST_PAUSE_MS;
    while (!is_ending) {
        if (open_connection(self, options)) {
            pause = FIRST_PAUSE_MS;
            while (!is_ending && !self->wants_restart && mqtt_step(&self->client)) {
                wait_for_news(self, 1000);
            }
            if (is_ending) {
                break;
            }
        }
        mqtt_drop(&self->client);
        ac_node_disconnected(&self->node, now_of(self));
        if (self->wants_restart) {
            self->wants_restart = false;
            ac_node_power_up(&self->node, port, card, rules, now_of(self));
        }
        for (const ac_ms until = now_of(self) + pause; !is_ending && now_of(self) < until;) {
            wait_for_news(self, until - now_of(self));
        }
        pause = 2 * pause < LONGEST_PAUSE_MS ? 2 * pause : LONGEST_PAUSE_MS;
    }
}

static void say_farewell(program *self) {
    char topic[AC_TOPIC_BYTES];
    char payload[160];
    uint16_t packet;
    if (self->client.socket >= 0) {
        ac_node_topic(&self->node, AC_TOPIC_STATUS, topic, sizeof topic);
        ac_node_will(&self->node, self->node.board.trust.session, payload, sizeof payload);
        (void)mqtt_publish(&self->client, topic, payload, strlen(payload), 1, true, &packet);
        mqtt_leave(&self->client);
    }
    for (int number = 1; number <= self->node.board.rules.count; number++) {
        on_output(self, number, false);
    }
}

static int usage(void) {
    fputs("usage: autocore-board [--host 127.0.0.1] [--port 1883] [--id reference] [--channels 4] [--root autocore]\n"
          "                      [--username NAME]   the password is read from AUTOCORE_MQTT_PASSWORD\n",
          stderr);
    return 2;
}

int main(int count, char **words) {
    static program self;
    static const struct option names[] = {{"host", 1, NULL, 'h'},     {"port", 1, NULL, 'p'}, {"id", 1, NULL, 'i'},
                                          {"channels", 1, NULL, 'c'}, {"root", 1, NULL, 'r'}, {"username", 1, NULL, 'u'},
                                          {NULL, 0, NULL, 0}};
    mqtt_options options = {.host = "127.0.0.1", .port = "1883", .keep_alive_s = KEEP_ALIVE_S};
    ac_card card = {.root = "autocore", .id = "reference", .name = "Reference board", .firmware = "reference-1", .hardware = "posix"};
    ac_rules rules = {.count = 4, .link_timeout_ms = AC_LINK_TIMEOUT_MS};
    const ac_port port = {&self, on_output, on_publish, on_device};
    struct sigaction ending;
    for (int found; (found = getopt_long(count, words, "", names, NULL)) != -1;) {
        switch (found) {
        case 'h':
            options.host = optarg;
            break;
        case 'p':
            options.port = optarg;
            break;
        case 'i':
            card.id = optarg;
            break;
        case 'c':
            rules.count = (int)strtol(optarg, NULL, 10);
            break;
        case 'r':
            card.root = optarg;
            break;
        case 'u':
            options.username = optarg;
            break;
        default:
            return usage();
        }
    }
    if (rules.count < 1 || rules.count > AC_CHANNELS_MAX || strlen(card.id) >= AC_NAME_BYTES || strlen(card.root) >= AC_NAME_BYTES) {
        return usage();
    }
    options.client_id = card.id;
    options.password = getenv("AUTOCORE_MQTT_PASSWORD");
    memset(&ending, 0, sizeof ending);
    ending.sa_handler = on_signal;
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGINT, &ending, NULL);
    self.client.socket = -1;
    self.started_at = mqtt_now();
    ac_node_power_up(&self.node, &port, &card, &rules, 0);
    live(&self, &options, &port, &card, &rules);
    say_farewell(&self);
    return 0;
}
