#include "autocore_json.h"

#include <string.h>

/* ---- checking ---- */

static const char *check_value(const char *at, const char *end, int depth);

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

static bool is_digit(char one) { return one >= '0' && one <= '9'; }

static int hex_of(char one) {
    if (is_digit(one)) {
        return one - '0';
    }
    if (one >= 'a' && one <= 'f') {
        return one - 'a' + 10;
    }
    if (one >= 'A' && one <= 'F') {
        return one - 'A' + 10;
    }
    return -1;
}

/* Four hexadecimal digits; -1 when they are none. */
static int32_t unit_of(const char *at, const char *end) {
    int32_t unit = 0;
    if (end - at < 4) {
        return -1;
    }
    for (int digit = 0; digit < 4; digit++) {
        const int value = hex_of(at[digit]);
        if (value < 0) {
            return -1;
        }
        unit = unit * 16 + value;
    }
    return unit;
}

/* One character of a text, escaped or not; NULL when it is none. `*point` is its Unicode number. */
static const char *read_point(const char *at, const char *end, uint32_t *point) {
    const unsigned char first = (unsigned char)*at;
    if (first == '\\') {
        static const char names[] = "\"\\/bfnrt";
        static const char meant[] = "\"\\/\b\f\n\r\t";
        if (end - at < 2) {
            return NULL;
        }
        if (at[1] != 'u') {
            const char *found = at[1] == '\0' ? NULL : strchr(names, at[1]);
            if (found == NULL) {
                return NULL;
            }
            *point = (uint32_t)(unsigned char)meant[found - names];
            return at + 2;
        }
        const int32_t high = unit_of(at + 2, end);
        if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) {
            return NULL;
        }
        if (high < 0xD800 || high > 0xDBFF) {
            *point = (uint32_t)high;
            return at + 6;
        }
        if (end - at < 12 || at[6] != '\\' || at[7] != 'u') {
            return NULL;
        }
        const int32_t low = unit_of(at + 8, end);
        if (low < 0xDC00 || low > 0xDFFF) {
            return NULL;
        }
        *point = 0x10000U + (((uint32_t)high - 0xD800U) << 10) + ((uint32_t)low - 0xDC00U);
        return at + 12;
    }
    if (first < 0x20) {
        return NULL;
    }
    if (first < 0x80) {
        *point = first;
        return at + 1;
    }
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (first < 0xC2 || first > 0xF4 || end - at <= more) {
        return NULL;
    }
    uint32_t made = first & (0x3FU >> more);
    for (int byte = 1; byte <= more; byte++) {
        const unsigned char next = (unsigned char)at[byte];
        if ((next & 0xC0U) != 0x80U) {
            return NULL;
        }
        made = made << 6 | (next & 0x3FU);
    }
    if (made < smallest[more] || made > 0x10FFFF || (made >= 0xD800 && made <= 0xDFFF)) {
        return NULL;
    }
    *point = made;
    return at + more + 1;
}

static const char *check_text(const char *at, const char *end) {
    uint32_t point;
    at++;
    while (at != NULL && at < end) {
        if (*at == '"') {
            return at + 1;
        }
        at = read_point(at, end, &point);
    }
    return NULL;
}

static const char *skip_digits(const char *at, const char *end) {
    const char *start = at;
    while (at < end && is_digit(*at)) {
        at++;
    }
    return at == start ? NULL : at;
}

static const char *check_number(const char *at, const char *end) {
    if (*at == '-') {
        at++;
    }
    if (at < end && *at == '0') {
        at++;
    } else {
        at = skip_digits(at, end);
    }
    if (at != NULL && at < end && *at == '.') {
        at = skip_digits(at + 1, end);
    }
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) {
            at++;
        }
        at = skip_digits(at, end);
    }
    return at;
}

static const char *check_word(const char *at, const char *end, const char *word) {
    const size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0 ? at + size : NULL;
}

static const char *check_object(const char *at, const char *end, int depth) {
    at = skip_space(at + 1, end);
    if (at < end && *at == '}') {
        return at + 1;
    }
    for (;;) {
        if (at >= end || *at != '"' || (at = check_text(at, end)) == NULL) {
            return NULL;
        }
        at = skip_space(at, end);
        if (at >= end || *at != ':' || (at = check_value(skip_space(at + 1, end), end, depth)) == NULL) {
            return NULL;
        }
        at = skip_space(at, end);
        if (at >= end || (*at != ',' && *at != '}')) {
            return NULL;
        }
        if (*at == '}') {
            return at + 1;
        }
        at = skip_space(at + 1, end);
    }
}

