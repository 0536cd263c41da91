#include "autocore_node.h"

#include <string.h>

static const struct {
    const char *path; /* behind the root; `*` stands for the id */
    int qos;
    bool is_retained;
} topics[] = {
    {"/gateway/status", 1, true},    {"/devices/*/welcome", 1, false},   {"/devices/*/command", 2, false},
    {"/relays/*/command", 2, false}, {"/relays/*/heartbeat", 0, false},  {"/devices/*/config", 1, true},
    {"/devices/*/register", 1, false}, {"/devices/*/status", 1, true},   {"/relays/*/state", 1, true},
    {"/devices/*/ack", 1, false},
};

int ac_topic_qos(ac_topic topic) { return topics[topic].qos; }

bool ac_topic_is_retained(ac_topic topic) { return topics[topic].is_retained; }

void ac_node_topic(const ac_node *node, ac_topic topic, char *out, size_t size) {
    ac_writer writer;
    ac_write_begin(&writer, out, size);
    ac_write_raw(&writer, node->card.root);
    for (const char *at = topics[topic].path; *at != '\0'; at++) {
        const char one[2] = {*at, '\0'};
        ac_write_raw(&writer, *at == '*' ? node->card.id : one);
    }
}

/* ---- what it says ---- */

static void publish(ac_node *node, ac_topic topic, const ac_writer *writer, int token) {
    if (node->is_online && !writer->is_full) {
        node->port.publish(node->port.context, topic, writer->buffer, writer->length, token);
    }
}

static void answer(ac_node *node, const char *id, const char *status, const char *reason, int token) {
    ac_writer writer;
    ac_write_begin(&writer, node->buffer, sizeof node->buffer);
    ac_write_raw(&writer, "{\"id\": ");
    ac_write_text(&writer, id);
    ac_write_raw(&writer, ", \"status\": ");
    ac_write_text(&writer, status);
    if (reason[0] != '\0') {
        ac_write_raw(&writer, ", \"reason\": ");
        ac_write_text(&writer, reason);
    }
    ac_write_raw(&writer, "}");
    publish(node, AC_TOPIC_ACK, &writer, token);
}

static void answer_command(ac_node *node, const char *id, ac_answer found, const char *reason) {
    static const char *const names[] = {"", "applied", "accepted", "refused", "expired"};
    if (found != AC_SILENT) {
        answer(node, id, names[found], reason, 0);
    }
}

static void say_state(ac_node *node, ac_cause cause, int64_t seq) {
    ac_writer writer;
    ac_write_begin(&writer, node->buffer, sizeof node->buffer);
    ac_write_raw(&writer, "{\"channels\": {");
    for (int number = 1; number <= node->board.rules.count; number++) {
        ac_write_raw(&writer, number > 1 ? ", \"" : "\"");
        ac_write_int(&writer, number);
        ac_write_raw(&writer, ac_board_is_on(&node->board, number) ? "\": true" : "\": false");
    }
    ac_write_raw(&writer, "}");
    if (cause != AC_NO_CAUSE) {
        ac_write_raw(&writer, ", \"cause\": ");
        ac_write_text(&writer, ac_cause_name(cause));
    }
    if (seq >= 0) {
        ac_write_raw(&writer, ", \"seq\": ");
        ac_write_int(&writer, seq);
    }
    ac_write_raw(&writer, "}");
    publish(node, AC_TOPIC_STATE, &writer, 0);
}

static void say_status(ac_node *node) {
    ac_writer writer;
    ac_write_begin(&writer, node->buffer, sizeof node->buffer);
    ac_write_raw(&writer, "{\"status\": \"online\", \"session\": ");
    ac_write_text(&writer, node->board.trust.session);
    ac_write_raw(&writer, ", \"ask\": ");
    ac_write_int(&writer, ac_board_ask(&node->board, node->now));
    ac_write_raw(&writer, ", \"uptime_s\": ");
    ac_write_int(&writer, (node->now - node->booted_at) / 1000);
    ac_write_raw(&writer, "}");
    publish(node, AC_TOPIC_STATUS, &writer, 0);
}

