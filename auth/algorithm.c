/*
 * algorithm - the table's rows as look-ups. Called wherever keys and tokens are read; any thread.
 */
#include "auth/algorithm.h"

#include <string.h>

static const struct {
    const char *name;
    enum algorithm_family family;
    unsigned hash_bits;
} rows[] = {
#define ALGORITHM_ROW_(name, family, bits) {#name, family, bits},
    ALGORITHM_TABLE(ALGORITHM_ROW_)
#undef ALGORITHM_ROW_
};

bool algorithm_find(const char *name, size_t size, enum algorithm *algorithm_r)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strlen(rows[i].name) == size && memcmp(rows[i].name, name, size) == 0) {
            *algorithm_r = (enum algorithm)i;
            return true;
        }
    }
    return false;
}

const char *algorithm_name(enum algorithm algorithm)
{
    return rows[algorithm].name;
}

enum algorithm_family algorithm_family(enum algorithm algorithm)
{
    return rows[algorithm].family;
}

unsigned algorithm_hash_bits(enum algorithm algorithm)
{
    return rows[algorithm].hash_bits;
}
