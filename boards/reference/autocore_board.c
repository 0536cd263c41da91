#include "autocore_board.h"

#include <string.h>

typedef enum { OBEY, NOT_WELCOMED, FOREIGN, OLD, AHEAD, EXPIRED } verdict;

static void copy_text(char *out, size_t size, const char *text) {
    size_t length = strlen(text);
    length = length < size ? length : size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
}

/* ---- whom it obeys ---- */

static void void_welcome(ac_trust *trust) { trust->is_welcomed = false; }

static void forget_asks(ac_trust *trust) { memset(trust->ask_number, 0, sizeof trust->ask_number); }

static void ask_anew(ac_trust *trust, ac_ms now) {
    forget_asks(trust);
    trust->patience = AC_FIRST_PATIENCE_MS;
    trust->hurries = AC_HURRIES;
    trust->next_ask = now;
}

/* Ask at once, for somebody is there; not for ever, for a slow link needs its pauses to be told apart. */
static void hurry(ac_trust *trust, ac_ms now) {
    if (!trust->is_welcomed && trust->hurries > 0) {
        trust->hurries--;
        trust->next_ask = now;
    }
}

/* The board's time at which the gateway's clock showed `t_ms`, or a little earlier, never later. */
static ac_ms local(const ac_trust *trust, int64_t t_ms) { return t_ms - trust->offset; }

static verdict judge_age(ac_trust *trust, int64_t t_ms, int64_t longest, ac_ms now) {
    if (!trust->is_welcomed) {
        return NOT_WELCOMED;
    }
    const ac_ms age = now - local(trust, t_ms);
    if (age < -AC_LARGEST_LEAD_MS) {
        void_welcome(trust); /* the gateway's clock is later than we took it for, so ages were judged too small */
        hurry(trust, now);
        return AHEAD;
    }
    return age > longest ? EXPIRED : OBEY;
}

static verdict judge(ac_trust *trust, const ac_stamp *stamp, int64_t *last_seq, ac_ms now) {
    if (!trust->is_welcomed) {
        return NOT_WELCOMED;
    }
    if (strcmp(stamp->session, trust->session) != 0 || stamp->epoch != trust->epoch) {
        return FOREIGN;
    }
    if (stamp->seq <= trust->floor_seq || stamp->seq <= *last_seq) {
        return OLD;
    }
    *last_seq = stamp->seq;
    return judge_age(trust, stamp->t_ms, stamp->ttl_ms, now);
}

static ac_answer answer_to(verdict found, char *reason) {
    static const char *const reasons[] = {
        "",
        "the gateway has not welcomed this session",
        "it is for another session",
        "its number is not newer than the last one",
        "its time lies ahead of the gateway's clock as known here",
        "its time to live is over",
    };
    copy_text(reason, AC_REASON_BYTES, reasons[found]);
    return found == OLD ? AC_SILENT : found == EXPIRED ? AC_EXPIRED : found == OBEY ? AC_APPLIED : AC_REFUSED;
}

static void trust_connect(ac_trust *trust, const char *session, ac_ms now) {
    copy_text(trust->session, sizeof trust->session, session);
    void_welcome(trust);
    trust->has_epoch = trust->has_gateway = false; /* within a session are numbers compared: another one's words are foreign */
    trust->asks = 0;
    ask_anew(trust, now);
}

int64_t ac_board_ask(ac_board *board, ac_ms now) {
    ac_trust *trust = &board->trust;
    const size_t at = (size_t)(trust->asks % AC_ASKS_KEPT);
    trust->asks++;
    trust->ask_number[at] = trust->asks;
    trust->ask_at[at] = now;
    if (now - trust->welcomed_at >= AC_WELCOME_HOLDS_MS) {
        void_welcome(trust);
    }
    if (trust->is_welcomed) {
        trust->next_ask = now + AC_REFRESH_MS;
    } else {
        trust->next_ask = now + trust->patience;
        trust->patience = 2 * trust->patience < AC_LONGEST_PATIENCE_MS ? 2 * trust->patience : AC_LONGEST_PATIENCE_MS;
    }
    return trust->asks;
}

/* ---- what it tells ---- */

static void flush(ac_board *board) {
    if (board->has_change) {
        board->has_change = false;
        board->port.report(board->port.context, board->change_cause, board->change_seq);
    }
}

