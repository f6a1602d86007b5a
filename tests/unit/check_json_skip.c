/*
 * check_json_skip - what is skipped of a string, beside what a loop over its bytes skips.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "validate/json_skip.h"

static size_t plain_bytes(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] != '"' && bytes[at] != '\\') {
        at++;
    }
    return at;
}

/* In memory of just that size, so that sanitizers see a byte too many being read. */
static void check_text(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    ck_assert_uint_eq(json_skip_plain(copy, size), plain_bytes(bytes, size));
    free(copy);
}

START_TEST(core_texts)
{
    static const struct {
        const char *text;
        size_t skipped;
    } texts[] = {
        {"", 0}, {"\"", 0}, {"\\", 0}, {"abc\",", 3}, {"abcdefgh", 8}, {"abcdefgh\\n\"", 8}, {"a\\\"", 1},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_uint_eq(json_skip_plain((const uint8_t *)texts[i].text, strlen(texts[i].text)), texts[i].skipped);
    }
}
END_TEST

/* Bytes that differ from the two in one bit or by one, and those that borrow. */
START_TEST(limits_two_bytes_among_others)
{
    static const uint8_t fillings[] = {0x00, 0x01, 0x21, 0x23, 0x2A, 0x5B, 0x5D, 0x5E, 0x7F, 0x80, 0xA2, 0xDC, 0xFF};
    static const uint8_t others[] = {'"', '\\', 0x23, 0x5D, 0x00};
    enum { MOST = 34 };
    for (size_t size = 1; size <= MOST; size++) {
        for (size_t i = 0; i < size * size * sizeof(others); i++) {
            uint8_t text[MOST];
            memset(text, fillings[(size_t)_i], size);
            text[i / size % size] = others[i / size / size];
            text[i % size] = i % 2 == 0 ? '"' : '\\';
            check_text(text, size);
        }
        uint8_t text[MOST];
        memset(text, fillings[(size_t)_i], size);
        check_text(text, size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_skip");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_texts);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_loop_test(limits, limits_two_bytes_among_others, 0, 13);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
