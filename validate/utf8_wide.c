/*
 * utf8_wide - the vectors behind `utf8`. Called by utf8_feed(); any thread.
 *
 * What is wrong with UTF-8 shows within two octets that follow one another, by three halves of them: both of the first, and the
 * upper one of the second (the method of Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021).
 * Each half is looked up in a table of 16, which says what kinds of fault it is consistent with; a fault is what all three agree
 * on. The one thing that takes more is a tail octet behind another: right if, and only if, the lead of three or four octets is
 * two in front of it, or that of four is three in front.
 *
 * A window carries nothing over from the one before it; it reads the octets in front of it once more. So windows may overlap, and
 * the last one ends with the text.
 */
#include "validate/utf8_wide.h"

size_t utf8_wide_boundary(const uint8_t *bytes, size_t at)
{
    if (at >= 1 && bytes[at - 1] >= 0xC0) {
        return at - 1;
    }
    if (at >= 2 && bytes[at - 2] >= 0xE0) {
        return at - 2;
    }
    return at >= 3 && bytes[at - 3] >= 0xF0 ? at - 3 : at;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define AVX2   __attribute__((target("avx2")))
#define WINDOW 32
#define BLOCK  8 /* windows whose faults are asked for together */

/* Kinds of fault: "the first octet, then the second". */
enum {
    CUT = 1,         /* a lead, then no tail */
    STRAY = 2,       /* ASCII, then a tail */
    OVERLONG_3 = 4,  /* E0, then 80..9F */
    PAST_END = 8,    /* F4..FF, then 90..BF: past U+10FFFF */
    SURROGATE = 16,  /* ED, then A0..BF */
    OVERLONG_2 = 32, /* C0 or C1, then a tail */
    LOW_4 = 64,      /* then 80..8F: F0, which is overlong, or F5..FF, which is past U+10FFFF */
    TAILS = 128,     /* a tail, then a tail: no fault where it has to be */
    ANY_LOW = CUT | STRAY | TAILS
};

#define TWICE(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                                \
    _mm256_setr_epi8((char)(a), (char)(b), (char)(c), (char)(d), (char)(e), (char)(f), (char)(g), (char)(h), \
                     (char)(i), (char)(j), (char)(k), (char)(l), (char)(m), (char)(n), (char)(o), (char)(p), \
                     (char)(a), (char)(b), (char)(c), (char)(d), (char)(e), (char)(f), (char)(g), (char)(h), \
                     (char)(i), (char)(j), (char)(k), (char)(l), (char)(m), (char)(n), (char)(o), (char)(p))

/* Shuffles look up within 16 octets each. */
#define FIRST_HIGH                                                                                                   \
    TWICE(STRAY, STRAY, STRAY, STRAY, STRAY, STRAY, STRAY, STRAY, TAILS, TAILS, TAILS, TAILS, CUT | OVERLONG_2, CUT, \
          CUT | OVERLONG_3 | SURROGATE, CUT | PAST_END | LOW_4)
#define PAST_LOW (ANY_LOW | PAST_END | LOW_4)
#define FIRST_LOW                                                                                                \
    TWICE(ANY_LOW | OVERLONG_2 | OVERLONG_3 | LOW_4, ANY_LOW | OVERLONG_2, ANY_LOW, ANY_LOW, ANY_LOW | PAST_END, \
          PAST_LOW, PAST_LOW, PAST_LOW, PAST_LOW, PAST_LOW, PAST_LOW, PAST_LOW, PAST_LOW, PAST_LOW | SURROGATE,  \
          PAST_LOW, PAST_LOW)
#define ANY_TAIL (STRAY | TAILS | OVERLONG_2)
#define SECOND_HIGH                                                                                                \
    TWICE(CUT, CUT, CUT, CUT, CUT, CUT, CUT, CUT, ANY_TAIL | OVERLONG_3 | LOW_4, ANY_TAIL | OVERLONG_3 | PAST_END, \
          ANY_TAIL | SURROGATE | PAST_END, ANY_TAIL | SURROGATE | PAST_END, CUT, CUT, CUT, CUT)

AVX2 static inline __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

AVX2 static inline __m256i high_half(__m256i octets)
{
    return _mm256_and_si256(_mm256_srli_epi16(octets, 4), _mm256_set1_epi8(0x0F));
}

/* The upper bit of each octet where one of the least value `from` or more was; the others are anything. */
AVX2 static inline __m256i at_least(__m256i octets, int from)
{
    return _mm256_subs_epu8(octets, _mm256_set1_epi8((char)(from - 0x80)));
}

/* What was found in some windows, all in one. */
struct findings {
    __m256i kinds; /* faults, but for TAILS */
    __m256i tails; /* of which the upper bits are set where TAILS and what is owed differ */
};

/* Looks at 32 octets, and what is in front of them. */
AVX2 static inline void look(struct findings *findings, const uint8_t *bytes)
{
    const __m256i second = load(bytes);
    const __m256i first = load(bytes - 1);
    const __m256i by_first_high = _mm256_shuffle_epi8(FIRST_HIGH, high_half(first));
    const __m256i by_first_low = _mm256_shuffle_epi8(FIRST_LOW, _mm256_and_si256(first, _mm256_set1_epi8(0x0F)));
    const __m256i by_second = _mm256_shuffle_epi8(SECOND_HIGH, high_half(second));
    const __m256i kinds = _mm256_and_si256(_mm256_and_si256(by_first_high, by_first_low), by_second);
    const __m256i owed = _mm256_or_si256(at_least(load(bytes - 2), 0xE0), at_least(load(bytes - 3), 0xF0));
    findings->kinds = _mm256_or_si256(findings->kinds, kinds);
    findings->tails = _mm256_or_si256(findings->tails, _mm256_xor_si256(kinds, owed));
}

AVX2 static inline bool none(const struct findings *findings)
{
    const __m256i kinds = _mm256_and_si256(findings->kinds, _mm256_set1_epi8(0x7F));
    return _mm256_testz_si256(kinds, kinds) != 0 && _mm256_movemask_epi8(findings->tails) == 0;
}

AVX2 static inline bool is_well_formed(const uint8_t *bytes, size_t windows)
{
    struct findings findings = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t i = 0; i < windows; i++) {
        look(&findings, bytes + i * WINDOW);
    }
    return none(&findings);
}

