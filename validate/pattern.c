/*
 * pattern - ECMA-262 patterns on PCRE2. Called by the compiler and the checker of schemas; any thread.
 *
 * PCRE2's own match limit counts from anew at each place where a match may start, so that it bounds no long text. Here every
 * pattern is compiled with automatic callouts: before each item of the pattern is tried, it pays for itself, for how far the match
 * moved in the text since, by the time that the pattern's largest class takes for a character, for the text that a back-reference
 * may have to be compared with, and for the way back that each branch of a look behind takes before it is tried.
 * No just-in-time compiler: it needs pages that can be written and run, and tens of KiB of stack.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "validate/pattern.h"

#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/pattern_translate.h"

#define PARENS_MAX      64   /* of groups within one another; PCRE2's compiler recurses */
#define HEAP_MAX_KIB    8192 /* for going back in one match: some 50,000 repeats of a group */
#define HEAP_KEPT_SIZE  4096 /* bytes of a text behind which that memory is given back */
#define STEPS_A_MATCH   16   /* PCRE2's own beginning and end */
#define STEPS_AN_ITEM   4
#define BYTES_A_STEP    32 /* of text that is searched or compared */
#define CLASS_A_STEP    48 /* bytes of a class, whose ranges are tried one by one */
#define CHARACTERS_COST 16 /* of CLASS_A_STEP: a character that is tried, with the smallest class */
#define BACK_A_STEP     4  /* characters that a look behind goes back */
#define MATCH_LIMIT_MAX 10000000
#define REASON_SIZE     128

struct pattern {
    pcre2_code *code;
    size_t class_size; /* bytes of the largest class, translated */
    size_t branches;   /* at most so many has any look behind */
    uint32_t back;     /* characters that look behinds go back at most */
    char *translated;  /* the pattern, where it has back-references or look behinds; NULL: it has neither */
};

struct pattern_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    const struct pattern *pattern;
    uint64_t steps_left;
    size_t position; /* of the last step */
};

static void say(char *reason_r, size_t reason_size, const char *reason)
{
    if (reason_r != NULL && reason_size > 0) {
        (void)snprintf(reason_r, reason_size, "%s", reason);
    }
}

static void say_at(char *reason_r, size_t reason_size, const char *reason, size_t offset)
{
    if (reason_r != NULL && reason_size > 0) {
        (void)snprintf(reason_r, reason_size, "%.100s, at byte %zu", reason, offset);
    }
}

/* On failure *error_r is PCRE2's number, and *offset_r where. */
static pcre2_code *compile_translated(const char *text, size_t size, int *error_r, size_t *offset_r)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        *error_r = PCRE2_ERROR_NOMEMORY;
        *offset_r = 0;
        return NULL;
    }
    (void)pcre2_set_parens_nest_limit(context, PARENS_MAX);
    (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text, size, options, error_r, offset_r, context);
    pcre2_compile_context_free(context);
    return compiled;
}

static void say_error(char *reason_r, size_t reason_size, int error, size_t offset)
{
    PCRE2_UCHAR reason[REASON_SIZE];
    (void)pcre2_get_error_message(error, reason, sizeof(reason));
    say_at(reason_r, reason_size, (const char *)reason, offset);
}

/* At "\g" or "\k", which the translation uses for nothing else. */
static bool is_reference(const char *text)
{
    return text[0] == '\\' && (text[1] == 'g' || text[1] == 'k');
}

/* At "(?<=" or "(?<!". */
static bool is_look_behind(const char *text)
{
    return strncmp(text, "(?<=", 4) == 0 || strncmp(text, "(?<!", 4) == 0;
}

/* Takes `translated`, which ends in a NUL. */
static void weigh(struct pattern *pattern, char *translated, size_t size)
{
    size_t class_start = 0;
    bool in_class = false;
    bool refers = false;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_MAXLOOKBEHIND, &pattern->back);
    pattern->branches = 1;
    for (size_t i = 0; i < size; i++) {
        if (translated[i] == '\\') {
            refers = refers || (!in_class && is_reference(translated + i));
            i++;
        } else if (!in_class && translated[i] == '[') {
            in_class = true;
            class_start = i;
        } else if (!in_class && translated[i] == '|') {
            pattern->branches++;
        } else if (in_class && translated[i] == ']') {
            in_class = false;
            pattern->class_size = i - class_start > pattern->class_size ? i - class_start : pattern->class_size;
        }
    }
    if (refers || pattern->back > 0) {
        pattern->translated = translated;
    } else {
        free(translated);
    }
}

struct pattern *pattern_compile(const char *text, size_t size, char *reason_r, size_t reason_size)
{
    say(reason_r, reason_size, "no memory");
    if (size > PATTERN_SIZE_MAX) {
        say(reason_r, reason_size, "longer than 16384 bytes");
        return NULL;
    }
    const char *reason = NULL;
    size_t translated_size = 0;
    size_t offset = 0;
    int error = 0;
    char *translated = pattern_translate(text, size, &translated_size, &reason, &offset);
    if (translated == NULL) {
        if (reason != NULL) {
            say_at(reason_r, reason_size, reason, offset);
        }
        return NULL;
    }
    struct pattern *pattern = calloc(1, sizeof(*pattern));
    if (pattern != NULL) {
        pattern->code = compile_translated(translated, translated_size, &error, &offset);
    }
    if (pattern != NULL && pattern->code == NULL) {
        say_error(reason_r, reason_size, error, pattern_translate_origin(text, size, offset));
    }
    if (pattern == NULL || pattern->code == NULL) {
        free(translated);
        free(pattern);
        return NULL;
    }
    weigh(pattern, translated, translated_size);
    return pattern;
}