/* Changes with one cause are one report. */
static void note(ac_board *board, ac_cause cause, int64_t seq) {
    board->has_change = true;
    board->change_cause = cause;
    board->change_seq = seq;
}

/* Report what has another cause before the outputs change again: a report shows the outputs as they are when it is made. */
static void begin_change(ac_board *board, ac_cause cause, int64_t seq) {
    if (board->has_change && (board->change_cause != cause || board->change_seq != seq)) {
        flush(board);
    }
}

/* ---- channels ---- */

static ac_channel_rules *rules_of(ac_board *board, int number) { return &board->rules.channels[number - 1]; }

static void lapse(ac_board *board, uint64_t hold) {
    board->lapsed[board->lapsed_next] = hold;
    board->lapsed_next = (board->lapsed_next + 1) % AC_LAPSED_KEPT;
    board->lapsed_count += board->lapsed_count < AC_LAPSED_KEPT ? 1 : 0;
}

static bool has_lapsed(const ac_board *board, uint64_t hold) {
    for (int at = 0; at < board->lapsed_count; at++) {
        if (board->lapsed[at] == hold) {
            return true;
        }
    }
    return false;
}

static bool may_energise(const ac_board *board) {
    if (board->delivered[0] == '\0') {
        return !board->rules.needs_configuration;
    }
    return strcmp(board->delivered, board->acknowledged) == 0;
}

static void energise(ac_board *board, int number, ac_cause cause, int64_t seq, ac_ms now) {
    ac_channel *channel = &board->channels[number - 1];
    if (!channel->is_on) {
        begin_change(board, cause, seq);
        channel->is_on = true;
        channel->on_since = now;
        board->port.output(board->port.context, number, true);
        note(board, cause, seq);
    }
}

static void release(ac_board *board, int number, ac_cause cause, int64_t seq) {
    ac_channel *channel = &board->channels[number - 1];
    const bool was_on = channel->is_on;
    if (was_on) {
        begin_change(board, cause, seq);
    }
    if (channel->is_held) {
        lapse(board, channel->hold);
    }
    memset(channel, 0, sizeof *channel);
    if (was_on) {
        board->port.output(board->port.context, number, false);
        note(board, cause, seq);
    }
}

/* When a channel turns itself off, and why. */
static ac_ms end_of(const ac_board *board, int number, ac_cause *cause) {
    const ac_channel *channel = &board->channels[number - 1];
    const ac_ms max_on = board->rules.channels[number - 1].max_on_ms;
    ac_ms end = AC_NEVER;
    if (!channel->is_on) {
        return AC_NEVER;
    }
    if (channel->is_held) {
        end = channel->dead_at;
        *cause = AC_BY_DEAD_MAN;
    }
    if (channel->has_end && channel->ends_at < end) {
        end = channel->ends_at;
        *cause = AC_BY_DURATION;
    }
    if (channel->has_cut && channel->cut_at < end) {
        end = channel->cut_at;
        *cause = AC_BY_LINK_LOST;
    }
    if (max_on != 0 && channel->on_since + max_on < end) {
        end = channel->on_since + max_on;
        *cause = AC_BY_MAX_ON;
    }
    return end;
}

static void to_safe_state(ac_board *board, ac_cause cause, ac_ms now) {
    for (int number = 1; number <= board->rules.count; number++) {
        const ac_safe_state safe_state = rules_of(board, number)->safe_state;
        if (safe_state == AC_SAFE_OFF || board->channels[number - 1].is_held) {
            release(board, number, cause, -1);
        } else if (safe_state == AC_SAFE_ON && may_energise(board)) {
            energise(board, number, cause, -1, now);
        }
    }
}

/* ---- the link ---- */

static void watch_link(ac_board *board, ac_ms now) {
    const bool is_away = board->trust.has_gateway && !board->trust.gateway_is_present; /* silence does not count */
    if (board->is_connected && !is_away) {
        board->is_absent = board->is_link_lost = false;
        for (int at = 0; at < board->rules.count; at++) {
            board->channels[at].has_cut = false;
        }
    } else if (!board->is_absent && !board->is_link_lost) {
        board->is_absent = true;
        board->absent_since = now;
    }
}

