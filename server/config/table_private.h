/*
 * table_private - how rows are written, and those that other files have for table.c.
 */
#ifndef PORTCULLIS_CONFIG_TABLE_PRIVATE_H
#define PORTCULLIS_CONFIG_TABLE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"
#include "server/config/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS(array)  .rows = (array), .row_count = COUNT(array)

/* Where the value goes: in the config itself, or in the struct of a list's elements. */
#define IN(type, member)                .offset = offsetof(type, member), .width = sizeof(((type *)NULL)->member)
#define AT(member)                      IN(struct config, member)
#define COUNTED_IN(type, member, count) IN(type, member), .count_offset = offsetof(type, count)
#define COUNTED(member, count)          COUNTED_IN(struct config, member, count)

/* Ranges that several keys share. */
#define KIB             INT64_C(1024)
#define MIB             (1024 * KIB)
#define GIB             (1024 * MIB)
#define SECOND          INT64_C(1000)
#define MINUTE          (60 * SECOND)
#define HOUR            (60 * MINUTE)
#define DAY             (24 * HOUR)
#define CONNECTIONS_MAX 1000000 /* below the 2^28 slots that a ticket can name */
#define RATE_MAX        1000000
#define PREFIXES_MAX    65536 /* in the config itself; files take more */
#define FILE_NAME_MAX   4095  /* PATH_MAX of Linux without the NUL */
#define NAME_MAX_BYTES  64
#define ACCOUNT_MAX     256 /* LOGIN_NAME_MAX of Linux */

/* Of the sections of these names, and of one endpoint. */
#define TABLE_AUTH_COUNT        9
#define TABLE_LIMITS_COUNT      25
#define TABLE_COMPRESSION_COUNT 9
#define TABLE_ENDPOINT_COUNT    10
extern const struct row table_auth_rows[TABLE_AUTH_COUNT];
extern const struct row table_limits_rows[TABLE_LIMITS_COUNT];
extern const struct row table_compression_rows[TABLE_COMPRESSION_COUNT];
extern const struct row table_endpoint_rows[TABLE_ENDPOINT_COUNT];

#endif