static void write_member(ac_writer *writer, const char *key, const char *text) {
    if (text != NULL) {
        ac_write_raw(writer, ", \"");
        ac_write_raw(writer, key);
        ac_write_raw(writer, "\": ");
        ac_write_text(writer, text);
    }
}

static void say_register(ac_node *node) {
    ac_writer writer;
    ac_write_begin(&writer, node->buffer, sizeof node->buffer);
    ac_write_raw(&writer, "{\"type\": \"relay_board\", \"capabilities\": [\"relays\"]");
    write_member(&writer, "name", node->card.name);
    write_member(&writer, "firmware", node->card.firmware);
    write_member(&writer, "hardware", node->card.hardware);
    ac_write_raw(&writer, ", \"channels\": ");
    ac_write_int(&writer, node->board.rules.count);
    if (node->card.config_bytes > 0) {
        ac_write_raw(&writer, ", \"config_bytes\": ");
        ac_write_int(&writer, node->card.config_bytes);
    }
    ac_write_raw(&writer, "}");
    publish(node, AC_TOPIC_REGISTER, &writer, 0);
}

void ac_node_will(ac_node *node, const char *session, char *out, size_t size) {
    ac_writer writer;
    (void)node;
    ac_write_begin(&writer, out, size);
    ac_write_raw(&writer, "{\"status\": \"offline\", \"session\": ");
    ac_write_text(&writer, session);
    ac_write_raw(&writer, ", \"reason\": \"lost\"}");
}

/* ---- what it hears ---- */

/* A field of a message, as a table says it. `place` gets the value. */
typedef enum { FIELD_TEXT, FIELD_INT, FIELD_BOOL, FIELD_TYPE, FIELD_HASH } field_kind;

typedef struct {
    const char *name;
    field_kind kind;
    bool is_needed;
    void *place;
    size_t size;    /* of a text */
    bool *is_there; /* of one that may be missing or null */
} field;

static bool read_type(ac_json value, ac_type *type) {
    static const char *const names[] = {"toggle", "pulse", "timed", "momentary"};
    for (int at = 0; at < 4; at++) {
        if (ac_json_is(value, names[at])) {
            *type = (ac_type)(at + 1);
            return true;
        }
    }
    return false;
}

static bool read_field(const field *one, ac_json value) {
    switch (one->kind) {
    case FIELD_TEXT:
        return ac_json_text(value, one->place, one->size);
    case FIELD_INT:
        return ac_json_int(value, one->place);
    case FIELD_BOOL:
        return ac_json_bool(value, one->place);
    case FIELD_TYPE:
        return read_type(value, one->place);
    default:
        return ac_json_hash(value, one->place);
    }
}