static void lose_link(ac_board *board, ac_ms now) {
    board->is_link_lost = true;
    for (int number = 1; number <= board->rules.count; number++) {
        const ac_channel_rules *rules = rules_of(board, number);
        ac_channel *channel = &board->channels[number - 1];
        ac_link_loss loss = rules->link_loss;
        if (loss == AC_LOSS_AS_SAFE_STATE) {
            loss = rules->safe_state == AC_SAFE_OFF ? AC_LOSS_OFF : AC_LOSS_KEEP;
            if (rules->safe_state == AC_SAFE_ON && may_energise(board)) {
                energise(board, number, AC_BY_LINK_LOST, -1, now);
            }
        }
        if (loss == AC_LOSS_HOLD) {
            channel->has_cut = true;
            channel->cut_at = now + rules->loss_hold_ms;
        } else if (loss == AC_LOSS_OFF) {
            release(board, number, AC_BY_LINK_LOST, -1);
        }
    }
}

static void tick(ac_board *board, ac_ms now) {
    if (board->is_absent && now >= board->absent_since + board->rules.link_timeout_ms) {
        board->is_absent = false;
        lose_link(board, now);
    }
    for (int number = 1; number <= board->rules.count; number++) {
        ac_cause cause = AC_NO_CAUSE;
        if (end_of(board, number, &cause) <= now) {
            release(board, number, cause, -1);
        }
    }
}

void ac_board_tick(ac_board *board, ac_ms now) {
    tick(board, now);
    flush(board);
}

ac_ms ac_board_due(const ac_board *board) {
    ac_cause cause;
    ac_ms due = board->is_absent ? board->absent_since + board->rules.link_timeout_ms : AC_NEVER;
    for (int number = 1; number <= board->rules.count; number++) {
        const ac_ms end = end_of(board, number, &cause);
        due = end < due ? end : due;
    }
    return due;
}

void ac_board_power_up(ac_board *board, const ac_board_port *port, const ac_rules *rules, ac_ms now) {
    memset(board, 0, sizeof *board);
    board->port = *port;
    board->rules = *rules;
    if (board->rules.count > AC_CHANNELS_MAX) {
        board->rules.count = AC_CHANNELS_MAX;
    }
    board->is_absent = true;
    board->absent_since = now;
    ask_anew(&board->trust, now);
    for (int number = 1; number <= board->rules.count; number++) {
        port->output(port->context, number, false);
    }
    to_safe_state(board, AC_BY_POWER_UP, now);
    flush(board);
}

void ac_board_connected(ac_board *board, const char *session, ac_ms now) {
    tick(board, now);
    trust_connect(&board->trust, session, now);
    board->is_connected = true;
    watch_link(board, now);
    to_safe_state(board, AC_BY_RECONNECTED, now);
    flush(board);
}

void ac_board_disconnected(ac_board *board, ac_ms now) {
    tick(board, now);
    board->trust.session[0] = '\0';
    void_welcome(&board->trust);
    board->is_connected = false;
    watch_link(board, now);
    flush(board);
}

/* A welcome that answers no status of now, as from a gateway that connected and found our retained one. */
static void note_unasked(ac_trust *trust, const ac_welcome *welcome, ac_ms now) {
    if (!trust->is_welcomed) {
        hurry(trust, now);
    } else if (welcome->epoch == trust->epoch) {
        (void)judge_age(trust, welcome->t_ms, 0, now); /* no round trip, but a time that may prove our clock wrong */
    }
}

bool ac_board_welcomed(ac_board *board, const ac_welcome *welcome, ac_ms now) {
    ac_trust *trust = &board->trust;
    ac_ms asked = 0;
    bool is_known = false;
    if (trust->session[0] == '\0' || strcmp(welcome->session, trust->session) != 0) {
        return false;
    }
    for (int at = 0; at < AC_ASKS_KEPT; at++) {
        if (welcome->has_ask && welcome->ask > 0 && trust->ask_number[at] == welcome->ask) {
            is_known = true;
            asked = trust->ask_at[at];
        }
    }
    if (!is_known || now - asked > AC_LONGEST_ROUND_TRIP_MS) {
        note_unasked(trust, welcome, now);
        return false;
    }
    for (int at = 0; at < AC_ASKS_KEPT; at++) {
        trust->ask_number[at] = trust->ask_number[at] > welcome->ask ? trust->ask_number[at] : 0;
    }
    if (!trust->has_epoch || welcome->epoch != trust->epoch) {
        void_welcome(trust);
        trust->has_epoch = true;
        trust->epoch = welcome->epoch;
        trust->relay_seq = trust->device_seq = trust->floor_seq = 0;
    }
    if (!trust->is_welcomed && welcome->seq > trust->floor_seq) { /* a command may be overtaken by a later welcome */
        trust->floor_seq = welcome->seq;
    }
    trust->is_welcomed = true;
    trust->welcomed_at = now;
    trust->offset = welcome->t_ms - asked;
    trust->has_gateway = trust->gateway_is_present = trust->gateway_has_epoch = true; /* it has just answered */
    trust->gateway_epoch = welcome->epoch;
    trust->patience = AC_FIRST_PATIENCE_MS;
    trust->hurries = AC_HURRIES;
    trust->next_ask = now + AC_REFRESH_MS;
    tick(board, now);
    watch_link(board, now);
    flush(board);
    return true;
}

