/*
 * check_base64url - the vectors of RFC 4648, and that each text which is decoded is the one text of its octets.
 */
#include "auth/base64url.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SIZE_MOST       300

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

START_TEST(core_published)
{
    /* RFC 4648 §10 without padding, and RFC 7515 appendix C. */
    static const struct {
        const char *bytes;
        const char *text;
    } examples[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\x03\xEC\xFF\xE0\xC1", "A-z_4ME"},
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        const size_t size = strlen(examples[i].bytes);
        const size_t text_size = strlen(examples[i].text);
        char text[16];
        uint8_t bytes[16];
        ck_assert_uint_eq(base64url_encoded_size(size), text_size);
        ck_assert_uint_eq(base64url_decoded_size(text_size), size);
        base64url_encode((const uint8_t *)examples[i].bytes, size, text);
        ck_assert_mem_eq(text, examples[i].text, text_size);
        ck_assert(base64url_decode(examples[i].text, text_size, bytes));
        ck_assert_mem_eq(bytes, examples[i].bytes, size);
    }
}
END_TEST

START_TEST(limits_each_size)
{
    uint8_t bytes[SIZE_MOST];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 197 + (i >> 3));
    }
    for (size_t size = 0; size <= SIZE_MOST; size++) {
        const size_t text_size = base64url_encoded_size(size);
        char *text = malloc(text_size + 1); /* of exact size, for sanitizers */
        uint8_t *back = malloc(size + 1);
        ck_assert(text != NULL && back != NULL);
        text[text_size] = '#';
        back[size] = 0xA5;
        base64url_encode(bytes, size, text);
        ck_assert_int_eq(text[text_size], '#');
        ck_assert(base64url_decode(text, text_size, back));
        ck_assert_mem_eq(back, bytes, size);
        ck_assert_uint_eq(back[size], 0xA5);
        free(text);
        free(back);
    }
}
END_TEST

/* Whether decoding `text` and encoding the result leads back to it. */
static bool is_canonical(const char *text, size_t size)
{
    uint8_t bytes[8];
    char again[8];
    if (!base64url_decode(text, size, bytes)) {
        return false;
    }
    base64url_encode(bytes, base64url_decoded_size(size), again);
    ck_assert_mem_eq(again, text, size); /* two texts for the same octets */
    return true;
}

START_TEST(hostile_tails)
{
    size_t accepted = 0;
    char text[3];
    for (unsigned i = 0; i < 65536; i++) {
        text[0] = (char)(i & 0xFF);
        text[1] = (char)(i >> 8);
        accepted += is_canonical(text, 2);
    }
    ck_assert_uint_eq(accepted, 256); /* one text for each octet, among all that two bytes can be */
    accepted = 0;
    for (unsigned i = 0; i < 64 * 64 * 64; i++) {
        text[0] = alphabet[i & 63];
        text[1] = alphabet[i >> 6 & 63];
        text[2] = alphabet[i >> 12];
        accepted += is_canonical(text, 3);
    }
    ck_assert_uint_eq(accepted, 65536);
    for (unsigned i = 0; i < 256; i++) {
        text[0] = (char)i;
        ck_assert(!is_canonical(text, 1));
    }
}
END_TEST

START_TEST(hostile_each_byte)
{
    for (size_t size = 2; size <= 8; size++) {
        if (size % 4 == 1) {
            continue;
        }
        for (size_t at = 0; at < size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[] = "AAAAAAAA";
                text[at] = (char)byte;
                const bool in_alphabet = byte != 0 && strchr(alphabet, (int)byte) != NULL;
                const bool last = at == size - 1 && size % 4 != 0;
                const bool good = is_canonical(text, size);
                ck_assert(last ? !good || in_alphabet : good == in_alphabet);
            }
        }
    }
}
END_TEST

START_TEST(hostile_examples)
{
    static const char *const texts[] = {
        "Zg==", "Zm8=", "Zm9v=", "=",      "Zm9vY",   "Zm9v\n",   "Zm9v ", " Zm9v", "Zm+v", "Zm/v",
        "Zh",   "Zm9",  "Zm\nv", "Zm9vZh", "Zm9vZm9", "\xC3\xA4", "Zm.v",  "Z",     "%5A",  "Zm9v.",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint8_t bytes[16];
        ck_assert_msg(!base64url_decode(texts[i], strlen(texts[i]), bytes), "%s", texts[i]);
    }
    uint8_t bytes[4];
    ck_assert(!base64url_decode("Zm\0v", 4, bytes));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64url");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_published);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_each_size);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_tails);
    tcase_add_test(hostile, hostile_each_byte);
    tcase_add_test(hostile, hostile_examples);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