/* Read the fields of an object; NULL when all is well, else the name of the field that is missing or wrong. */
static const char *read_fields(ac_json object, const field *fields, size_t count) {
    ac_json_members members;
    ac_json key;
    ac_json value;
    uint32_t found = 0;
    if (!ac_json_open(object, &members)) {
        return "the message is no object";
    }
    while (ac_json_next(&members, &key, &value)) {
        for (size_t at = 0; at < count; at++) {
            if (!ac_json_is(key, fields[at].name)) {
                continue;
            }
            const bool is_nothing = !fields[at].is_needed && ac_json_is_null(value);
            if (!is_nothing && !read_field(&fields[at], value)) {
                return fields[at].name;
            }
            if (fields[at].is_there != NULL) {
                *fields[at].is_there = !is_nothing;
            }
            found |= UINT32_C(1) << at;
        }
    }
    for (size_t at = 0; at < count; at++) {
        if (fields[at].is_needed && (found >> at & 1U) == 0) {
            return fields[at].name;
        }
    }
    return NULL;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NEEDED(name, kind, place) {name, kind, true, place, 0, NULL}
#define NEEDED_TEXT(name, place) {name, FIELD_TEXT, true, place, sizeof(place), NULL}
#define OPTIONAL(name, kind, place, is_there) {name, kind, false, place, 0, is_there}
#define STAMP(stamp)                                                                                                               \
    NEEDED_TEXT("id", (stamp).id), NEEDED("seq", FIELD_INT, &(stamp).seq), NEEDED("epoch", FIELD_INT, &(stamp).epoch),              \
        NEEDED("t_ms", FIELD_INT, &(stamp).t_ms), NEEDED("ttl_ms", FIELD_INT, &(stamp).ttl_ms)

/* A session that is too long to be ours is foreign, not malformed: it becomes the empty one. */
static const char *read_session(ac_json object, ac_stamp *stamp) {
    ac_json_members members;
    ac_json key;
    ac_json value;
    bool is_there = false;
    stamp->session[0] = '\0';
    for (bool more = ac_json_open(object, &members); more && ac_json_next(&members, &key, &value);) {
        if (ac_json_is(key, "session")) {
            is_there = *value.at == '"';
            if (!ac_json_text(value, stamp->session, sizeof stamp->session)) {
                stamp->session[0] = '\0';
            }
        }
    }
    return is_there ? NULL : "session";
}

/* Answer a malformed message, when it says its id: whoever waits for it hears that it waits in vain. */
static void refuse(ac_node *node, ac_json object, const char *wrong) {
    char id[AC_ID_BYTES];
    char reason[AC_REASON_BYTES];
    ac_writer writer;
    const field fields[] = {NEEDED_TEXT("id", id)};
    if (read_fields(object, fields, COUNT(fields)) == NULL && id[0] != '\0') {
        ac_write_begin(&writer, reason, sizeof reason);
        ac_write_raw(&writer, wrong);
        ac_write_raw(&writer, " is missing, of a wrong type, or does not fit");
        answer(node, id, "refused", reason, 0);
    }
}

static void on_relay_command(ac_node *node, ac_json object) {
    ac_command command;
    char reason[AC_REASON_BYTES];
    memset(&command, 0, sizeof command);
    const field fields[] = {
        STAMP(command.stamp),
        NEEDED("channel", FIELD_INT, &command.channel),
        NEEDED("state", FIELD_BOOL, &command.state),
        NEEDED("type", FIELD_TYPE, &command.type),
        OPTIONAL("duration_ms", FIELD_INT, &command.duration_ms, &command.has_duration),
        OPTIONAL("hold", FIELD_HASH, &command.hold, &command.has_hold),
    };
    const char *wrong = read_fields(object, fields, COUNT(fields));
    wrong = wrong != NULL ? wrong : read_session(object, &command.stamp);
    wrong = wrong != NULL || command.stamp.ttl_ms >= 0 ? wrong : "ttl_ms";
    if (wrong != NULL || command.stamp.id[0] == '\0') {
        refuse(node, object, wrong != NULL ? wrong : "id");
        return;
    }
    const ac_answer found = ac_board_command(&node->board, &command, node->now, reason); /* the state goes out before the answer */
    answer_command(node, command.stamp.id, found, reason);
}

static void on_device_command(ac_node *node, ac_json object) {
    ac_stamp stamp;
    char name[AC_NAME_BYTES];
    char reason[AC_REASON_BYTES];
    memset(&stamp, 0, sizeof stamp);
    const field fields[] = {STAMP(stamp), NEEDED_TEXT("command", name)};
    const char *wrong = read_fields(object, fields, COUNT(fields));
    wrong = wrong != NULL ? wrong : read_session(object, &stamp);
    wrong = wrong != NULL || stamp.ttl_ms >= 0 ? wrong : "ttl_ms";
    if (wrong != NULL || stamp.id[0] == '\0') {
        refuse(node, object, wrong != NULL ? wrong : "id");
        return;
    }
    ac_answer found = ac_board_judge_device(&node->board, &stamp, node->now, reason);
    if (found == AC_APPLIED) {
        const ac_device_answer done = node->port.device(node->port.context, name);
        found = done == AC_DEVICE_DONE ? AC_APPLIED : done == AC_DEVICE_LATER ? AC_ACCEPTED : AC_REFUSED;
        if (found == AC_REFUSED) {
            answer(node, stamp.id, "refused", "this board does not know that command", 0);
            return;
        }
    }
    answer_command(node, stamp.id, found, reason);
}

static void on_beat(ac_node *node, ac_json object) {
    ac_beat beat;
    const field fields[] = {
        NEEDED("hold", FIELD_HASH, &beat.hold),
        NEEDED("channel", FIELD_INT, &beat.channel),
        NEEDED("n", FIELD_INT, &beat.n),
        NEEDED("t_ms", FIELD_INT, &beat.t_ms),
    };
    if (read_fields(object, fields, COUNT(fields)) == NULL) {
        (void)ac_board_beat(&node->board, &beat, node->now);
    }
}

static void on_welcome(ac_node *node, ac_json object) {
    ac_stamp stamp;
    ac_welcome welcome;
    memset(&welcome, 0, sizeof welcome);
    const field fields[] = {
        NEEDED("epoch", FIELD_INT, &welcome.epoch),
        NEEDED("seq", FIELD_INT, &welcome.seq),
        NEEDED("t_ms", FIELD_INT, &welcome.t_ms),
        OPTIONAL("ask", FIELD_INT, &welcome.ask, &welcome.has_ask),
    };
    if (read_fields(object, fields, COUNT(fields)) == NULL && read_session(object, &stamp) == NULL) {
        welcome.session = stamp.session;
        (void)ac_board_welcomed(&node->board, &welcome, node->now);
    }
}

static void on_gateway(ac_node *node, ac_json object, bool is_retained) {
    int64_t epoch = 0;
    bool has_epoch = false;
    const field fields[] = {OPTIONAL("epoch", FIELD_INT, &epoch, &has_epoch)};
    ac_json_members members;
    ac_json key;
    ac_json value;
    bool has_status = false;
    bool is_present = false;
    if (read_fields(object, fields, COUNT(fields)) != NULL || !ac_json_open(object, &members)) {
        return;
    }
    while (ac_json_next(&members, &key, &value)) {
        if (ac_json_is(key, "status")) {
            has_status = *value.at == '"';
            is_present = !ac_json_is(value, "offline");
        }
    }
    if (has_status) {
        ac_board_gateway(&node->board, is_present, has_epoch, epoch, is_retained, node->now);
    }
}

/* ---- the configuration ---- */

static bool read_link_loss(ac_json value, ac_channel_rules *rules) {
    char text[24];
    if (!ac_json_text(value, text, sizeof text)) {
        return false;
    }
    if (strcmp(text, "off") == 0 || strcmp(text, "keep") == 0) {
        rules->link_loss = text[0] == 'o' ? AC_LOSS_OFF : AC_LOSS_KEEP;
        return true;
    }
    const size_t size = strlen(text);
    if (size < 6 || size > 12 || strncmp(text, "hold ", 5) != 0) {
        return false;
    }
    rules->link_loss = AC_LOSS_HOLD;
    rules->loss_hold_ms = 0;
    for (size_t at = 5; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') {
            return false;
        }
        rules->loss_hold_ms = rules->loss_hold_ms * 10 + (text[at] - '0');
    }
    rules->loss_hold_ms *= 1000;
    return true;
}