static const char *check_list(const char *at, const char *end, int depth) {
    at = skip_space(at + 1, end);
    if (at < end && *at == ']') {
        return at + 1;
    }
    for (;;) {
        if ((at = check_value(at, end, depth)) == NULL) {
            return NULL;
        }
        at = skip_space(at, end);
        if (at >= end || (*at != ',' && *at != ']')) {
            return NULL;
        }
        if (*at == ']') {
            return at + 1;
        }
        at = skip_space(at + 1, end);
    }
}

/* Give the place behind the value that begins at `at`, NULL when there is none. */
static const char *check_value(const char *at, const char *end, int depth) {
    if (at >= end) {
        return NULL;
    }
    switch (*at) {
    case '{':
        return depth == 0 ? NULL : check_object(at, end, depth - 1);
    case '[':
        return depth == 0 ? NULL : check_list(at, end, depth - 1);
    case '"':
        return check_text(at, end);
    case 't':
        return check_word(at, end, "true");
    case 'f':
        return check_word(at, end, "false");
    case 'n':
        return check_word(at, end, "null");
    default:
        return *at == '-' || is_digit(*at) ? check_number(at, end) : NULL;
    }
}

bool ac_json_check(const char *text, size_t size, ac_json *value) {
    if (size == 0) {
        return false;
    }
    const char *end = text + size;
    const char *start = skip_space(text, end);
    const char *stop = check_value(start, end, AC_JSON_DEPTH);
    if (stop == NULL || skip_space(stop, end) != end) {
        return false;
    }
    value->at = start;
    value->end = stop;
    return true;
}

/* ---- reading what was checked ---- */

bool ac_json_open(ac_json object, ac_json_members *members) {
    if (object.at >= object.end || *object.at != '{') {
        return false;
    }
    members->at = object.at + 1;
    members->end = object.end;
    return true;
}

bool ac_json_next(ac_json_members *members, ac_json *key, ac_json *value) {
    const char *end = members->end;
    const char *at = skip_space(members->at, end);
    if (at < end && *at == ',') {
        at = skip_space(at + 1, end);
    }
    if (at >= end || *at != '"') {
        return false;
    }
    key->at = at;
    key->end = check_text(at, end);
    at = skip_space(key->end, end) + 1;
    at = skip_space(at, end);
    value->at = at;
    value->end = check_value(at, end, AC_JSON_DEPTH);
    members->at = value->end;
    return value->end != NULL;
}

bool ac_json_is_null(ac_json value) { return *value.at == 'n'; }

bool ac_json_bool(ac_json value, bool *out) {
    if (*value.at != 't' && *value.at != 'f') {
        return false;
    }
    *out = *value.at == 't';
    return true;
}

bool ac_json_int(ac_json value, int64_t *out) {
    const char *at = value.at;
    const bool is_negative = *at == '-';
    int64_t number = 0;
    if (!is_negative && !is_digit(*at)) {
        return false;
    }
    for (at += is_negative ? 1 : 0; at < value.end; at++) {
        if (!is_digit(*at)) {
            return false;
        }
        number = number * 10 + (*at - '0');
        if (number > AC_JSON_LARGEST) {
            return false;
        }
    }
    *out = is_negative ? -number : number;
    return true;
}

bool ac_json_thousandths(ac_json value, int64_t *out) {
    const char *at = value.at;
    const bool is_negative = *at == '-';
    int64_t number = 0;
    int scale = 3; /* decimal places that are still to come */
    int exponent = 0;
    bool is_fraction = false;
    if (!is_negative && !is_digit(*at)) {
        return false;
    }
    for (at += is_negative ? 1 : 0; at < value.end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            is_fraction = true;
        } else if (number <= AC_JSON_LARGEST / 100) {
            number = number * 10 + (*at - '0');
            scale -= is_fraction ? 1 : 0;
        } else if (!is_fraction) {
            return false;
        }
    }
    if (at < value.end) {
        const bool is_small = at[1] == '-';
        for (at += at[1] == '-' || at[1] == '+' ? 2 : 1; at < value.end; at++) {
            exponent = exponent > 1000 ? exponent : exponent * 10 + (*at - '0');
        }
        exponent = is_small ? -exponent : exponent;
    }
    int shift = scale + exponent;
    for (; shift > 0 && number != 0; shift--) {
        number *= 10;
        if (number > AC_JSON_LARGEST) {
            return false;
        }
    }
    for (; shift < -1 && number != 0; shift++) {
        number /= 10;
    }
    if (shift == -1) {
        number = (number + 5) / 10;
    }
    *out = is_negative ? -number : number;
    return true;
}