bool pattern_is_valid(const char *text, size_t size)
{
    const char *reason = NULL;
    size_t translated_size = 0;
    size_t offset = 0;
    int error = 0;
    if (size > PATTERN_SIZE_MAX) {
        return false;
    }
    char *translated = pattern_translate(text, size, &translated_size, &reason, &offset);
    if (translated == NULL) {
        return false;
    }
    pcre2_code *code = compile_translated(translated, translated_size, &error, &offset);
    const bool valid = code != NULL || error == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH;
    pcre2_code_free(code);
    free(translated);
    return valid;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_code_free(pattern->code);
        free(pattern->translated);
        free(pattern);
    }
}

size_t pattern_memory(const struct pattern *pattern)
{
    size_t size = 0;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_SIZE, &size);
    return sizeof(*pattern) + size;
}

/* Of so many bytes of text, character by character. */
static uint64_t cost_of_characters(const struct pattern *pattern, size_t size)
{
    return (uint64_t)size * (CHARACTERS_COST + pattern->class_size) / CLASS_A_STEP;
}

/* Of what comes next in the pattern, if that walks the text before it pays again. */
static uint64_t cost_of_next(const struct pattern *pattern, const pcre2_callout_block *block)
{
    const char *next = pattern->translated != NULL ? pattern->translated + block->pattern_position : "";
    if (is_reference(next)) {
        return (block->subject_length - block->current_position) / BYTES_A_STEP;
    }
    if (is_look_behind(next)) {
        const size_t back = block->current_position < pattern->back ? block->current_position : pattern->back;
        return (uint64_t)back * pattern->branches / BACK_A_STEP;
    }
    return 0;
}

/* Pays for one item; what it returns other than 0 ends the match with that code. */
static int pay(pcre2_callout_block *block, void *data)
{
    struct pattern_scratch *scratch = data;
    const struct pattern *pattern = scratch->pattern;
    const size_t now = block->current_position;
    const size_t moved = now > scratch->position ? now - scratch->position : scratch->position - now;
    const uint64_t cost = STEPS_AN_ITEM + cost_of_characters(pattern, moved + 1) + cost_of_next(pattern, block);
    scratch->position = now;
    if (cost > scratch->steps_left) {
        scratch->steps_left = 0;
        return PCRE2_ERROR_MATCHLIMIT;
    }
    scratch->steps_left -= cost;
    return 0;
}

struct pattern_scratch *pattern_scratch_create(void)
{
    struct pattern_scratch *scratch = calloc(1, sizeof(*scratch));
    if (scratch == NULL) {
        return NULL;
    }
    scratch->data = pcre2_match_data_create(1, NULL);
    scratch->context = pcre2_match_context_create(NULL);
    if (scratch->data == NULL || scratch->context == NULL) {
        pattern_scratch_free(scratch);
        return NULL;
    }
    (void)pcre2_set_match_limit(scratch->context, MATCH_LIMIT_MAX);
    (void)pcre2_set_depth_limit(scratch->context, MATCH_LIMIT_MAX);
    (void)pcre2_set_heap_limit(scratch->context, HEAP_MAX_KIB);
    (void)pcre2_set_callout(scratch->context, pay, scratch);
    return scratch;
}

void pattern_scratch_free(struct pattern_scratch *scratch)
{
    if (scratch != NULL) {
        pcre2_match_data_free(scratch->data);
        pcre2_match_context_free(scratch->context);
        free(scratch);
    }
}

/* PCRE2 keeps the memory that its longest match took. Without memory for the exchange, what is there stays. */
static void give_back_heap(struct pattern_scratch *scratch)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (data != NULL) {
        pcre2_match_data_free(scratch->data);
        scratch->data = data;
    }
}

enum pattern_match pattern_match(const struct pattern *pattern, const char *text, size_t size,
                                 struct pattern_scratch *scratch, uint64_t *steps)
{
    const uint64_t start = STEPS_A_MATCH + size / BYTES_A_STEP;
    /* One item may pass all of the text before it pays. */
    if (start > *steps || cost_of_characters(pattern, size) > *steps - start) {
        *steps = 0;
        return PATTERN_LIMIT;
    }
    scratch->pattern = pattern;
    scratch->steps_left = *steps - start;
    scratch->position = 0;
    const int result =
        pcre2_match(pattern->code, (PCRE2_SPTR)text, size, 0, PCRE2_NO_UTF_CHECK, scratch->data, scratch->context);
    *steps = scratch->steps_left;
    if (size > HEAP_KEPT_SIZE) {
        give_back_heap(scratch);
    }
    if (result >= 0) {
        return PATTERN_MATCHES;
    }
    return result == PCRE2_ERROR_NOMATCH    ? PATTERN_DIFFERS
           : result == PCRE2_ERROR_NOMEMORY ? PATTERN_NO_MEMORY
                                            : PATTERN_LIMIT;
}
