/*
 * check_digest - published vectors of SHA-256 (FIPS 180-4 and its examples) and HMAC-SHA-256 (RFC 4231), and that keys of
 * different labels have nothing in common.
 */
#include "auth/digest.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MILLION 1000000

/* `repeat` times `text`. */
static char *repeated(const char *text, size_t repeat, size_t *size_r)
{
    const size_t size = strlen(text);
    char *bytes = malloc(size * repeat + 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < repeat; i++) {
        memcpy(bytes + i * size, text, size);
    }
    *size_r = size * repeat;
    return bytes;
}

static void expect(const struct digest *digest, const void *bytes, size_t size, const char *expected)
{
    char text[DIGEST_TEXT_SIZE];
    ck_assert_ptr_nonnull(digest);
    ck_assert(digest_of(digest, bytes, size, text));
    ck_assert_str_eq(text, expected);
}

static const struct {
    const char *text;
    size_t repeat;
    const char *expected;
} hashes[] = {
    {"", 1, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     1, "sha256:cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", MILLION, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

START_TEST(hash_vectors)
{
    size_t size;
    char *bytes = repeated(hashes[_i].text, hashes[_i].repeat, &size);
    struct digest *digest = digest_create(NULL, 0);
    expect(digest, bytes, size, hashes[_i].expected);
    digest_destroy(&digest);
    ck_assert_ptr_null(digest);
    free(bytes);
}
END_TEST

/* RFC 4231 sections 4.2 to 4.4, 4.7 and 4.8; 4.5 has a key of its own form, and is below. */
static const struct {
    const char *key;
    size_t key_repeat;
    const char *text;
    size_t repeat;
    const char *expected;
} macs[] = {
    {"\x0b", 20, "Hi There", 1, "hmac-sha256:b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"Jefe", 1, "what do ya want for nothing?", 1,
     "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"\xaa", 20, "\xdd", 50, "hmac-sha256:773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"\xaa", 131, "Test Using Larger Than Block-Size Key - Hash Key First", 1,
     "hmac-sha256:60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"\xaa", 131,
     "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
     "before being used by the HMAC algorithm.",
     1, "hmac-sha256:9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

START_TEST(mac_vectors)
{
    size_t key_size;
    size_t size;
    char *key = repeated(macs[_i].key, macs[_i].key_repeat, &key_size);
    char *bytes = repeated(macs[_i].text, macs[_i].repeat, &size);
    struct digest *digest = digest_create(key, key_size);
    expect(digest, bytes, size, macs[_i].expected);
    expect(digest, bytes, size, macs[_i].expected); /* nothing of the first is left in it */
    digest_destroy(&digest);
    free(bytes);
    free(key);
}
END_TEST

START_TEST(mac_of_counting_key)
{
    uint8_t key[25];
    uint8_t bytes[50];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(i + 1);
    }
    memset(bytes, 0xcd, sizeof(bytes));
    struct digest *digest = digest_create(key, sizeof(key));
    expect(digest, bytes, sizeof(bytes),
           "hmac-sha256:82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    digest_destroy(&digest);
}
END_TEST

/* What a label makes of a key, written out. */
START_TEST(derived_key)
{
    const char key[] = "0123456789abcdef0123456789abcdef";
    static const uint8_t derived[] = {0x36, 0xb8, 0x91, 0x46, 0x01, 0x0d, 0x8a, 0x7a, 0xff, 0x28, 0x55,
                                      0xa4, 0xf4, 0xfd, 0xd2, 0xc8, 0x79, 0xea, 0xea, 0x56, 0x5d, 0x9d,
                                      0xbc, 0x8a, 0x9d, 0xb8, 0xcf, 0x1e, 0xd8, 0x48, 0xd6, 0xf1};
    struct digest *labelled = digest_create_labelled("portcullis audit user\n", key, strlen(key));
    struct digest *plain = digest_create(derived, sizeof(derived));
    char expected[DIGEST_TEXT_SIZE];
    ck_assert_ptr_nonnull(plain);
    ck_assert(digest_of(plain, "alice", 5, expected));
    expect(labelled, "alice", 5, expected);
    digest_destroy(&labelled);
    digest_destroy(&plain);
}
END_TEST

/* ---- limits ---- */

START_TEST(no_bytes)
{
    struct digest *digest = digest_create(NULL, 0);
    expect(digest, NULL, 0, hashes[0].expected);
    digest_destroy(&digest);
    uint8_t longest[DIGEST_KEY_MAX] = {1};
    digest = digest_create(longest, sizeof(longest));
    char text[DIGEST_TEXT_SIZE];
    ck_assert_ptr_nonnull(digest);
    ck_assert(digest_of(digest, NULL, 0, text));
    ck_assert_uint_eq(strlen(text), DIGEST_TEXT_SIZE - 1);
    digest_destroy(&digest);
    digest_destroy(&digest); /* nothing to do */
}
END_TEST

/* ---- hostile ---- */

/* The same text is digested differently as a message, a user and an address, and under each key. */
START_TEST(labels_apart)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    static const char other[] = "0123456789abcdef0123456789abcdeg";
    struct digest *digests[] = {
        digest_create(NULL, 0),
        digest_create(key, strlen(key)),
        digest_create_labelled("portcullis audit user\n", key, strlen(key)),
        digest_create_labelled("portcullis audit address\n", key, strlen(key)),
        digest_create_labelled("portcullis audit user\n", other, strlen(other)),
    };
    char texts[COUNT(digests)][DIGEST_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(digests); i++) {
        ck_assert_ptr_nonnull(digests[i]);
        ck_assert(digest_of(digests[i], "192.0.2.1", 9, texts[i]));
        for (size_t j = 0; j < i; j++) {
            ck_assert_str_ne(strchr(texts[i], ':'), strchr(texts[j], ':'));
        }
        digest_destroy(&digests[i]);
    }
}
END_TEST

#define ROUNDS 500

static void *use(void *context)
{
    char text[DIGEST_TEXT_SIZE];
    size_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        wrong += !digest_of(context, "Hi There", 8, text) || strcmp(text, macs[0].expected) != 0;
    }
    return wrong == 0 ? context : NULL;
}

START_TEST(many_threads)
{
    pthread_t threads[4];
    uint8_t key[20];
    memset(key, 0x0b, sizeof(key));
    struct digest *digest = digest_create(key, sizeof(key));
    ck_assert_ptr_nonnull(digest);
    for (size_t i = 0; i < COUNT(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, digest), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *result = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, digest);
    }
    digest_destroy(&digest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("digest");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, hash_vectors, 0, (int)COUNT(hashes));
    tcase_add_loop_test(core, mac_vectors, 0, (int)COUNT(macs));
    tcase_add_test(core, mac_of_counting_key);
    tcase_add_test(core, derived_key);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, no_bytes);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, labels_apart);
    tcase_add_test(hostile, many_threads);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