static size_t utf8_of(uint32_t point, char *out) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0U | point >> 6);
        out[1] = (char)(0x80U | (point & 0x3FU));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0U | point >> 12);
        out[1] = (char)(0x80U | (point >> 6 & 0x3FU));
        out[2] = (char)(0x80U | (point & 0x3FU));
        return 3;
    }
    out[0] = (char)(0xF0U | point >> 18);
    out[1] = (char)(0x80U | (point >> 12 & 0x3FU));
    out[2] = (char)(0x80U | (point >> 6 & 0x3FU));
    out[3] = (char)(0x80U | (point & 0x3FU));
    return 4;
}

/* Go through the bytes of a text: `*size` of them, at most 4, in `bytes`; false behind the last. */
static bool next_bytes(const char **at, ac_json text, char *bytes, size_t *size) {
    uint32_t point;
    if (*at >= text.end - 1) {
        return false;
    }
    *at = read_point(*at, text.end, &point);
    *size = utf8_of(point, bytes);
    return true;
}

bool ac_json_text(ac_json value, char *out, size_t size) {
    char bytes[4];
    size_t more;
    if (*value.at != '"') {
        return false;
    }
    size_t length = 0; /* measured first: what is refused leaves the buffer as it was */
    for (const char *at = value.at + 1; next_bytes(&at, value, bytes, &more);) {
        length += more;
        if (bytes[0] == '\0' || length >= size) {
            return false;
        }
    }
    length = 0;
    for (const char *at = value.at + 1; next_bytes(&at, value, bytes, &more); length += more) {
        memcpy(out + length, bytes, more);
    }
    out[length] = '\0';
    return true;
}

bool ac_json_is(ac_json value, const char *word) {
    char bytes[4];
    size_t more;
    if (*value.at != '"') {
        return false;
    }
    for (const char *at = value.at + 1; next_bytes(&at, value, bytes, &more); word += more) {
        for (size_t byte = 0; byte < more; byte++) {
            if (word[byte] == '\0' || word[byte] != bytes[byte]) {
                return false;
            }
        }
    }
    return *word == '\0';
}

bool ac_json_hash(ac_json value, uint64_t *out) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    char bytes[4];
    size_t more;
    int64_t number;
    if (*value.at == '"') {
        size_t length = 0;
        for (const char *at = value.at + 1; next_bytes(&at, value, bytes, &more); length += more) {
            for (size_t byte = 0; byte < more; byte++) {
                hash = (hash ^ (unsigned char)bytes[byte]) * UINT64_C(1099511628211);
            }
        }
        if (length == 0) {
            return false;
        }
    } else if (ac_json_int(value, &number)) {
        hash ^= UINT64_C(0xFF); /* no byte of UTF-8: no text begins like a number */
        hash *= UINT64_C(1099511628211);
        for (int byte = 0; byte < 8; byte++) {
            hash = (hash ^ ((uint64_t)number >> (8 * byte) & 0xFFU)) * UINT64_C(1099511628211);
        }
    } else {
        return false;
    }
    *out = hash;
    return true;
}

/* ---- writing ---- */

void ac_write_begin(ac_writer *writer, char *buffer, size_t size) {
    writer->buffer = buffer;
    writer->size = size;
    writer->length = 0;
    writer->is_full = size == 0;
    if (size > 0) {
        buffer[0] = '\0';
    }
}

static void write_bytes(ac_writer *writer, const char *bytes, size_t size) {
    if (writer->is_full || size >= writer->size - writer->length) {
        writer->is_full = true;
        return;
    }
    memcpy(writer->buffer + writer->length, bytes, size);
    writer->length += size;
    writer->buffer[writer->length] = '\0';
}

void ac_write_raw(ac_writer *writer, const char *text) { write_bytes(writer, text, strlen(text)); }

void ac_write_text(ac_writer *writer, const char *text) {
    static const char digits[] = "0123456789abcdef";
    write_bytes(writer, "\"", 1);
    for (; *text != '\0'; text++) {
        const unsigned char one = (unsigned char)*text;
        if (one == '"' || one == '\\') {
            const char escaped[2] = {'\\', *text};
            write_bytes(writer, escaped, 2);
        } else if (one < 0x20) {
            const char escaped[6] = {'\\', 'u', '0', '0', digits[one >> 4], digits[one & 15U]};
            write_bytes(writer, escaped, 6);
        } else {
            write_bytes(writer, text, 1);
        }
    }
    write_bytes(writer, "\"", 1);
}

void ac_write_int(ac_writer *writer, int64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? (uint64_t)0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + (char)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (number < 0) {
        write_bytes(writer, "-", 1);
    }
    write_bytes(writer, digits + at, sizeof digits - at);
}
