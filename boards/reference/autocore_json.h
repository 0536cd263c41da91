/* JSON as far as the protocol needs it: a reader over the received bytes and a writer into a buffer of the caller.
 *
 * No allocation and no copy: a value is a piece of the text that `ac_json_check` has found whole. Nothing is coerced; a value of
 * another type, or one that does not fit, is refused by the getter.
 */
#ifndef AUTOCORE_JSON_H
#define AUTOCORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AC_JSON_DEPTH 32                      /* protocol: JSON is nested at most 32 deep */
#define AC_JSON_LARGEST INT64_C(9007199254740991) /* 2^53 - 1: sums and differences of such numbers fit into 64 bits */

/* A value inside a checked text; a text begins at its quotation mark. */
typedef struct {
    const char *at;
    const char *end;
} ac_json;

/* Goes through the members of an object. */
typedef struct {
    const char *at;
    const char *end;
} ac_json_members;

/* Say whether `size` bytes at `text` are one JSON value in UTF-8, and give it. Nothing else may be read from a text that is not. */
bool ac_json_check(const char *text, size_t size, ac_json *value);

/* Begin with the members of `object`; false when it is none. */
bool ac_json_open(ac_json object, ac_json_members *members);

/* Give the next member; false after the last. A key that comes twice comes twice: the later one counts. */
bool ac_json_next(ac_json_members *members, ac_json *key, ac_json *value);

/* Say whether `value` is a text that reads `word`. */
bool ac_json_is(ac_json value, const char *word);

bool ac_json_is_null(ac_json value);

/* Each getter says whether the value is of its type and fits; `*out` is changed only then. */
bool ac_json_bool(ac_json value, bool *out);
bool ac_json_int(ac_json value, int64_t *out); /* whole, without fraction or exponent, at most AC_JSON_LARGEST either way */
bool ac_json_thousandths(ac_json value, int64_t *out); /* a number of seconds as milliseconds, rounded to the nearest */
bool ac_json_text(ac_json value, char *out, size_t size); /* unescaped, with a 0 behind it; no text holds a 0 itself */

/* Hash a text (unescaped) or a whole number, so that "7" and 7 differ; false for anything else, and for an empty text. */
bool ac_json_hash(ac_json value, uint64_t *out);

/* Writes into a buffer; once something did not fit, `is_full` is set and the rest is dropped. */
typedef struct {
    char *buffer;
    size_t size;
    size_t length;
    bool is_full;
} ac_writer;

void ac_write_begin(ac_writer *writer, char *buffer, size_t size);
void ac_write_raw(ac_writer *writer, const char *text);
void ac_write_text(ac_writer *writer, const char *text); /* in quotation marks, escaped */
void ac_write_int(ac_writer *writer, int64_t number);

#ifdef __cplusplus
}
#endif
#endif
