/*
 * schema_number - exact comparison and division of JSON numbers. Called by the compiler and the checker of schemas and by
 * json_order; any thread.
 */
#include "validate/schema_number.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* digits × 10^exponent. Without trailing zeros in digits, so that each value has one form; 0 has the exponent 0. */
struct decimal {
    bool negative;
    uint64_t digits; /* at most 19 decimal ones, as INT64_MIN has */
    int exponent;
};

#define REAL_SIZE    32     /* "-d.dddddddddddddddde-ddd" */
#define EXACT_DOUBLE 0x1p53 /* below, each integer is a double */
#define SHORT_MAX    1e15

#define PLAIN_DIGITS 19 /* of an integer that is printed without an exponent */
#define PLAIN_ZEROS  5  /* between point and digits */
#define ZEROS        "0000000000000000000"

#define STEPS_SHORT 8
#define STEPS_LONG  50 /* printing and reading some doubles, */
#define BITS_A_STEP 2  /* and for each so many that their exponents say, as that is done in long integers */

static struct decimal normalised(struct decimal decimal)
{
    if (decimal.digits == 0) {
        return (struct decimal){false, 0, 0};
    }
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    return decimal;
}

static struct decimal decimal_of_integer(json_int_t integer)
{
    const uint64_t magnitude = integer < 0 ? UINT64_C(0) - (uint64_t)integer : (uint64_t)integer;
    return normalised((struct decimal){integer < 0, magnitude, 0});
}

/* The shortest form that reads as the same double. */
static void print_shortest(char *text, size_t size, double real)
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, size, "%.*e", digits - 1, real);
        if (strtod(text, NULL) == real) { // NOLINT(clang-diagnostic-float-equal)
            return;
        }
    }
}

/* Most decimals that people write have a few places, and at most 15 digits: as many as any double holds, so that no other
 * decimal of so few reads as the same double. False: `real` is none of them. */
static bool find_short(double real, struct decimal *decimal_r)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]) && fabs(real) * powers[i] <= SHORT_MAX; i++) {
        const double digits = rint(real * powers[i]);
        if (digits / powers[i] == real) { // NOLINT(clang-diagnostic-float-equal): both are exact, so is the quotient
            *decimal_r = normalised((struct decimal){real < 0, (uint64_t)fabs(digits), -(int)i});
            return true;
        }
    }
    return false;
}

static struct decimal decimal_of_real(double real)
{
    char text[REAL_SIZE];
    struct decimal found;
    if (find_short(real, &found)) {
        return found;
    }
    print_shortest(text, sizeof(text), real);
    struct decimal decimal = {false, 0, 0};
    bool fraction = false;
    const char *next = text;
    for (; *next != '\0' && *next != 'e'; next++) {
        if (*next == '-') {
            decimal.negative = true;
        } else if (*next >= '0' && *next <= '9') {
            decimal.digits = decimal.digits * 10 + (uint64_t)(*next - '0');
            decimal.exponent -= fraction ? 1 : 0;
        } else {
            fraction = true; /* the point, whatever the locale writes for it */
        }
    }
    if (*next == 'e') {
        decimal.exponent += (int)strtol(next + 1, NULL, 10);
    }
    return normalised(decimal);
}

static struct decimal decimal_of(const json_t *number)
{
    return json_is_integer(number) ? decimal_of_integer(json_integer_value(number))
                                   : decimal_of_real(json_real_value(number));
}

static int digits_count(uint64_t digits)
{
    int count = 0;
    for (; digits > 0; digits /= 10) {
        count++;
    }
    return count;
}

static int compare_magnitudes(struct decimal left, struct decimal right)
{
    if (left.digits == 0 || right.digits == 0) {
        return (left.digits > 0) - (right.digits > 0);
    }
    int left_count = digits_count(left.digits);
    int right_count = digits_count(right.digits);
    const int order = left_count + left.exponent - right_count - right.exponent;
    if (order != 0) {
        return order;
    }
    /* Of one order of magnitude: padded to one length, of at most 19 digits, they compare as integers. */
    for (; left_count < right_count; left_count++) {
        left.digits *= 10;
    }
    for (; right_count < left_count; right_count++) {
        right.digits *= 10;
    }
    return (left.digits > right.digits) - (left.digits < right.digits);
}

static int compare_decimals(struct decimal left, struct decimal right)
{
    if (left.negative != right.negative) {
        return left.negative ? -1 : 1;
    }
    const int magnitudes = compare_magnitudes(left, right);
    return left.negative ? -magnitudes : magnitudes;
}

