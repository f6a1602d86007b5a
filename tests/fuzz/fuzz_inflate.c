/*
 * fuzz_inflate - any bytes as compressed messages: what comes out keeps to the limits and is UTF-8 where it must be; it is
 * what zlib makes of the same bytes by the words of RFC 7692 §7.2.2; and compressed by us it comes back.
 *
 * Input: a byte that chooses the limits, kind and takeover, one that chooses the windows, one that says where to cut the
 * rest into two messages, the messages.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "server/ws/deflate.h"
#include "validate/utf8.h"

#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The message must be what a plain zlib makes of the payload and the four bytes that belong to it. */
static void compare_with_zlib(const uint8_t *payload, size_t size, const uint8_t *expect, size_t expect_size)
{
    uint8_t *whole = malloc(size + 4);
    uint8_t *out = malloc(expect_size + 1);
    REQUIRE(whole != NULL && out != NULL);
    memcpy(whole, payload, size);
    memcpy(whole + size, "\x00\x00\xff\xff", 4);
    z_stream stream = {
        .next_in = whole, .avail_in = (uInt)(size + 4), .next_out = out, .avail_out = (uInt)expect_size + 1};
    REQUIRE(inflateInit2(&stream, -15) == Z_OK);
    while (inflate(&stream, Z_SYNC_FLUSH) == Z_STREAM_END && stream.avail_in > 0) {
        REQUIRE(inflateReset(&stream) == Z_OK);
    }
    size_t made = expect_size + 1 - stream.avail_out;
    REQUIRE(made == expect_size && (made == 0 || memcmp(out, expect, made) == 0));
    REQUIRE(inflateEnd(&stream) == Z_OK);
    free(out);
    free(whole);
}

static void compress_again(const struct deflater_options *options, bool takeover, const uint8_t *bytes, size_t size)
{
    struct deflater *deflater = deflater_create(options);
    struct inflater *inflater = inflater_create(options->window_bits);
    REQUIRE(deflater != NULL && inflater != NULL);
    struct deflate_buffer packed = {0};
    struct deflate_buffer out = {0};
    for (int i = 0; i < 2; i++) { /* with takeover, the second refers to the first */
        const struct deflater_message message = {bytes, size / 3, bytes + size / 3, size - size / 3};
        size_t packed_size = 0;
        size_t out_size = 0;
        enum deflater_status status = deflater_message(deflater, takeover, &message, &packed, &packed_size);
        REQUIRE(status != DEFLATER_BROKEN);
        if (status == DEFLATER_OK) {
            const struct inflater_limits limits = {.max_size = size};
            REQUIRE(takeover || packed_size < size);
            REQUIRE(inflater_message(inflater, takeover, packed.bytes, packed_size, false, &limits, &out, &out_size) ==
                    INFLATER_OK);
            REQUIRE(out_size == size && memcmp(out.bytes, bytes, size) == 0);
        }
    }
    deflate_buffer_free(&out);
    deflate_buffer_free(&packed);
    inflater_destroy(&inflater);
    deflater_destroy(&deflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 100, 65536, UINT64_C(3) << 20};
    if (size < 3) {
        return 0;
    }
    const struct inflater_limits limits = {.max_size = sizes[data[0] % 4], .max_ratio = data[0] / 4 % 4 * 50};
    bool text = (data[0] & 0x10) != 0;
    bool takeover = (data[0] & 0x20) != 0;
    const struct deflater_options options = {.window_bits = (uint8_t)(8 + data[1] % 8),
                                             .level = (uint8_t)(1 + data[1] / 8 % 9),
                                             .memory_level = (uint8_t)(1 + data[1] % 9)};
    size_t cut = data[2] < size - 3 ? data[2] : size - 3;
    const uint8_t *messages[] = {data + 3, data + 3 + cut};
    const size_t message_sizes[] = {cut, size - 3 - cut};
    struct inflater *inflater = inflater_create(options.window_bits);
    struct deflate_buffer out = {0};
    REQUIRE(inflater != NULL);
    for (size_t i = 0; i < 2; i++) {
        size_t out_size = SIZE_MAX;
        uint8_t *payload = malloc(message_sizes[i] + 1);
        REQUIRE(payload != NULL);
        memcpy(payload, messages[i], message_sizes[i]);
        enum inflater_status status =
            inflater_message(inflater, takeover, payload, message_sizes[i], text, &limits, &out, &out_size);
        REQUIRE(inflater_status_text(status)[0] != '\0' && status != INFLATER_MEMORY);
        REQUIRE(out.capacity <= limits.max_size + 1);
        REQUIRE((status == INFLATER_OK) == (out_size != SIZE_MAX));
        if (status == INFLATER_OK) {
            REQUIRE(out_size <= limits.max_size);
            REQUIRE(!text || utf8_feed_scalar(UTF8_START, out.bytes, out_size) == UTF8_START);
            if ((i == 0 || !takeover) && message_sizes[i] > 0) {
                compare_with_zlib(payload, message_sizes[i], out.bytes, out_size);
            }
            compress_again(&options, takeover, out.bytes, out_size < 4096 ? out_size : 4096);
        }
        free(payload);
        if (status != INFLATER_OK && takeover) {
            break; /* such a connection is over */
        }
    }
    deflate_buffer_free(&out);
    inflater_destroy(&inflater);
    return 0;
}