void ac_board_gateway(ac_board *board, bool is_present, bool has_epoch, int64_t epoch, bool is_retained, ac_ms now) {
    ac_trust *trust = &board->trust;
    const bool had = trust->has_gateway;
    const bool was_present = trust->gateway_is_present;
    const bool is_same = trust->gateway_has_epoch == has_epoch && (!has_epoch || trust->gateway_epoch == epoch);
    if (!is_present && has_epoch && epoch < (trust->has_epoch ? trust->epoch : 0)) {
        return; /* the last word of an earlier start; the one that welcomed us is still there */
    }
    trust->has_gateway = true;
    trust->gateway_is_present = is_present;
    trust->gateway_has_epoch = has_epoch;
    trust->gateway_epoch = epoch;
    if (!is_present) {
        void_welcome(trust);
        forget_asks(trust);
    } else if (had ? !was_present || !is_same : !is_retained) { /* retained, and the first that we hear, is no news */
        void_welcome(trust);
        ask_anew(trust, now);
    }
    tick(board, now);
    watch_link(board, now);
    flush(board);
}

/* ---- the configuration ---- */

static bool is_on_as(const ac_channel *channel, ac_type type) {
    if (channel->is_held) {
        return type == AC_MOMENTARY;
    }
    if (channel->has_end) {
        return type == AC_PULSE || type == AC_TIMED;
    }
    return type == AC_TOGGLE || type == AC_ANY_TYPE;
}

void ac_board_deliver(ac_board *board, const char *version, const ac_rules *rules, ac_ms now) {
    tick(board, now);
    copy_text(board->delivered, sizeof board->delivered, version);
    for (int number = 1; number <= board->rules.count; number++) {
        const ac_type before = rules_of(board, number)->type;
        const ac_type after = rules->channels[number - 1].type;
        *rules_of(board, number) = rules->channels[number - 1];
        if (before != after && !(before == AC_ANY_TYPE && is_on_as(&board->channels[number - 1], after))) {
            release(board, number, AC_BY_CONFIGURED, -1);
        }
    }
    board->rules.link_timeout_ms = rules->link_timeout_ms;
    tick(board, now);
    flush(board);
}

void ac_board_acknowledged(ac_board *board, const char *version, ac_ms now) {
    const bool is_first = board->acknowledged[0] == '\0';
    tick(board, now);
    if (strcmp(version, board->delivered) == 0) { /* else it was replaced meanwhile */
        copy_text(board->acknowledged, sizeof board->acknowledged, version);
        for (int number = 1; is_first && number <= board->rules.count; number++) {
            if (rules_of(board, number)->safe_state == AC_SAFE_ON) { /* what is safe when on waited for this */
                energise(board, number, AC_BY_CONFIGURED, -1, now);
            }
        }
    }
    flush(board);
}

/* ---- commands and beats ---- */