static bool read_safe_state(ac_json value, ac_safe_state *out) {
    static const char *const names[] = {"off", "keep", "on"};
    for (int at = 0; at < 3; at++) {
        if (ac_json_is(value, names[at])) {
            *out = (ac_safe_state)at;
            return true;
        }
    }
    return false;
}

static bool read_seconds(ac_json value, ac_ms *out) { return ac_json_thousandths(value, out) && *out > 0 && *out <= 86400000; }

static const char *read_channel(ac_json object, ac_channel_rules *rules) {
    ac_json_members members;
    ac_json key;
    ac_json value;
    if (!ac_json_open(object, &members)) {
        return "a channel is no object";
    }
    while (ac_json_next(&members, &key, &value)) {
        if (ac_json_is(key, "type")) {
            rules->type = AC_ANY_TYPE;
            if (!ac_json_is_null(value) && !read_type(value, &rules->type)) {
                return "type is none of toggle, pulse, timed and momentary";
            }
        } else if (ac_json_is(key, "safe_state")) {
            if (!read_safe_state(value, &rules->safe_state)) {
                return "safe_state is none of off, keep and on";
            }
        } else if (ac_json_is(key, "link_loss")) {
            if (!ac_json_is_null(value) && !read_link_loss(value, rules)) {
                return "link_loss is none of off, keep and hold <seconds>";
            }
        } else if (ac_json_is(key, "max_on_s")) {
            rules->max_on_ms = 0;
            if (!ac_json_is_null(value) && !read_seconds(value, &rules->max_on_ms)) {
                return "max_on_s is no number of seconds up to a day";
            }
        }
    }
    if (rules->type == AC_MOMENTARY && rules->safe_state != AC_SAFE_OFF) {
        return "a momentary channel is safe when off";
    }
    return NULL;
}

