/*
 * fuzz_pattern - an input is a pattern, a newline, and a text.
 *
 * Aborts when a match takes more steps than it was given, when it comes to another end the second time, or when fewer steps change the
 * verdict to anything but "takes too long".
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "validate/pattern.h"
#include "validate/utf8.h"

#define STEPS_MANY UINT64_C(200000)
#define STEPS_FEW  UINT64_C(500)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in release builds, too. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    if (end == NULL || !utf8_valid(data, size)) {
        return 0;
    }
    const char *text = (const char *)end + 1;
    const size_t text_size = size - (size_t)(end + 1 - data);
    char reason[64] = "";
    struct pattern *pattern = pattern_compile((const char *)data, (size_t)(end - data), reason, sizeof(reason));
    struct pattern_scratch *scratch = pattern_scratch_create();
    require(pattern != NULL || reason[0] != '\0');
    if (pattern != NULL && scratch != NULL) {
        uint64_t steps = STEPS_MANY;
        uint64_t again = STEPS_MANY;
        uint64_t few = STEPS_FEW;
        const enum pattern_match match = pattern_match(pattern, text, text_size, scratch, &steps);
        require(steps <= STEPS_MANY);
        require(pattern_match(pattern, text, text_size, scratch, &again) == match && again == steps);
        const enum pattern_match hasty = pattern_match(pattern, text, text_size, scratch, &few);
        require(few <= STEPS_FEW && (hasty == match || hasty == PATTERN_LIMIT));
    }
    pattern_scratch_free(scratch);
    pattern_free(pattern);
    return 0;
}
