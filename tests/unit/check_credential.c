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
    enum credential_status status;
    const char *authorization;
    const char *protocols;
    const char *query;
    const char *token; /* NULL: none */
};

static const struct row rows[] = {
    {H | S | M, CREDENTIAL_NONE, NULL, NULL, NULL, NULL},
    /* Authorization */
    {H, CREDENTIAL_FOUND, "Bearer a.b.c", NULL, NULL, "a.b.c"},
    {H, CREDENTIAL_FOUND, "bEARER a.b.c", NULL, NULL, "a.b.c"},
    {H, CREDENTIAL_FOUND, " Bearer    a.b.c  ", NULL, NULL, "a.b.c"},
    {H, CREDENTIAL_FOUND, "Bearer aA0-._~+/==", NULL, NULL, "aA0-._~+/=="},
    {H, CREDENTIAL_NONE, "Basic YTpi", NULL, NULL, NULL},
    {H, CREDENTIAL_NONE, "Bearerx a.b.c", NULL, NULL, NULL},
    {H, CREDENTIAL_NONE, "", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer ", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer\ta.b.c", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer a.b.c d", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer a.b.c, Bearer d", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer a=b", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer ==", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer \"a\"", NULL, NULL, NULL},
    {H, CREDENTIAL_BAD_HEADER, "Bearer a\xc3\xa9", NULL, NULL, NULL},
    {S | M | Q, CREDENTIAL_NONE, "Bearer a.b.c", NULL, NULL, NULL},
    {S | M | Q, CREDENTIAL_NONE, "Bearer", NULL, NULL, NULL},
    /* Sec-WebSocket-Protocol */
    {S, CREDENTIAL_FOUND, NULL, "bearer.a.b.c", NULL, "a.b.c"},
    {S, CREDENTIAL_FOUND, NULL, "chat.v1, bearer.a.b.c ,chat.v2", NULL, "a.b.c"},
    {S, CREDENTIAL_FOUND, NULL, "chat.v1,bearer.a.b.c", NULL, "a.b.c"},
    {S, CREDENTIAL_FOUND, NULL, ",\t,bearer.a.b.c,,", NULL, "a.b.c"},
    {S, CREDENTIAL_NONE, NULL, "chat.v1", NULL, NULL},
    {S, CREDENTIAL_NONE, NULL, "xbearer.a", NULL, NULL},
    {S, CREDENTIAL_NONE, NULL, "Bearer.a", NULL, NULL},
    {S, CREDENTIAL_NONE, NULL, "bearer", NULL, NULL},
    {S, CREDENTIAL_BAD_PROTOCOL, NULL, "bearer.", NULL, NULL},
    {S, CREDENTIAL_SEVERAL, NULL, "bearer.a, bearer.b", NULL, NULL},
    {S, CREDENTIAL_BAD_PROTOCOL, NULL, "bearer.a, bearer.", NULL, NULL},
    {H | M | Q, CREDENTIAL_NONE, NULL, "bearer.a", NULL, NULL},
    /* the query */
    {Q, CREDENTIAL_FOUND, NULL, NULL, "token=a.b.c", "a.b.c"},
    {Q, CREDENTIAL_FOUND, NULL, NULL, "x=1&token=a.b.c&y=2", "a.b.c"},
    {Q, CREDENTIAL_FOUND, NULL, NULL, "&&token=a", "a"},
    {Q, CREDENTIAL_FOUND, NULL, NULL, "token=a%2Eb%2ec", "a.b.c"},
    {Q, CREDENTIAL_FOUND, NULL, NULL, "token=%61", "a"},
    {Q, CREDENTIAL_FOUND, NULL, NULL, "token=a=b", "a=b"},
    {Q, CREDENTIAL_FOUND, NULL, NULL, "token=a+b", "a+b"},
    {Q, CREDENTIAL_NONE, NULL, NULL, "", NULL},
    {Q, CREDENTIAL_NONE, NULL, NULL, "token", NULL},
    {Q, CREDENTIAL_NONE, NULL, NULL, "tokens=a", NULL},
    {Q, CREDENTIAL_NONE, NULL, NULL, "atoken=a", NULL},
    {Q, CREDENTIAL_NONE, NULL, NULL, "TOKEN=a", NULL},
    {Q, CREDENTIAL_NONE, NULL, NULL, "a?token=a", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=&x", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=%", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=a%2", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=%2&2=E", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=%zz", NULL},
    {Q, CREDENTIAL_BAD_QUERY, NULL, NULL, "token=a%00", NULL},
    {Q, CREDENTIAL_SEVERAL, NULL, NULL, "token=a&token=a", NULL},
    {Q, CREDENTIAL_SEVERAL, NULL, NULL, "token=%61&token=%61", NULL},
    {H | S | M, CREDENTIAL_NONE, NULL, NULL, "token=a", NULL},
    /* more than one place */
    {H | S | Q, CREDENTIAL_SEVERAL, "Bearer a", "bearer.a", NULL, NULL},
    {H | S | Q, CREDENTIAL_SEVERAL, "Bearer a", NULL, "token=a", NULL},
    {H | S | Q, CREDENTIAL_SEVERAL, "Bearer a", NULL, "token=%61", NULL},
    {H | S | Q, CREDENTIAL_SEVERAL, NULL, "bearer.a", "token=a", NULL},
    {H | Q, CREDENTIAL_FOUND, "Bearer a", "bearer.b", NULL, "a"},
    {S, CREDENTIAL_FOUND, "Bearer a", "bearer.b", "token=c", "b"},
    {Q, CREDENTIAL_FOUND, "Bearer a", "bearer.b", "token=c", "c"},
    {M, CREDENTIAL_NONE, "Bearer a", "bearer.b", "token=c", NULL},
    {H | S, CREDENTIAL_FOUND, "Basic YTpi", "bearer.b", NULL, "b"},
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
