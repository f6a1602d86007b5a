/*
 * frame - the bytes of one RFC 6455 frame (§5.2). Pure functions on buffers: any thread.
 */
#ifndef PORTCULLIS_WS_FRAME_H
#define PORTCULLIS_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA,
};

#define FRAME_HEADER_MAX        14  /* 2 + 8 of length + 4 of masking key */
#define FRAME_SERVER_HEADER_MAX 10  /* a server never masks (§5.1) */
#define FRAME_CONTROL_MAX       125 /* payload of a control frame (§5.5) */

/* The parts of a header's first byte and of its second. */
enum {
    FRAME_FIN_BIT = 0x80,
    FRAME_RSV_BITS = 0x70,
    FRAME_RSV1_BIT = 0x40,
    FRAME_OPCODE_BITS = 0x0F,
    FRAME_MASK_BIT = 0x80,
    FRAME_LENGTH_BITS = 0x7F,
};

#define FRAME_RSV1 4 /* as struct frame_header and frame_write_header() count reserved bits */

struct frame_header {
    uint64_t length; /* of the payload, as declared */
    uint8_t key[4];  /* masking key, when masked */
    uint8_t opcode;  /* enum ws_opcode or a reserved value: the caller judges */
    uint8_t rsv;     /* RSV1 = 4, RSV2 = 2, RSV3 = 1 */
    uint8_t size;    /* bytes of the header itself */
    bool fin;
    bool masked;
};

enum frame_status {
    FRAME_OK,
    FRAME_SHORT,       /* more bytes are needed */
    FRAME_LENGTH_FORM, /* not the minimal length encoding, or the 64-bit form's top bit set (§5.2) */
};

/* Parses a header from the first `size` bytes, of which it uses at most FRAME_HEADER_MAX. FRAME_LENGTH_FORM comes with
 * the first length byte that shows it, before the rest of the header is there. *header_r is written on FRAME_OK
 * only. */
enum frame_status __attribute__((warn_unused_result))
frame_parse(const uint8_t *bytes, size_t size, struct frame_header *header_r);

/* Writes the header of an unmasked frame; returns its size, 2, 4 or 10. `rsv` as in struct frame_header; `length` is
 * below 2^63. */
size_t frame_write_header(uint8_t out[FRAME_SERVER_HEADER_MAX], bool fin, uint8_t rsv, enum ws_opcode opcode,
                          uint64_t length);

/* Applies the mask in place (§5.3) to bytes that start `offset` bytes into the payload. Its own inverse. */
void frame_unmask(uint8_t *bytes, size_t size, const uint8_t key[4], uint64_t offset);
/* The byte-at-a-time twin that tests compare it with. */
void frame_unmask_scalar(uint8_t *bytes, size_t size, const uint8_t key[4], uint64_t offset);

#endif
