/* A relay board's side of the protocol as a state machine: whom it obeys, what it energises, and what falls by itself.
 *
 * Pure C99: no allocation, no operating system, no clock of its own. Whoever drives it hands in `now`, milliseconds of the
 * board's own monotonic clock as 64 bits (`ac_extend` makes them of a counter of 32 that wraps after 49 days), calls
 * `ac_board_tick` when `ac_board_due` has come, and carries out `output` and `report` at once.
 *
 * It refuses to energise anything on a stale, foreign, repeated or unauthenticated word, and every error of its clock makes it
 * more cautious: the gateway's clock is taken for later than it is, never for earlier.
 */
#ifndef AUTOCORE_BOARD_H
#define AUTOCORE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef AC_CHANNELS_MAX
#define AC_CHANNELS_MAX 16
#endif
#ifndef AC_LAPSED_KEPT
#define AC_LAPSED_KEPT 64 /* hold ids are random: one that lies so many holds back has no fresh command left to come */
#endif
#define AC_ASKS_KEPT 8
#define AC_SESSION_BYTES 65 /* 64 characters and a 0 */
#define AC_ID_BYTES 129
#define AC_VERSION_BYTES 33
#define AC_REASON_BYTES 96

#define AC_DEAD_MAN_MS 500          /* after the stamp of the last beat, not after its arrival */
#define AC_LONGEST_BEAT_AGE_MS 300  /* a stalled burst comes whole, so age decides */
#define AC_SHORTEST_DURATION_MS 50
#define AC_LONGEST_PULSE_MS 60000
#define AC_LONGEST_TIMED_MS 86400000
#define AC_LINK_TIMEOUT_MS 5000
#define AC_LONGEST_ROUND_TRIP_MS 500 /* from the status to the arrival of its welcome */
#define AC_LARGEST_LEAD_MS 50
#define AC_FIRST_PATIENCE_MS 3000
#define AC_LONGEST_PATIENCE_MS 30000
#define AC_REFRESH_MS 60000
#define AC_WELCOME_HOLDS_MS 180000
#define AC_HURRIES 4

#define AC_NEVER INT64_MAX

typedef int64_t ac_ms;

typedef enum { AC_ANY_TYPE, AC_TOGGLE, AC_PULSE, AC_TIMED, AC_MOMENTARY } ac_type;
typedef enum { AC_SAFE_OFF, AC_SAFE_KEEP, AC_SAFE_ON } ac_safe_state;
typedef enum { AC_LOSS_AS_SAFE_STATE, AC_LOSS_OFF, AC_LOSS_HOLD, AC_LOSS_KEEP } ac_link_loss;

typedef enum {
    AC_NO_CAUSE,
    AC_BY_COMMAND,
    AC_BY_DEAD_MAN,
    AC_BY_DURATION,
    AC_BY_LINK_LOST,
    AC_BY_MAX_ON,
    AC_BY_RECONNECTED,
    AC_BY_POWER_UP,
    AC_BY_CONFIGURED
} ac_cause;

/* The limits of one channel; all zero is a channel that obeys every type and is safe when off. */
typedef struct {
    ac_type type;
    ac_safe_state safe_state;
    ac_link_loss link_loss;
    ac_ms loss_hold_ms; /* of AC_LOSS_HOLD */
    ac_ms max_on_ms;    /* 0: no limit */
} ac_channel_rules;

typedef struct {
    int count; /* channels, numbered from 1 */
    ac_ms link_timeout_ms;
    bool needs_configuration; /* nothing is energised before a configuration was acknowledged, not even without any */
    ac_channel_rules channels[AC_CHANNELS_MAX];
} ac_rules;

/* What every command carries. */
typedef struct {
    char id[AC_ID_BYTES];
    char session[AC_SESSION_BYTES];
    int64_t seq;
    int64_t epoch;
    int64_t t_ms;
    int64_t ttl_ms;
} ac_stamp;

typedef struct {
    ac_stamp stamp;
    int64_t channel;
    bool state;
    ac_type type;
    bool has_duration;
    int64_t duration_ms;
    bool has_hold;
    uint64_t hold; /* hash of the id */
} ac_command;

typedef struct {
    uint64_t hold;
    int64_t channel;
    int64_t n;
    int64_t t_ms;
} ac_beat;

typedef struct {
    const char *session;
    int64_t epoch;
    int64_t seq;
    int64_t t_ms;
    bool has_ask;
    int64_t ask;
} ac_welcome;

/* What becomes of a command; AC_SILENT for a repeated one, which had its answer. */
typedef enum { AC_SILENT, AC_APPLIED, AC_ACCEPTED, AC_REFUSED, AC_EXPIRED } ac_answer;

