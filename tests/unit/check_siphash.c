/*
 * check_siphash - SipHash-2-4 against published test vectors.
 */
#include <check.h>
#include <stdlib.h>

#include "runner.h"
#include "server/gate/siphash.h"

/* Key 00 01 .. 0f; the input of size n is 00 01 .. n-1. */
static const struct {
    size_t size;
    uint64_t hash;
} vectors[] = {
    {0, UINT64_C(0x726fdb47dd0e0e31)}, {1, UINT64_C(0x74f839c593dc67fd)},
    {7, UINT64_C(0xab0200f58b01d137)}, {8, UINT64_C(0x93f5f5799a932462)},
    {9, UINT64_C(0x9e0082df0ba9e4b0)}, {15, UINT64_C(0xa129ca6149be45e5)}, /* the example of the paper's appendix A */
};

START_TEST(core_vectors)
{
    uint8_t key[SIPHASH_KEY_SIZE];
    uint8_t input[16];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
        input[i] = (uint8_t)i;
    }
    ck_assert_uint_eq(siphash(key, input, vectors[_i].size), vectors[_i].hash);
}
END_TEST

/* Each bit of the key and of the input matters. */
START_TEST(hostile_every_bit)
{
    uint8_t key[SIPHASH_KEY_SIZE] = {0};
    uint8_t input[17] = {0};
    uint64_t plain = siphash(key, input, sizeof(input));
    for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_uint_ne(siphash(key, input, sizeof(input)), plain);
        key[bit / 8] = 0;
    }
    for (size_t bit = 0; bit < 8 * sizeof(input); bit++) {
        input[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_uint_ne(siphash(key, input, sizeof(input)), plain);
        input[bit / 8] = 0;
    }
    for (size_t size = 0; size < sizeof(input); size++) {
        ck_assert_uint_ne(siphash(key, input, size), plain);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("siphash");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_vectors, 0, (int)(sizeof(vectors) / sizeof(vectors[0])));
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_every_bit);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
