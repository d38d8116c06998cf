#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "sync/sdp.h"

#define FINGERPRINT \
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:85:1B:26:CB:6D:4C:A1:10:EE:F4:01"
#define HEAD        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define APPLICATION "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define UFRAG       "a=ice-ufrag:user\r\n"
#define PWD         "a=ice-pwd:passwordpasswordpassword\r\n"
#define PRINT       "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
#define WHOLE       HEAD APPLICATION UFRAG PWD PRINT

static int parse(struct sdp *ret_sdp, const char *text)
{
    return sdp_parse(ret_sdp, text, strlen(text));
}

static void assert_refused(const char *text)
{
    struct sdp sdp;

    assert_int_equal(parse(&sdp, text), -EINVAL);
}

static void what_is_written_is_read_again(void **state)
{
    struct sdp sdp, again;
    char *text;

    (void)state;
    sdp_init(&sdp);
    g_strlcpy(sdp.ufrag, "user", sizeof sdp.ufrag);
    g_strlcpy(sdp.pwd, "passwordpasswordpassword", sizeof sdp.pwd);
    g_strlcpy(sdp.fingerprint, FINGERPRINT, sizeof sdp.fingerprint);
    g_strlcpy(sdp.mid, "data", sizeof sdp.mid);
    sdp.setup = SDP_SETUP_PASSIVE;
    sdp.sctp_port = 6000;
    sdp.complete = true;
    g_ptr_array_add(sdp.candidates, g_strdup("candidate:1 1 udp 1 192.0.2.7 9 typ host"));
    text = sdp_write(&sdp, UINT64_MAX);
    assert_int_equal(parse(&again, text), 0);
    assert_string_equal(again.ufrag, sdp.ufrag);
    assert_string_equal(again.pwd, sdp.pwd);
    assert_string_equal(again.fingerprint, sdp.fingerprint);
    assert_string_equal(again.mid, "data");
    assert_int_equal(again.setup, SDP_SETUP_PASSIVE);
    assert_int_equal(again.sctp_port, 6000);
    assert_true(again.complete);
    assert_int_equal(again.candidates->len, 1);
    assert_string_equal(again.candidates->pdata[0], "candidate:1 1 udp 1 192.0.2.7 9 typ host");
    g_free(text);
    sdp_deinit(&again);
    sdp_deinit(&sdp);
}

static void lines_may_end_in_a_line_feed_alone(void **state)
{
    char **parts = g_strsplit(WHOLE, "\r", -1);
    char *text = g_strjoinv("", parts);
    struct sdp sdp;

    (void)state;
    assert_int_equal(parse(&sdp, text), 0);
    assert_string_equal(sdp.ufrag, "user");
    sdp_deinit(&sdp);
    g_free(text);
    g_strfreev(parts);
}

static void what_stands_between_is_ignored(void **state)
{
    struct sdp sdp;

    (void)state;
    assert_int_equal(parse(&sdp, WHOLE "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
                                       "a=fingerprint:sha-1 AA:BB\r\na=setup:active\r\n"),
                     0);
    assert_string_equal(sdp.fingerprint, FINGERPRINT);
    assert_int_equal(sdp.setup, SDP_SETUP_ACTIVE);
    assert_false(sdp.complete);
    sdp_deinit(&sdp);
}

static void a_fingerprint_is_upper_case(void **state)
{
    struct sdp sdp;

    (void)state;
    assert_int_equal(parse(&sdp, HEAD APPLICATION UFRAG PWD "a=fingerprint:SHA-256 ab:cd\r\n"), 0);
    assert_string_equal(sdp.fingerprint, "AB:CD");
    sdp_deinit(&sdp);
}

static void candidates_beyond_the_limit_are_dropped(void **state)
{
    GString *text = g_string_new(WHOLE);
    struct sdp sdp;

    (void)state;
    for (int i = 0; i < SDP_CANDIDATES_MAX + 1; i++)
        g_string_append_printf(text, "a=candidate:%d 1 udp 1 192.0.2.7 9 typ host\r\n", i);
    assert_int_equal(sdp_parse(&sdp, text->str, text->len), 0);
    assert_int_equal(sdp.candidates->len, SDP_CANDIDATES_MAX);
    sdp_deinit(&sdp);
    (void)g_string_free(text, TRUE);
}

static void what_is_no_data_channel_is_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused(HEAD);
    assert_refused(HEAD UFRAG PWD PRINT);
    assert_refused(HEAD APPLICATION PWD PRINT);
    assert_refused(HEAD APPLICATION UFRAG PRINT);
    assert_refused(HEAD APPLICATION UFRAG PWD);
    assert_refused(WHOLE "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    assert_refused(WHOLE "a=setup:holdconn\r\n");
    assert_refused(WHOLE "a=sctp-port:0\r\n");
    assert_refused(WHOLE "a=sctp-port:65536\r\n");
    assert_refused(WHOLE "a=mid:two words\r\n");
    assert_int_equal(sdp_parse(&(struct sdp){0}, WHOLE, sizeof WHOLE), -EINVAL); /* a NUL */
}

/* What is echoed in an answer must not begin a line of its own there. */
static void a_carriage_return_within_a_line_is_refused(void **state)
{
    (void)state;
    assert_refused(WHOLE "a=mid:x\ra=setup:active\r\n");
    assert_refused(HEAD APPLICATION "a=ice-ufrag:us\rer\r\n" PWD PRINT);
    assert_refused(WHOLE "a=candidate:1 1 udp 1 192.0.2.7 9\r typ host\r\n");
}

static void what_is_too_long_is_refused(void **state)
{
    char *name = g_strnfill(SDP_CREDENTIAL_SIZE, 'u'), *padding = g_strnfill(SDP_BYTES_MAX, 'x');
    char *text = g_strconcat(HEAD APPLICATION PWD PRINT "a=ice-ufrag:", name, "\r\n", NULL);
    struct sdp sdp;

    (void)state;
    assert_refused(text);
    g_free(text);
    text = g_strconcat(HEAD APPLICATION PWD PRINT "a=ice-ufrag:", name + 1, "\r\n", NULL);
    assert_int_equal(parse(&sdp, text), 0);
    sdp_deinit(&sdp);
    g_free(text);
    text = g_strconcat(WHOLE, padding, NULL);
    assert_refused(text);
    g_free(text);
    g_free(padding);
    g_free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(lines_may_end_in_a_line_feed_alone),
        cmocka_unit_test(what_stands_between_is_ignored),
        cmocka_unit_test(a_fingerprint_is_upper_case),
        cmocka_unit_test(candidates_beyond_the_limit_are_dropped),
        cmocka_unit_test(what_is_no_data_channel_is_refused),
        cmocka_unit_test(a_carriage_return_within_a_line_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused),
    };

    return cmocka_run_group_tests_name("sync_sdp", tests, NULL, NULL);
}
