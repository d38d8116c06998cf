/* What a request may look like, and what its answer's head says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/admin_http/http_message.h"

/* Without a NUL behind it: a request is bytes. */
static int parse(struct http_request *ret_request, const char *head)
{
    size_t size = strlen(head);
    struct buf copy = BUF_INIT(HTTP_HEAD_MAX);
    assert_int_equal(buf_append(&copy, head, size), 0);
    int status = http_request_parse(ret_request, (const char *)copy.data, size);
    buf_deinit(&copy);
    return status;
}

static void test_requests(void **state)
{
    (void)state;
    struct http_request r;
    assert_int_equal(parse(&r, "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    assert_int_equal(r.method, HTTP_GET);
    assert_string_equal(r.path, "/metrics");
    assert_string_equal(r.authorization, "");
    assert_int_equal(
        parse(&r, "POST / HTTP/1.0\r\nauthorization: \t Bearer a b \r\nContent-Length: 0\r\n\r\n"),
        0);
    assert_int_equal(r.method, HTTP_POST);
    assert_string_equal(r.authorization, "Bearer a b");
    assert_int_equal(parse(&r, "HEAD / HTTP/1.1\r\n\r\n"), 0);
    assert_int_equal(r.method, HTTP_HEAD);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {"", 400},
        {"\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET / HTTP/1.1\n\n", 400},
        {"GET http://a/ HTTP/1.1\r\n\r\n", 400},
        {"GET  HTTP/1.1\r\n\r\n", 400},
        {"GET /\x01 HTTP/1.1\r\n\r\n", 400},
        {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\n\r\n", 505},
        {"PUT / HTTP/1.1\r\n\r\n", 405},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request r;
        assert_int_equal(parse(&r, cases[i].head), cases[i].status);
    }
}

static void test_what_is_too_long(void **state)
{
    (void)state;
    struct http_request r;
    char text[1024];
    for (int fits = 0; fits <= 1; fits++) {
        snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\n\r\n", HTTP_PATH_SIZE - 1 - fits, 0);
        assert_int_equal(parse(&r, text), fits ? 0 : 414);
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nAuthorization:%0*d\r\n\r\n",
                 HTTP_AUTHORIZATION_SIZE - fits, 0);
        assert_int_equal(parse(&r, text), fits ? 0 : 431);
    }
}

static void test_the_answer_s_head(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    struct http_response r = {.status = 503, .content_type = "text/plain", .body = BUF_INIT(16)};
    assert_int_equal(buf_append_str(&r.body, "no"), 0);
    assert_int_equal(http_response_head(&r, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    const char *text = (const char *)out.data;
    assert_ptr_equal(strstr(text, "HTTP/1.1 503 Service Unavailable\r\n"), text);
    assert_non_null(strstr(text, "\r\nContent-Length: 2\r\n"));
    assert_non_null(strstr(text, "\r\nCache-Control: no-store\r\n"));
    assert_null(strstr(text, "WWW-Authenticate"));
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
    buf_clear(&out);
    r.status = 401;
    assert_int_equal(http_response_head(&r, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_non_null(strstr((const char *)out.data, "\r\nWWW-Authenticate: Bearer\r\n"));
    buf_deinit(&out);
    buf_deinit(&r.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_too_long),
        cmocka_unit_test(test_the_answer_s_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
