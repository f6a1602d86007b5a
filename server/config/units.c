/*
 * units - durations and sizes as text.
 * Called by the config for values, ranges and the reference.
 */
#include "server/config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Smallest first. */
static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit sizes[] = {{"", 1}, {"K", 1024}, {"M", 1048576}, {"G", 1073741824}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool units_parse(const char *text, const struct unit *units, size_t count, int64_t *value_r)
{
    int64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        int64_t digit = *at - '0';
        if (value > (INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (at == text) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(at, units[i].name) == 0) {
            if (value > INT64_MAX / units[i].factor) {
                return false;
            }
            *value_r = value * units[i].factor;
            return true;
        }
    }
    return false;
}

static const char *units_format(int64_t value, const struct unit *units, size_t count, char out[UNITS_TEXT_SIZE])
{
    if (value == 0) {
        return memcpy(out, "0", sizeof("0"));
    }
    size_t unit = count - 1;
    while (unit > 0 && value % units[unit].factor != 0) {
        unit--;
    }
    (void)snprintf(out, UNITS_TEXT_SIZE, "%" PRId64 "%s", value / units[unit].factor, units[unit].name);
    return out;
}

bool units_parse_duration(const char *text, int64_t *ms_r)
{
    return units_parse(text, durations, COUNT(durations), ms_r);
}

bool units_parse_size(const char *text, int64_t *bytes_r)
{
    return units_parse(text, sizes, COUNT(sizes), bytes_r);
}

const char *units_format_duration(int64_t ms, char out[UNITS_TEXT_SIZE])
{
    return units_format(ms, durations, COUNT(durations), out);
}

const char *units_format_size(int64_t bytes, char out[UNITS_TEXT_SIZE])
{
    return units_format(bytes, sizes, COUNT(sizes), out);
}