AVX2 static inline bool is_ascii(const uint8_t *bytes)
{
    return _mm256_movemask_epi8(load(bytes)) == 0;
}

AVX2 static inline bool are_ascii(const uint8_t *bytes)
{
    return _mm256_movemask_epi8(_mm256_or_si256(load(bytes), load(bytes + WINDOW))) == 0;
}

bool utf8_wide_is_there(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

AVX2 size_t utf8_wide_skip_ascii(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (size - at >= 2 * WINDOW && are_ascii(bytes + at)) {
        at += 2 * WINDOW;
    }
    if (size - at < 2 * WINDOW && is_ascii(bytes + size - WINDOW) && (size - at <= WINDOW || is_ascii(bytes + at))) {
        return size;
    }
    return at;
}

AVX2 size_t utf8_wide_skip(const uint8_t *bytes, size_t size, size_t from)
{
    size_t at = from;
    while (size - at >= BLOCK * WINDOW) {
        if (are_ascii(bytes + at) && utf8_wide_boundary(bytes, at) == at) {
            at += 2 * WINDOW;
        } else if (is_well_formed(bytes + at, BLOCK)) {
            at += BLOCK * WINDOW;
        } else {
            return at;
        }
    }
    while (size - at > WINDOW) {
        if (!is_well_formed(bytes + at, 1)) {
            return at;
        }
        at += WINDOW;
    }
    return at == size || is_well_formed(bytes + size - WINDOW, 1) ? size : at;
}

#else

bool utf8_wide_is_there(void)
{
    return false;
}

size_t utf8_wide_skip_ascii(const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return 0;
}

size_t utf8_wide_skip(const uint8_t *bytes, size_t size, size_t from)
{
    (void)bytes;
    (void)size;
    return from;
}

#endif
