/*
 * check_json_keys - keys that are the same however they are written, and keys of one hash that are not the same.
 */
#include "validate/json_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static struct json_text text_of(const char *string)
{
    return (struct json_text){(const uint8_t *)string, strlen(string)};
}

START_TEST(core_hexadecimal)
{
    static const struct {
        const char *text;
        int32_t value;
    } cases[] = {
        {"0000", 0}, {"00e4", 0xE4}, {"FFff", 0xFFFF}, {"12345", 0x1234}, {"123", -1},
        {"", -1},    {"00g0", -1},   {"+123", -1},     {" 123", -1},      {"-001", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct json_text text = text_of(cases[i].text);
        ck_assert_msg(json_hexadecimal(&text, 0) == cases[i].value, "%s", cases[i].text);
        ck_assert_int_eq(json_hexadecimal(&text, text.size + 1), -1);
        ck_assert_int_eq(json_hexadecimal(&text, SIZE_MAX), -1);
    }
}
END_TEST

/* Two keys one behind the other, and whether they are one. */
START_TEST(core_pairs)
{
    static const struct {
        const char *first, *second;
        bool same;
    } cases[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "aa", false},
        {"", "", true},
        {"", "a", false},
        {"a", "\\u0061", true},
        {"\\u00e4", "\\u00E4", true},
        {"\\u00e4", "\303\244", true},
        {"\\ud83d\\ude00", "\360\237\230\200", true},
        {"\\ud83d", "\\ud83d", true},
        {"\\ud83d", "\\ude00", false},
        {"\\ude00\\ud83d", "\360\237\230\200", false},
        {"\\/", "/", true},
        {"\\n", "\\u000A", true},
        {"\\t", "t", false},
        {"\\\"", "\\u0022", true},
        {"\\\\", "\\u005c", true},
        {"\\u0000", "", false},
        {"\\u0000", "\\u0000", true},
        {"\\u0000a", "\\u0000b", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char string[64];
        const int second = snprintf(string, sizeof(string), "\"%s\"", cases[i].first);
        (void)snprintf(string + second, sizeof(string) - (size_t)second, "\"%s\"", cases[i].second);
        const struct json_text text = text_of(string);
        struct json_key keys[] = {json_key_make(&text, 0), json_key_make(&text, (size_t)second)};
        size_t offset = 0;
        ck_assert_int_eq(json_keys_find_twice(&text, keys, 2, NULL, &offset), cases[i].same);
        ck_assert_uint_eq(offset, cases[i].same ? (size_t)second : 0);
    }
}
END_TEST

/* Keys are cut off where the text ends: at each byte, with a sanitizer as the judge. */
START_TEST(hostile_cut_off)
{
    static const char string[] = "\"a\\n\\u00e4\\ud83d\\ude00\303\244\360\237\230\200";
    for (size_t size = 1; size < sizeof(string); size++) {
        uint8_t *bytes = malloc(size);
        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, string, size);
        const struct json_text text = {bytes, size};
        ck_assert_uint_eq(json_key_make(&text, 0).offset, 0);
        free(bytes);
    }
}
END_TEST

/* Sequences of code points in pairs that leave the hash of what goes before in one state: each key that takes one of each pair has
 * the hash of all others. Found by a search of some seconds, as anybody could. */
#define PAIRS       14
#define PAIR_POINTS 3

static const uint32_t pairs[PAIRS][2][PAIR_POINTS] = {
    {{0x4F20, 0x4E7F, 0x10000}, {0x4F25, 0x4E7F, 0xEB3CD}}, {{0x4E00, 0x55B3, 0x10000}, {0x4E01, 0x55B3, 0x3E329}},
    {{0x5CAB, 0x4E7F, 0x10000}, {0x5CAE, 0x4E7F, 0xF6FCD}}, {{0x5952, 0x4E7F, 0x10000}, {0x5957, 0x4E7F, 0xF93CD}},
    {{0x5605, 0x4E7F, 0x10000}, {0x5606, 0x4E7F, 0xC7CD7}}, {{0x5605, 0x4E7F, 0x10000}, {0x5606, 0x4E7F, 0x43CD7}},
    {{0x5600, 0x4E7F, 0x10000}, {0x5605, 0x4E7F, 0xF93CD}}, {{0x4F51, 0x4E7F, 0x10000}, {0x4F52, 0x4E7F, 0x23CD7}},
    {{0x4F72, 0x4E08, 0x10000}, {0x4F73, 0x4E92, 0xE7CD7}}, {{0x5750, 0x4E7F, 0x10000}, {0x5755, 0x4E7F, 0xF93CD}},
    {{0x4E26, 0x4E92, 0x10000}, {0x4E27, 0x4E08, 0x67CD7}}, {{0x5605, 0x4E7F, 0x10000}, {0x5606, 0x4E7F, 0x23CD7}},
    {{0x5605, 0x4E7F, 0x10000}, {0x5606, 0x4E7F, 0x47CD7}}, {{0x5605, 0x4E7F, 0x10000}, {0x5606, 0x4E7F, 0xC3CD7}}};

#define KEY_SIZE_MAX (PAIRS * PAIR_POINTS * 4 + 2) /* octets, with quotes */

static size_t put_point(char *out, uint32_t point)
{
    if (point < 0x10000) { /* none is below 0x800 */
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* The key that the bits of `choice` pick. */
static size_t put_key(char *out, unsigned choice)
{
    size_t size = 0;
    out[size++] = '"';
    for (unsigned i = 0; i < PAIRS; i++) {
        for (unsigned j = 0; j < PAIR_POINTS; j++) {
            size += put_point(out + size, pairs[i][choice >> i & 1][j]);
        }
    }
    out[size++] = '"';
    return size;
}

/* All of one hash and no two the same; then one is there twice. The time limit of a test is what quadratic work would break. */
START_TEST(hostile_collisions)
{
    const size_t count = (size_t)1 << PAIRS;
    char *string = malloc((count + 1) * KEY_SIZE_MAX);
    struct json_key *keys = calloc(2 * (count + 1), sizeof(struct json_key));
    ck_assert_ptr_nonnull(string);
    ck_assert_ptr_nonnull(keys);
    struct json_text text = {(const uint8_t *)string, 0};
    for (unsigned i = 0; i <= count; i++) {
        const size_t offset = text.size;
        text.size += put_key(string + offset, i == count ? 4711 : i);
        keys[i] = json_key_make(&text, offset);
        ck_assert_uint_eq(keys[i].hash, keys[0].hash);
    }
    const size_t last = keys[count].offset;
    size_t offset = 0;
    ck_assert(!json_keys_find_twice(&text, keys, count, keys + count + 1, &offset));
    keys[count] = json_key_make(&text, last);
    ck_assert(json_keys_find_twice(&text, keys, count + 1, keys + count + 1, &offset));
    ck_assert_uint_eq(offset, last);
    free(keys);
    free(string);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_keys");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_hexadecimal);
    tcase_add_test(core, core_pairs);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_cut_off);
    tcase_add_test(hostile, hostile_collisions);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