/* Say why a channel is not turned on; NULL when it may be. */
static const char *refusal(const ac_board *board, const ac_command *command) {
    const int number = (int)command->channel;
    const ac_channel *channel = &board->channels[number - 1];
    const ac_type allowed = board->rules.channels[number - 1].type;
    if (!may_energise(board)) {
        return "the configuration is not acknowledged yet";
    }
    if (allowed != AC_ANY_TYPE && allowed != command->type) {
        return "the channel is of another type";
    }
    if (channel->is_held && (command->type != AC_MOMENTARY || !command->has_hold || command->hold != channel->hold)) {
        return "the channel is held by another";
    }
    if (command->type == AC_MOMENTARY) {
        if (!command->has_hold) {
            return "a momentary channel is turned on by a hold";
        }
        return has_lapsed(board, command->hold) ? "the hold has lapsed" : NULL;
    }
    if (command->type == AC_TOGGLE) {
        return NULL;
    }
    const int64_t longest = command->type == AC_PULSE ? AC_LONGEST_PULSE_MS : AC_LONGEST_TIMED_MS;
    if (command->has_duration && command->duration_ms >= AC_SHORTEST_DURATION_MS && command->duration_ms <= longest) {
        return NULL;
    }
    return "duration_ms is missing, or too short or too long";
}

static void turn_on(ac_board *board, const ac_command *command, ac_ms now) {
    const int number = (int)command->channel;
    ac_channel *channel = &board->channels[number - 1];
    channel->has_end = false;
    if (command->type == AC_MOMENTARY) {
        if (!channel->is_held) {
            channel->is_held = true;
            channel->hold = command->hold;
            channel->hold_n = -1;
        }
        channel->dead_at = local(&board->trust, command->stamp.t_ms) + AC_DEAD_MAN_MS;
    } else if (command->type != AC_TOGGLE) {
        channel->has_end = true;
        channel->ends_at = now + command->duration_ms;
    }
    energise(board, number, AC_BY_COMMAND, command->stamp.seq, now);
}

ac_answer ac_board_command(ac_board *board, const ac_command *command, ac_ms now, char *reason) {
    tick(board, now);
    verdict found = judge(&board->trust, &command->stamp, &board->trust.relay_seq, now);
    ac_answer answer = AC_APPLIED;
    reason[0] = '\0';
    if (found == OBEY && command->state && command->type == AC_MOMENTARY) { /* it is its own first beat */
        found = judge_age(&board->trust, command->stamp.t_ms, AC_LONGEST_BEAT_AGE_MS, now);
    }
    if (found != OBEY) {
        answer = answer_to(found, reason);
    } else if (command->channel < 1 || command->channel > board->rules.count) {
        copy_text(reason, AC_REASON_BYTES, "there is no such channel");
        answer = AC_REFUSED;
    } else if (!command->state) {
        if (command->has_hold) {
            lapse(board, command->hold);
        }
        release(board, (int)command->channel, AC_BY_COMMAND, command->stamp.seq);
    } else {
        const char *why = refusal(board, command);
        if (why == NULL) {
            turn_on(board, command, now);
        } else {
            copy_text(reason, AC_REASON_BYTES, why);
            answer = AC_REFUSED;
        }
    }
    flush(board);
    return answer;
}

ac_answer ac_board_judge_device(ac_board *board, const ac_stamp *stamp, ac_ms now, char *reason) {
    ac_board_tick(board, now);
    return answer_to(judge(&board->trust, stamp, &board->trust.device_seq, now), reason);
}

bool ac_board_beat(ac_board *board, const ac_beat *beat, ac_ms now) {
    ac_board_tick(board, now);
    if (beat->channel < 1 || beat->channel > board->rules.count) {
        return false;
    }
    ac_channel *channel = &board->channels[beat->channel - 1];
    if (!channel->is_held || channel->hold != beat->hold || beat->n <= channel->hold_n) {
        return false;
    }
    if (judge_age(&board->trust, beat->t_ms, AC_LONGEST_BEAT_AGE_MS, now) != OBEY) {
        return false;
    }
    channel->hold_n = beat->n;
    channel->dead_at = local(&board->trust, beat->t_ms) + AC_DEAD_MAN_MS;
    return true;
}

bool ac_board_is_on(const ac_board *board, int channel) {
    return channel >= 1 && channel <= board->rules.count && board->channels[channel - 1].is_on;
}

const char *ac_cause_name(ac_cause cause) {
    static const char *const names[] = {"",       "command",     "dead_man", "duration",  "link_lost",
                                        "max_on", "reconnected", "power_up", "configured"};
    return names[cause];
}

ac_ms ac_extend(ac_clock *clock, uint32_t counter_ms) {
    if (counter_ms < clock->last) {
        clock->wraps++;
    }
    clock->last = counter_ms;
    return (ac_ms)((uint64_t)clock->wraps << 32 | counter_ms);
}