/* The number of a channel that the board has, 0 for anything else. */
static int channel_of(ac_json key, int count) {
    char text[8];
    int number = 0;
    if (!ac_json_text(key, text, sizeof text)) {
        return 0;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return 0;
        }
        number = number * 10 + (*at - '0');
    }
    return number <= count ? number : 0;
}

static const char *read_relays(ac_json object, ac_rules *rules) {
    ac_json_members members;
    ac_json key;
    ac_json value;
    if (ac_json_is_null(object)) {
        return NULL;
    }
    if (!ac_json_open(object, &members)) {
        return "relays is no object";
    }
    memset(rules->channels, 0, sizeof rules->channels);
    rules->link_timeout_ms = AC_LINK_TIMEOUT_MS;
    while (ac_json_next(&members, &key, &value)) {
        ac_json_members channels;
        ac_json name;
        ac_json one;
        if (ac_json_is(key, "link_timeout_s") && !read_seconds(value, &rules->link_timeout_ms)) {
            return "link_timeout_s is no number of seconds up to a day";
        }
        if (!ac_json_is(key, "channels")) {
            continue;
        }
        if (!ac_json_open(value, &channels)) {
            return "channels is no object";
        }
        while (ac_json_next(&channels, &name, &one)) {
            const int number = channel_of(name, rules->count);
            if (number == 0) {
                return "a channel does not exist on this board";
            }
            const char *wrong = read_channel(one, &rules->channels[number - 1]);
            if (wrong != NULL) {
                return wrong;
            }
        }
    }
    return NULL;
}

static bool read_version(ac_json object, char *out, size_t size) {
    ac_json_members members;
    ac_json key;
    ac_json value;
    bool is_known = false;
    for (bool more = ac_json_open(object, &members); more && ac_json_next(&members, &key, &value);) {
        int64_t number;
        if (!ac_json_is(key, "version")) {
            continue;
        }
        is_known = ac_json_text(value, out, size) && out[0] != '\0';
        if (!is_known && ac_json_int(value, &number)) {
            ac_writer writer;
            ac_write_begin(&writer, out, size);
            ac_write_int(&writer, number);
            is_known = true;
        }
    }
    return is_known;
}

static const char *read_sections(ac_json object, ac_rules *rules) {
    ac_json_members members;
    ac_json sections;
    ac_json key;
    ac_json value;
    for (bool more = ac_json_open(object, &members); more && ac_json_next(&members, &key, &sections);) {
        ac_json_members parts;
        if (!ac_json_is(key, "sections")) {
            continue;
        }
        if (!ac_json_open(sections, &parts)) {
            return "sections is no object";
        }
        while (ac_json_next(&parts, &key, &value)) {
            const char *wrong = ac_json_is(key, "relays") ? read_relays(value, rules) : NULL;
            if (wrong != NULL) {
                return wrong;
            }
        }
    }
    return NULL;
}

