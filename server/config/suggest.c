/*
 * suggest - the edit distance of two names.
 * Called by the config for unknown keys and words.
 */
#include "server/config/suggest.h"

#include <stdint.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    if (a_size > SUGGEST_NAME_MAX || b_size > SUGGEST_NAME_MAX) {
        return SIZE_MAX;
    }
    /* Row i of the classic table, and the two before it: a swap of neighbours looks two rows back. */
    uint16_t rows[3][SUGGEST_NAME_MAX + 1];
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = (uint16_t)j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        uint16_t *row = rows[i % 3];
        const uint16_t *previous = rows[(i + 2) % 3];
        const uint16_t *before = rows[(i + 1) % 3];
        row[0] = (uint16_t)i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            size_t best = smaller(smaller(previous[j] + 1u, row[j - 1] + 1u), previous[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = smaller(best, before[j - 2] + 1u);
            }
            row[j] = (uint16_t)best;
        }
    }
    return rows[a_size % 3][b_size];
}
