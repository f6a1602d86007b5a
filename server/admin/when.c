/*
 * when - see when.h. Called by the admin API's workers and by portcullisctl.
 *
 * The calendar is reckoned here: timegm() is no standard function, and mktime() knows time zones.
 */
#include "server/admin/when.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DAY_S 86400

/* A cursor over text; `good` stays false once something was not as expected. */
struct reader {
    const char *at;
    bool good;
};

static int64_t read_digits(struct reader *reader, int count, int64_t least, int64_t most)
{
    int64_t value = 0;
    for (int i = 0; i < count && reader->good; i++) {
        reader->good = *reader->at >= '0' && *reader->at <= '9';
        if (reader->good) {
            value = value * 10 + (*reader->at++ - '0');
        }
    }
    reader->good = reader->good && value >= least && value <= most;
    return value;
}

static char read_one_of(struct reader *reader, const char *set)
{
    char c = *reader->at;
    reader->good = reader->good && c != '\0' && strchr(set, c) != NULL;
    if (reader->good) {
        reader->at++;
    }
    return c;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Leap years before `year`, counted from the year 1. */
static int64_t leaps_before(int64_t year)
{
    int64_t before = year - 1;
    return before / 4 - before / 100 + before / 400;
}

static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t days = (year - 1970) * 365 + leaps_before(year) - leaps_before(1970);
    for (int64_t i = 1; i < month; i++) {
        days += days_of_month(year, i);
    }
    return days + day - 1;
}

static void skip_fraction(struct reader *reader)
{
    if (reader->good && *reader->at == '.') {
        reader->at++;
        (void)read_digits(reader, 1, 0, 9);
        while (*reader->at >= '0' && *reader->at <= '9') {
            reader->at++;
        }
    }
}

/* Seconds east of Greenwich. */
static int64_t read_offset(struct reader *reader)
{
    char sign = read_one_of(reader, "Zz+-");
    if (sign == 'Z' || sign == 'z') {
        return 0;
    }
    int64_t hours = read_digits(reader, 2, 0, 23);
    (void)read_one_of(reader, ":");
    int64_t minutes = read_digits(reader, 2, 0, 59);
    int64_t offset = (hours * 60 + minutes) * 60;
    return sign == '-' ? -offset : offset;
}

static bool parse_date(const char *text, int64_t *seconds_r)
{
    struct reader reader = {.at = text, .good = true};
    int64_t year = read_digits(&reader, 4, 1, 9999);
    (void)read_one_of(&reader, "-");
    int64_t month = read_digits(&reader, 2, 1, 12);
    (void)read_one_of(&reader, "-");
    int64_t day = read_digits(&reader, 2, 1, 31);
    (void)read_one_of(&reader, "Tt ");
    int64_t hour = read_digits(&reader, 2, 0, 23);
    (void)read_one_of(&reader, ":");
    int64_t minute = read_digits(&reader, 2, 0, 59);
    (void)read_one_of(&reader, ":");
    int64_t second = read_digits(&reader, 2, 0, 60);
    skip_fraction(&reader);
    int64_t offset = read_offset(&reader);
    if (!reader.good || *reader.at != '\0' || day > days_of_month(year, month)) {
        return false;
    }
    *seconds_r = days_since_1970(year, month, day) * DAY_S + (hour * 60 + minute) * 60 + second - offset;
    return true;
}

static bool parse_number(const char *text, int64_t *seconds_r)
{
    int64_t value = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || value > WHEN_MAX) {
            return false;
        }
        value = value * 10 + (*at - '0');
    }
    *seconds_r = value;
    return text[0] != '\0';
}

bool when_parse(const char *text, int64_t *seconds_r)
{
    int64_t seconds;
    if ((!parse_number(text, &seconds) && !parse_date(text, &seconds)) || seconds < 0 || seconds > WHEN_MAX) {
        return false;
    }
    *seconds_r = seconds;
    return true;
}

const char *when_format(int64_t seconds, char out[WHEN_TEXT_SIZE])
{
    if (seconds < 0 || seconds > WHEN_MAX) {
        memcpy(out, "-", 2);
        return out;
    }
    int64_t days = seconds / DAY_S;
    int64_t rest = seconds % DAY_S;
    int64_t year = 1970 + days / 366; /* never too late */
    while (days_since_1970(year + 1, 1, 1) <= days) {
        year++;
    }
    int64_t month = 1;
    while (month < 12 && days_since_1970(year, month + 1, 1) <= days) {
        month++;
    }
    int64_t day = days - days_since_1970(year, month, 1) + 1;
    snprintf(out, WHEN_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000, (unsigned)month % 100,
             (unsigned)day % 100, (unsigned)(rest / 3600) % 100, (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
    return out;
}
