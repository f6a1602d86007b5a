/*
 * check_credential - where a token comes from: each place by itself, none of them when it is not asked for, never two.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "server/door/credential.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define H CONFIG_TOKEN_HEADER
#define S CONFIG_TOKEN_SUBPROTOCOL
#define M CONFIG_TOKEN_MESSAGE
#define Q CONFIG_TOKEN_QUERY

struct row {
    unsigned sources;
    const char *authorization;
    const char *protocols;
    const char *query;
    enum credential_status status;
    const char *token; /* NULL: none */
};

static const struct row rows[] = {
    {H | S | M, NULL, NULL, NULL, CREDENTIAL_NONE, NULL},
    /* Authorization */
    {H, "Bearer a.b.c", NULL, NULL, CREDENTIAL_FOUND, "a.b.c"},
    {H, "bEARER a.b.c", NULL, NULL, CREDENTIAL_FOUND, "a.b.c"},
    {H, " Bearer    a.b.c  ", NULL, NULL, CREDENTIAL_FOUND, "a.b.c"},
    {H, "Bearer aA0-._~+/==", NULL, NULL, CREDENTIAL_FOUND, "aA0-._~+/=="},
    {H, "Basic YTpi", NULL, NULL, CREDENTIAL_NONE, NULL},
    {H, "Bearerx a.b.c", NULL, NULL, CREDENTIAL_NONE, NULL},
    {H, "", NULL, NULL, CREDENTIAL_NONE, NULL},
    {H, "Bearer", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer ", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer\ta.b.c", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer a.b.c d", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer a.b.c, Bearer d", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer a=b", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer ==", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer \"a\"", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {H, "Bearer a\xc3\xa9", NULL, NULL, CREDENTIAL_BAD_HEADER, NULL},
    {S | M | Q, "Bearer a.b.c", NULL, NULL, CREDENTIAL_NONE, NULL},
    {S | M | Q, "Bearer", NULL, NULL, CREDENTIAL_NONE, NULL},
    /* Sec-WebSocket-Protocol */
    {S, NULL, "bearer.a.b.c", NULL, CREDENTIAL_FOUND, "a.b.c"},
    {S, NULL, "chat.v1, bearer.a.b.c ,chat.v2", NULL, CREDENTIAL_FOUND, "a.b.c"},
    {S, NULL, "chat.v1,bearer.a.b.c", NULL, CREDENTIAL_FOUND, "a.b.c"},
    {S, NULL, ",\t,bearer.a.b.c,,", NULL, CREDENTIAL_FOUND, "a.b.c"},
    {S, NULL, "chat.v1", NULL, CREDENTIAL_NONE, NULL},
    {S, NULL, "xbearer.a", NULL, CREDENTIAL_NONE, NULL},
    {S, NULL, "Bearer.a", NULL, CREDENTIAL_NONE, NULL},
    {S, NULL, "bearer", NULL, CREDENTIAL_NONE, NULL},
    {S, NULL, "bearer.", NULL, CREDENTIAL_BAD_PROTOCOL, NULL},
    {S, NULL, "bearer.a, bearer.b", NULL, CREDENTIAL_SEVERAL, NULL},
    {S, NULL, "bearer.a, bearer.", NULL, CREDENTIAL_BAD_PROTOCOL, NULL},
    {H | M | Q, NULL, "bearer.a", NULL, CREDENTIAL_NONE, NULL},
    /* the query */
    {Q, NULL, NULL, "token=a.b.c", CREDENTIAL_FOUND, "a.b.c"},
    {Q, NULL, NULL, "x=1&token=a.b.c&y=2", CREDENTIAL_FOUND, "a.b.c"},
    {Q, NULL, NULL, "&&token=a", CREDENTIAL_FOUND, "a"},
    {Q, NULL, NULL, "token=a%2Eb%2ec", CREDENTIAL_FOUND, "a.b.c"},
    {Q, NULL, NULL, "token=%61", CREDENTIAL_FOUND, "a"},
    {Q, NULL, NULL, "token=a=b", CREDENTIAL_FOUND, "a=b"},
    {Q, NULL, NULL, "token=a+b", CREDENTIAL_FOUND, "a+b"},
    {Q, NULL, NULL, "", CREDENTIAL_NONE, NULL},
    {Q, NULL, NULL, "token", CREDENTIAL_NONE, NULL},
    {Q, NULL, NULL, "tokens=a", CREDENTIAL_NONE, NULL},
    {Q, NULL, NULL, "atoken=a", CREDENTIAL_NONE, NULL},
    {Q, NULL, NULL, "TOKEN=a", CREDENTIAL_NONE, NULL},
    {Q, NULL, NULL, "a?token=a", CREDENTIAL_NONE, NULL},
    {Q, NULL, NULL, "token=", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=&x", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=%", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=a%2", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=%2&2=E", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=%zz", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=a%00", CREDENTIAL_BAD_QUERY, NULL},
    {Q, NULL, NULL, "token=a&token=a", CREDENTIAL_SEVERAL, NULL},
    {Q, NULL, NULL, "token=%61&token=%61", CREDENTIAL_SEVERAL, NULL},
    {H | S | M, NULL, NULL, "token=a", CREDENTIAL_NONE, NULL},
    /* more than one place */
    {H | S | Q, "Bearer a", "bearer.a", NULL, CREDENTIAL_SEVERAL, NULL},
    {H | S | Q, "Bearer a", NULL, "token=a", CREDENTIAL_SEVERAL, NULL},
    {H | S | Q, "Bearer a", NULL, "token=%61", CREDENTIAL_SEVERAL, NULL},
    {H | S | Q, NULL, "bearer.a", "token=a", CREDENTIAL_SEVERAL, NULL},
    {H | Q, "Bearer a", "bearer.b", NULL, CREDENTIAL_FOUND, "a"},
    {S, "Bearer a", "bearer.b", "token=c", CREDENTIAL_FOUND, "b"},
    {Q, "Bearer a", "bearer.b", "token=c", CREDENTIAL_FOUND, "c"},
    {M, "Bearer a", "bearer.b", "token=c", CREDENTIAL_NONE, NULL},
    {H | S, "Basic YTpi", "bearer.b", NULL, CREDENTIAL_FOUND, "b"},
};

START_TEST(core_places)
{
    const struct row *row = &rows[_i];
    const struct credential_places places = {.sources = row->sources,
                                             .authorization = row->authorization,
                                             .protocols = row->protocols,
                                             .query = row->query,
                                             .parameter = "token"};
    struct credential credential = {0};
    enum credential_status status = credential_find(&places, &credential);
    ck_assert_msg(status == row->status, "row %d: %s", _i, credential_status_text(status));
    if (row->token == NULL) {
        ck_assert_ptr_null(credential.token);
    } else {
        ck_assert_uint_eq(credential.size, strlen(row->token));
        ck_assert_mem_eq(credential.token, row->token, credential.size);
    }
    credential_free(&credential);
    ck_assert_ptr_null(credential.token);
}
END_TEST

START_TEST(core_every_status_has_words)
{
    for (int i = CREDENTIAL_FOUND; i <= CREDENTIAL_NO_MEMORY; i++) {
        ck_assert_uint_gt(strlen(credential_status_text((enum credential_status)i)), 0);
    }
}
END_TEST

/* Every byte encoded, as large as a query may be. */
START_TEST(limits_large)
{
    enum { SIZE = 20000 };
    static char query[sizeof("token=") + 3 * SIZE] = "token=";
    for (int i = 0; i < SIZE; i++) {
        memcpy(query + strlen("token=") + 3 * (size_t)i, "%7A", 3);
    }
    const struct credential_places places = {.sources = Q, .query = query, .parameter = "token"};
    struct credential credential = {0};
    ck_assert_int_eq(credential_find(&places, &credential), CREDENTIAL_FOUND);
    ck_assert_uint_eq(credential.size, SIZE);
    for (int i = 0; i < SIZE; i++) {
        ck_assert_int_eq(credential.token[i], 'z');
    }
    credential_free(&credential);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credential");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_places, 0, COUNT(rows));
    tcase_add_test(core, core_every_status_has_words);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_large);
    suite_add_tcase(suite, limits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