int schema_number_compare(const json_t *left, const json_t *right)
{
    if (json_is_integer(left) && json_is_integer(right)) {
        const json_int_t a = json_integer_value(left);
        const json_int_t b = json_integer_value(right);
        return (a > b) - (a < b);
    }
    /* Rounding keeps the order of what it does not make equal. */
    const double a = json_number_value(left);
    const double b = json_number_value(right);
    const bool exact = (json_is_real(left) && json_is_real(right)) || fabs(a) < EXACT_DOUBLE;
    if (exact || !schema_number_rounds_alike(left, right)) {
        return (a > b) - (a < b);
    }
    return compare_decimals(decimal_of(left), decimal_of(right));
}

bool schema_number_is_integer(const json_t *number)
{
    if (json_is_integer(number)) {
        return true;
    }
    const double real = json_real_value(number);
    return floor(real) == real; // NOLINT(clang-diagnostic-float-equal)
}

static size_t steps_of(const json_t *number)
{
    struct decimal found;
    int exponent = 0;
    if (json_is_integer(number)) {
        return 0;
    }
    if (find_short(json_real_value(number), &found)) {
        return STEPS_SHORT;
    }
    (void)frexp(json_real_value(number), &exponent);
    return STEPS_LONG + (size_t)abs(exponent) / BITS_A_STEP;
}

size_t schema_number_steps(const json_t *left, const json_t *right)
{
    return steps_of(left) + steps_of(right);
}

bool schema_number_rounds_alike(const json_t *left, const json_t *right)
{
    const double a = json_number_value(left);
    const double b = json_number_value(right);
    return a == b; // NOLINT(clang-diagnostic-float-equal)
}

bool schema_number_is_held(uint64_t digits, int exponent)
{
    char text[REAL_SIZE];
    (void)snprintf(text, sizeof(text), "%" PRIu64 "e%d", digits, exponent); /* without a point, which locales change */
    const struct decimal shortest = decimal_of_real(strtod(text, NULL));
    const struct decimal written = normalised((struct decimal){false, digits, exponent});
    return shortest.digits == written.digits && shortest.exponent == written.exponent;
}

/* digits * 10^exponent with the point where people put it, or as d.ddde123. */
static void print_decimal(struct decimal decimal, char *text, size_t size)
{
    char digits[REAL_SIZE];
    const int count = snprintf(digits, sizeof(digits), "%" PRIu64, decimal.digits);
    const int point = count + decimal.exponent; /* digits in front of it */
    const char *sign = decimal.negative ? "-" : "";
    if (decimal.exponent >= 0 && point <= PLAIN_DIGITS) {
        (void)snprintf(text, size, "%s%s%.*s", sign, digits, decimal.exponent, ZEROS);
    } else if (decimal.exponent < 0 && point > 0) {
        (void)snprintf(text, size, "%s%.*s.%s", sign, point, digits, digits + point);
    } else if (decimal.exponent < 0 && point > -PLAIN_ZEROS) {
        (void)snprintf(text, size, "%s0.%.*s%s", sign, -point, ZEROS, digits);
    } else {
        (void)snprintf(text, size, "%s%.1s%s%se%d", sign, digits, count > 1 ? "." : "", digits + 1, point - 1);
    }
}

void schema_number_print(const json_t *number, char *text, size_t size)
{
    print_decimal(decimal_of(number), text, size);
}

/* a + b modulo m, for a and b below m. */
static uint64_t add_modulo(uint64_t a, uint64_t b, uint64_t m)
{
    return a >= m - b ? a - (m - b) : a + b;
}

bool schema_number_is_multiple(const json_t *number, const json_t *of)
{
    if (json_is_integer(number) && json_is_integer(of)) {
        return json_integer_value(number) % json_integer_value(of) == 0;
    }
    const struct decimal value = decimal_of(number);
    const struct decimal divisor = decimal_of(of);
    if (value.digits == 0) {
        return true;
    }
    if (divisor.digits == 0 || value.exponent < divisor.exponent) {
        return false; /* a factor of 10 in the divisor that the value, normalised, does not have */
    }
    uint64_t rest = value.digits % divisor.digits;
    for (int i = value.exponent - divisor.exponent; i > 0 && rest > 0; i--) { /* at most 324 + 308 + 17 rounds */
        const uint64_t twice = add_modulo(rest, rest, divisor.digits);
        const uint64_t four = add_modulo(twice, twice, divisor.digits);
        rest = add_modulo(add_modulo(four, four, divisor.digits), twice, divisor.digits);
    }
    return rest == 0;
}