/* What the board needs from whoever drives it. */
typedef struct {
    void *context;
    /* Energise or release an output, now. */
    void (*output)(void *context, int channel, bool is_on);
    /* What the outputs are, after a change: `seq` is that of the command that caused it, -1 when none did. */
    void (*report)(void *context, ac_cause cause, int64_t seq);
} ac_board_port;

typedef struct {
    bool is_on;
    ac_ms on_since;
    bool has_end;
    ac_ms ends_at; /* of a pulse or a timed command */
    bool has_cut;
    ac_ms cut_at; /* the hold of its link-loss action */
    bool is_held;
    uint64_t hold;
    int64_t hold_n;
    ac_ms dead_at;
} ac_channel;

/* Whose commands are obeyed, and what time it is at the gateway. */
typedef struct {
    char session[AC_SESSION_BYTES]; /* empty: not connected */
    bool is_welcomed;
    bool has_epoch;
    int64_t epoch;
    bool has_gateway; /* it, or its last will, has spoken in this session */
    bool gateway_is_present;
    bool gateway_has_epoch;
    int64_t gateway_epoch;
    ac_ms offset;
    ac_ms welcomed_at;
    int64_t floor_seq;
    int64_t relay_seq;
    int64_t device_seq;
    int64_t asks;
    int64_t ask_number[AC_ASKS_KEPT]; /* 0: none */
    ac_ms ask_at[AC_ASKS_KEPT];
    ac_ms next_ask;
    ac_ms patience;
    int hurries;
} ac_trust;

typedef struct {
    ac_board_port port;
    ac_rules rules;
    ac_trust trust;
    ac_channel channels[AC_CHANNELS_MAX];
    uint64_t lapsed[AC_LAPSED_KEPT];
    int lapsed_count;
    int lapsed_next;
    bool is_connected;
    bool is_link_lost;
    bool is_absent;
    ac_ms absent_since;
    char delivered[AC_VERSION_BYTES]; /* empty: no configuration yet */
    char acknowledged[AC_VERSION_BYTES];
    bool has_change;
    ac_cause change_cause;
    int64_t change_seq;
} ac_board;

/* Begin as after a loss of power; `rules` may be those of a configuration that was kept. Every output is set. */
void ac_board_power_up(ac_board *board, const ac_board_port *port, const ac_rules *rules, ac_ms now);

/* A new connection with a random `session`: safe state, and nobody is obeyed until the welcome. */
void ac_board_connected(ac_board *board, const char *session, ac_ms now);
void ac_board_disconnected(ac_board *board, ac_ms now);

/* The status is published now: give its number, `ask`. Due at `board->trust.next_ask`, and at once after a connection. */
int64_t ac_board_ask(ac_board *board, ac_ms now);

/* The answer to a status; says whether it holds. */
bool ac_board_welcomed(ac_board *board, const ac_welcome *welcome, ac_ms now);

/* `gateway/status`: whoever speaks there and is not `offline` is the gateway of that epoch. */
void ac_board_gateway(ac_board *board, bool is_present, bool has_epoch, int64_t epoch, bool is_retained, ac_ms now);

/* A configuration came: its limits hold at once, and nothing is energised until `version` is acknowledged. */
void ac_board_deliver(ac_board *board, const char *version, const ac_rules *rules, ac_ms now);
void ac_board_acknowledged(ac_board *board, const char *version, ac_ms now);

/* Obey or refuse; `reason` gets why not (AC_REASON_BYTES). */
ac_answer ac_board_command(ac_board *board, const ac_command *command, ac_ms now, char *reason);

/* Whether a command about the device itself (identify, restart) is to be obeyed: AC_APPLIED when it is. */
ac_answer ac_board_judge_device(ac_board *board, const ac_stamp *stamp, ac_ms now, char *reason);

/* Prolong a living hold; says whether it did. A beat alone turns nothing on and revives nothing. */
bool ac_board_beat(ac_board *board, const ac_beat *beat, ac_ms now);

/* Do what has become due; `ac_board_due` says when there is something to do next (AC_NEVER: nothing). */
void ac_board_tick(ac_board *board, ac_ms now);
ac_ms ac_board_due(const ac_board *board);

bool ac_board_is_on(const ac_board *board, int channel);
const char *ac_cause_name(ac_cause cause);

/* Makes a clock of 64 bits from a counter of 32 bits that wraps; call it more often than every 49 days. */
typedef struct {
    uint32_t last;
    uint32_t wraps;
} ac_clock;

ac_ms ac_extend(ac_clock *clock, uint32_t counter_ms);

#ifdef __cplusplus
}
#endif
#endif
