/*
 * json_numbers - numbers with a fraction or an exponent, looked at as texts. Called by the checker of schemas; any thread.
 */
#include "validate/json_numbers.h"

#include <string.h>

#include "validate/json_skip.h"
#include "validate/schema_number.h"

#define DIGITS_SAFE  15 /* as many as any double holds */
#define DIGITS_MAX   17 /* as many as the shortest decimal of a double has */
#define EXPONENT_MAX 100000
#define TINIEST      (-307)

struct text {
    const uint8_t *next;
    const uint8_t *end;
};

/* digits * 10^exponent; digits is meant for at most DIGITS_MAX of them. */
struct number {
    uint64_t digits;
    int count;    /* without zeros in front and behind */
    int exponent; /* of the last digit counted */
    bool real;    /* has a fraction or an exponent */
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Behind the quote that opens it. */
static void skip_string(struct text *text)
{
    while (text->next < text->end) {
        text->next += json_skip_plain(text->next, (size_t)(text->end - text->next));
        if (text->next == text->end || *text->next++ == '"') {
            return;
        }
        text->next += text->next < text->end ? 1 : 0; /* what the backslash is for */
    }
}

static int read_exponent(struct text *text)
{
    int exponent = 0;
    const bool negative = text->next < text->end && *text->next == '-';
    if (text->next < text->end && (*text->next == '-' || *text->next == '+')) {
        text->next++;
    }
    for (; text->next < text->end && is_digit(*text->next); text->next++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*text->next - '0') : EXPONENT_MAX;
    }
    return negative ? -exponent : exponent;
}

/* From its first digit on. Zeros wait until a digit comes behind them. */
static struct number read_number(struct text *text)
{
    struct number number = {0};
    int zeros = 0;
    for (; text->next < text->end; text->next++) {
        const uint8_t byte = *text->next;
        if (byte == '.') {
            number.real = true;
            continue;
        }
        if (!is_digit(byte)) {
            break;
        }
        number.exponent -= number.real ? 1 : 0;
        if (byte == '0') {
            zeros += number.count > 0 ? 1 : 0;
            continue;
        }
        for (; zeros >= 0; zeros--) {
            if (number.count++ < DIGITS_MAX) {
                number.digits = number.digits * 10 + (zeros == 0 ? (uint64_t)(byte - '0') : 0);
            }
        }
        zeros = 0;
    }
    number.exponent += zeros;
    if (text->next < text->end && (*text->next == 'e' || *text->next == 'E')) {
        text->next++;
        number.real = true;
        number.exponent += read_exponent(text);
    }
    return number;
}

/* The next number that has a fraction or an exponent; false: there is none. */
static bool find_real(struct text *text, struct number *number_r)
{
    while (text->next < text->end) {
        if (is_digit(*text->next)) {
            *number_r = read_number(text);
            if (number_r->real) {
                return true;
            }
        } else if (*text->next++ == '"') {
            skip_string(text);
        }
    }
    return false;
}

static enum json_numbers judge(const struct number *number)
{
    if (number->count == 0) {
        return JSON_NUMBERS_HELD;
    }
    if (number->exponent + number->count - 1 < TINIEST) {
        return JSON_NUMBERS_TINY;
    }
    if (number->count <= DIGITS_SAFE) {
        return JSON_NUMBERS_HELD;
    }
    return number->count <= DIGITS_MAX ? JSON_NUMBERS_LONG : JSON_NUMBERS_ROUNDED;
}

enum json_numbers json_numbers_scan(const uint8_t *bytes, size_t size)
{
    struct text text = {bytes, bytes + size};
    struct number number;
    enum json_numbers worst = JSON_NUMBERS_HELD;
    while (find_real(&text, &number)) {
        const enum json_numbers one = judge(&number);
        worst = one > worst ? one : worst;
    }
    return worst;
}

bool json_numbers_are_held(const uint8_t *bytes, size_t size)
{
    struct text text = {bytes, bytes + size};
    struct number number;
    while (find_real(&text, &number)) {
        const enum json_numbers one = judge(&number);
        if (one == JSON_NUMBERS_LONG ? !schema_number_is_held(number.digits, number.exponent)
                                     : one != JSON_NUMBERS_HELD) {
            return false;
        }
    }
    return true;
}