static void on_config(ac_node *node, ac_json object) {
    char version[AC_VERSION_BYTES];
    ac_rules rules = node->board.rules;
    if (!read_version(object, version, sizeof version)) {
        return;
    }
    const char *wrong = read_sections(object, &rules);
    node->token = node->token % 32767 + 1; /* an earlier one no longer counts */
    if (wrong != NULL) { /* it asks for what this board cannot keep: what it had goes on, and nothing is energised */
        ac_board_deliver(&node->board, version, &node->board.rules, node->now);
        answer(node, version, "refused", wrong, 0);
    } else {
        ac_board_deliver(&node->board, version, &rules, node->now);
        answer(node, version, "applied", "", node->token);
    }
}

/* ---- its life ---- */

static void on_output(void *context, int channel, bool is_on) {
    ac_node *node = context;
    node->port.output(node->port.context, channel, is_on);
}

static void on_report(void *context, ac_cause cause, int64_t seq) { say_state(context, cause, seq); }

/* Ask for a welcome when that is due. */
static void settle(ac_node *node) {
    while (node->is_online && node->board.trust.next_ask <= node->now) {
        say_status(node);
    }
}

void ac_node_power_up(ac_node *node, const ac_port *port, const ac_card *card, const ac_rules *rules, ac_ms now) {
    const ac_board_port inner = {node, on_output, on_report};
    memset(node, 0, sizeof *node);
    node->port = *port;
    node->card = *card;
    node->booted_at = node->now = now;
    ac_board_power_up(&node->board, &inner, rules, now);
}

void ac_node_connected(ac_node *node, const char *session, ac_ms now) {
    node->now = now;
    node->is_online = false; /* the outputs are safe before anything is said */
    ac_board_connected(&node->board, session, now);
    node->is_online = true;
    say_register(node);
    settle(node);
    say_state(node, AC_BY_RECONNECTED, -1);
}

void ac_node_disconnected(ac_node *node, ac_ms now) {
    node->now = now;
    node->is_online = false;
    node->token = node->token % 32767 + 1; /* what was on its way then says nothing any more */
    ac_board_disconnected(&node->board, now);
}

void ac_node_delivered(ac_node *node, int token, ac_ms now) {
    node->now = now;
    if (node->is_online && token != 0 && token == node->token) {
        char version[AC_VERSION_BYTES];
        memcpy(version, node->board.delivered, sizeof version);
        ac_board_acknowledged(&node->board, version, now);
    }
    settle(node);
}

void ac_node_receive(ac_node *node, const char *topic, const char *payload, size_t size, bool is_retained, ac_ms now) {
    char name[AC_TOPIC_BYTES];
    ac_json object;
    node->now = now;
    for (int at = 0; at < AC_SUBSCRIPTIONS; at++) {
        ac_node_topic(node, (ac_topic)at, name, sizeof name);
        if (strcmp(topic, name) != 0 || (is_retained && !topics[at].is_retained) || !ac_json_check(payload, size, &object)) {
            continue;
        }
        switch ((ac_topic)at) {
        case AC_TOPIC_GATEWAY_STATUS:
            on_gateway(node, object, is_retained);
            break;
        case AC_TOPIC_WELCOME:
            on_welcome(node, object);
            break;
        case AC_TOPIC_COMMAND:
            on_device_command(node, object);
            break;
        case AC_TOPIC_RELAY_COMMAND:
            on_relay_command(node, object);
            break;
        case AC_TOPIC_HEARTBEAT:
            on_beat(node, object);
            break;
        default:
            on_config(node, object);
            break;
        }
    }
    ac_board_tick(&node->board, now);
    settle(node);
}

void ac_node_tick(ac_node *node, ac_ms now) {
    node->now = now;
    ac_board_tick(&node->board, now);
    settle(node);
}

ac_ms ac_node_due(const ac_node *node) {
    const ac_ms due = ac_board_due(&node->board);
    return node->is_online && node->board.trust.next_ask < due ? node->board.trust.next_ask : due;
}
