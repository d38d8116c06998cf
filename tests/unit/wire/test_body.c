#include "wire/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bodies.h"
#include "examples.h"

enum { BODY_BYTES_MAX = 4 * 1024 * 1024 };

static void check_round_trip(const struct body_codec *codec, const union body_any *body)
{
    struct buf first = BUF_INIT(BODY_BYTES_MAX);
    struct buf second = BUF_INIT(BODY_BYTES_MAX);
    union body_any again;

    assert_int_equal(codec->encode(&first, body), 0);
    assert_int_equal(codec->decode(&again, first.data, first.size), 0);
    assert_int_equal(codec->encode(&second, &again), 0);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    codec->deinit(&again);
    buf_deinit(&first);
    buf_deinit(&second);
}

static void visit_valid(const char *folder, const char *name, void *userdata)
{
    const struct body_codec *codec = *(const struct body_codec *const *)userdata;
    struct buf json = BUF_INIT(BODY_BYTES_MAX);
    union body_any body;

    example_read(&json, folder, name);
    if (codec->decode(&body, json.data, json.size))
        fail_msg("%s/%s is refused", folder, name);
    check_round_trip(codec, &body);
    codec->deinit(&body);
    buf_deinit(&json);
}

static void visit_invalid(const char *folder, const char *name, void *userdata)
{
    const struct body_codec *codec = *(const struct body_codec *const *)userdata;
    struct buf json = BUF_INIT(BODY_BYTES_MAX);
    union body_any body;

    example_read(&json, folder, name);
    if (codec->decode(&body, json.data, json.size) != BODY_E_INVALID)
        fail_msg("%s/%s is accepted", folder, name);
    buf_deinit(&json);
}

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < BODY_CODECS; i++) {
        const struct body_codec *codec = &body_codecs[i];
        char folder[128];
        char prefix[128];

        (void)snprintf(folder, sizeof(folder), "body/examples/%s", codec->name);
        (void)snprintf(prefix, sizeof(prefix), "%s-", codec->name);
        assert_true(examples_visit(folder, "valid-", ".json", visit_valid, &codec) >= 1);
        assert_true(examples_visit(folder, "invalid-", ".json", visit_invalid, &codec) >= 4);
        (void)examples_visit("body/examples/strict", prefix, ".json", visit_invalid, &codec);
    }
}

static const struct body_codec *codec_of(const char *name)
{
    for (size_t i = 0; i < BODY_CODECS; i++)
        if (strcmp(body_codecs[i].name, name) == 0)
            return &body_codecs[i];
    fail_msg("no codec %s", name);
    return NULL;
}

static int decode_text(const char *name, const char *json)
{
    const struct body_codec *codec = codec_of(name);
    union body_any body;
    int r = codec->decode(&body, json, strlen(json));

    if (r == 0)
        codec->deinit(&body);
    return r;
}

#define ENTRY_OF(fields)   "{\"files\":[{\"path\":\"p\",\"size\":9" fields "}]}"
#define REQUEST_OF(fields) "{\"requestId\":\"q\",\"part\":1,\"parts\":1" fields "}"
#define RESPONSE_OF(paths) \
    "{\"requestId\":\"q\",\"filesToSend\":1,\"bytesToSend\":1,\"mismatchedFiles\":" paths "}"

/* What a member with another program might seal. Of each, what stands before it is right. */
static void test_what_a_member_may_not_seal(void **state)
{
    static const struct {
        const char *codec;
        const char *right;
        const char *wrong;
    } pairs[] = {
        {"SessionEntry", ENTRY_OF(",\"hash\":\"sha256:aa\""), ENTRY_OF(",\"hash\":7")},
        {"SessionEntry", ENTRY_OF(",\"hash\":\"sha256:aa\""), ENTRY_OF(",\"hash\":\"sha256:\"")},
        {"SessionEntry", ENTRY_OF(",\"hash\":\"sha256:aa\""), ENTRY_OF(",\"hash\":\":aa\"")},
        {"SessionEntry", ENTRY_OF(",\"ranges\":[[1,2]]"), ENTRY_OF(",\"ranges\":[7]")},
        {"SessionEntry", ENTRY_OF(",\"ranges\":[[1,2]]"), ENTRY_OF(",\"ranges\":[[1]]")},
        {"SessionEntry", ENTRY_OF(",\"ranges\":[[1,2]]"), ENTRY_OF(",\"ranges\":[[1,\"2\"]]")},
        {"SessionEntry", ENTRY_OF(",\"ranges\":[[1,2]]"), ENTRY_OF(",\"ranges\":7")},
        {"SessionEntry", ENTRY_OF(",\"done\":true"), ENTRY_OF(",\"done\":null")},
        {"SessionEntry", "{\"files\":[]}", "{\"files\":[7]}"},
        {"RecoveryRequest", REQUEST_OF(",\"completedFiles\":[]"),
         REQUEST_OF(",\"completedFiles\":{}")},
        {"RecoveryRequest", REQUEST_OF(",\"completedFiles\":[\"a\"]"),
         REQUEST_OF(",\"completedFiles\":[7]")},
        {"RecoveryRequest", REQUEST_OF(",\"completedFiles\":[],\"completedSizes\":{}"),
         REQUEST_OF(",\"completedFiles\":[],\"completedSizes\":[]")},
        {"RecoveryRequest", REQUEST_OF(",\"completedFiles\":[],\"partialFiles\":[]"),
         REQUEST_OF(",\"completedFiles\":[],\"partialFiles\":{}")},
        {"RecoveryRequest", REQUEST_OF(",\"completedFiles\":[]"),
         "{\"requestId\":\"q q\",\"part\":1,\"parts\":1,\"completedFiles\":[]}"},
        {"RecoveryRequest", REQUEST_OF(",\"completedFiles\":[]"),
         "{\"requestId\":7,\"part\":1,\"parts\":1,\"completedFiles\":[]}"},
        {"RecoveryResponse", RESPONSE_OF("[\"a\"]"), RESPONSE_OF("{}")},
        {"RecoveryResponse", RESPONSE_OF("[\"a\"]"), RESPONSE_OF("[\"a\\nb\"]")},
        {"IceCandidate", "{\"candidate\":\"\",\"sdpMLineIndex\":0}",
         "{\"candidate\":\"\",\"sdpMLineIndex\":\"0\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (decode_text(pairs[i].codec, pairs[i].right) != 0)
            fail_msg("refused: %s", pairs[i].right);
        if (decode_text(pairs[i].codec, pairs[i].wrong) != BODY_E_INVALID)
            fail_msg("accepted: %s", pairs[i].wrong);
    }
}

/* An array of n of these elements where "@" stands, with the number of each in two places; whether it is accepted. */
static bool accepts_many(const char *codec, const char *text, bool pairs, size_t n)
{
    struct buf json = BUF_INIT(BODY_BYTES_MAX);
    const char *at = strchr(text, '@');
    int r;

    assert_int_equal(buf_append(&json, text, (size_t)(at - text)), 0);
    for (size_t i = 0; i < n; i++) {
        char one[64];
        if (pairs)
            (void)snprintf(one, sizeof(one), "%s[%zu,%zu]", i ? "," : "", 2 * i, 2 * i + 1);
        else
            (void)snprintf(one, sizeof(one), "%s\"%zx\"", i ? "," : "", i);
        assert_int_equal(buf_append(&json, one, strlen(one)), 0);
    }
    assert_int_equal(buf_append(&json, at + 1, strlen(at + 1)), 0);
    assert_int_equal(buf_append(&json, "", 1), 0);
    r = decode_text(codec, (const char *)json.data);
    buf_deinit(&json);
    return r == 0;
}

static void test_lists_have_an_end(void **state)
{
    static const char ranges[] = "{\"files\":[{\"path\":\"p\",\"size\":9000,\"ranges\":[@]}]}";

    (void)state;
    assert_true(accepts_many("SessionEntry", ranges, true, BODY_RANGES_MAX));
    assert_false(accepts_many("SessionEntry", ranges, true, BODY_RANGES_MAX + 1));
    assert_true(accepts_many("RecoveryResponse", RESPONSE_OF("[@]"), false, BODY_FILES_MAX));
    assert_false(accepts_many("RecoveryResponse", RESPONSE_OF("[@]"), false, BODY_FILES_MAX + 1));
}

static void test_a_body_over_the_limit_is_not_even_parsed(void **state)
{
    static const char object[] = {'{', '"', 'f', 'i', 'l', 'e', 's', '"', ':', '[', ']', '}'};
    char *blanks = malloc(WIRE_BODY_MAX + 1);
    union body_any body;

    (void)state;
    assert_non_null(blanks);
    memset(blanks, ' ', WIRE_BODY_MAX + 1);
    memcpy(blanks, object, sizeof object);
    assert_int_equal(codec_of("SessionEntry")->decode(&body, blanks, WIRE_BODY_MAX), 0);
    codec_of("SessionEntry")->deinit(&body);
    assert_int_equal(codec_of("SessionEntry")->decode(&body, blanks, WIRE_BODY_MAX + 1),
                     BODY_E_INVALID);
    free(blanks);
}

static struct body_file file_new(const char *path)
{
    struct body_file f = {.path = strdup(path), .size_bytes = 100};

    assert_non_null(f.path);
    return f;
}

static void test_request_says_what_the_joiner_has(void **state)
{
    static const char json[] =
        "{\"requestId\":\"q\",\"part\":2,\"parts\":3,\"completedFiles\":[\"a\",\"b\"],"
        "\"completedHashes\":{\"b\":\"sha256:aB\"},\"completedSizes\":{\"a\":5},"
        "\"partialFiles\":[{\"path\":\"c\",\"size\":9,\"ranges\":[[0,4],[4,9]]}]}";
    struct body_recovery_request r;

    (void)state;
    assert_int_equal(body_recovery_request_decode(&r, json, strlen(json)), 0);
    assert_string_equal(r.request_id.text, "q");
    assert_int_equal(r.part, 2);
    assert_int_equal(r.parts, 3);
    assert_int_equal(r.files.n_files, 3);
    assert_string_equal(r.files.files[0].path, "a");
    assert_true(r.files.files[0].done);
    assert_null(r.files.files[0].hash);
    assert_null(r.files.files[0].algorithm);
    assert_int_equal(r.files.files[0].size_bytes, 5);
    assert_string_equal(r.files.files[1].hash, "aB");
    assert_string_equal(r.files.files[1].algorithm, "sha256");
    assert_int_equal(r.files.files[1].size_bytes, 0);
    assert_false(r.files.files[2].done);
    assert_int_equal(r.files.files[2].n_ranges, 2);
    assert_int_equal(r.files.files[2].ranges[1].begin, 4);
    assert_int_equal(r.files.files[2].ranges[1].end, 9);
    body_recovery_request_deinit(&r);
    body_recovery_request_deinit(&r);
    body_recovery_request_deinit(NULL);
}

static void test_candidate_fields_may_be_absent(void **state)
{
    static const char json[] = "{\"candidate\":\"\",\"sdpMid\":null}";
    struct body_signal s;

    (void)state;
    assert_int_equal(body_candidate_decode(&s, json, strlen(json)), 0);
    assert_string_equal(s.sdp, "");
    assert_null(s.sdp_mid);
    assert_int_equal(s.sdp_mline_index, -1);
    body_signal_deinit(&s);
    body_signal_deinit(NULL);
}

static void test_encoders_refuse_what_decoders_would(void **state)
{
    struct buf out = BUF_INIT(BODY_BYTES_MAX);
    struct body_signal no_sdp = {.sdp_mline_index = -1};
    struct body_recovery_request bad_part = {.request_id = {"q"}, .part = 2, .parts = 1};
    struct body_recovery_request no_id = {.part = 1, .parts = 1};
    struct body_recovery_response no_response_id = {.files_to_send = 1};
    struct body_session_entry twice = {0};
    struct body_file f = file_new("x");

    (void)state;
    assert_int_equal(body_offer_encode(&out, &no_sdp), BODY_E_INVALID);
    assert_int_equal(body_candidate_encode(&out, &no_sdp), BODY_E_INVALID);
    assert_int_equal(body_recovery_request_encode(&out, &bad_part), BODY_E_INVALID);
    assert_int_equal(body_recovery_request_encode(&out, &no_id), BODY_E_INVALID);
    assert_int_equal(body_recovery_response_encode(&out, &no_response_id), BODY_E_INVALID);
    assert_int_equal(body_file_list_append(&twice.files, &f), 0);
    assert_null(f.path);
    f = file_new("x");
    assert_int_equal(body_file_list_append(&twice.files, &f), 0);
    assert_int_equal(body_session_entry_encode(&out, &twice), BODY_E_INVALID);
    assert_int_equal(out.size, 0);
    body_session_entry_deinit(&twice);
    buf_deinit(&out);
}

static void test_encoders_know_every_limit(void **state)
{
    struct buf out = BUF_INIT(BODY_BYTES_MAX);
    char empty[] = "";
    char mid[] = "0";
    char bad[] = "\xff";
    char label[BODY_LABEL_MAX + 2];
    char *paths[] = {bad};
    struct body_signal s = {.sdp = empty, .sdp_mid = mid, .sdp_mline_index = 1023};
    struct body_recovery_request request = {.request_id = {"q"}, .part = 1, .parts = 1};
    struct body_recovery_response response = {.request_id = {"q"}};
    struct body_session_entry entry = {.label = label};

    (void)state;
    assert_int_equal(body_candidate_encode(&out, &s), 0);
    s.sdp_mline_index = 70000;
    assert_int_equal(body_candidate_encode(&out, &s), BODY_E_INVALID);
    s.sdp_mline_index = -2;
    assert_int_equal(body_candidate_encode(&out, &s), BODY_E_INVALID);
    s.sdp_mline_index = -1;
    s.sdp_mid = bad;
    assert_int_equal(body_candidate_encode(&out, &s), BODY_E_INVALID);

    assert_int_equal(body_recovery_request_encode(&out, &request), 0);
    request.part = 0;
    assert_int_equal(body_recovery_request_encode(&out, &request), BODY_E_INVALID);
    request.part = 1;
    request.parts = BODY_FILES_MAX + 1;
    assert_int_equal(body_recovery_request_encode(&out, &request), BODY_E_INVALID);

    assert_int_equal(body_recovery_response_encode(&out, &response), 0);
    response.files_to_send = WIRE_INTEGER_MAX + 1;
    assert_int_equal(body_recovery_response_encode(&out, &response), BODY_E_INVALID);
    response.files_to_send = 0;
    response.bytes_to_send = WIRE_INTEGER_MAX + 1;
    assert_int_equal(body_recovery_response_encode(&out, &response), BODY_E_INVALID);
    response.bytes_to_send = 0;
    response.mismatched_paths = paths;
    response.n_mismatched_paths = 1;
    assert_int_equal(body_recovery_response_encode(&out, &response), BODY_E_INVALID);
    response.n_mismatched_paths = BODY_FILES_MAX + 1;
    assert_int_equal(body_recovery_response_encode(&out, &response), BODY_E_INVALID);

    memset(label, 'l', sizeof(label));
    label[BODY_LABEL_MAX] = '\0';
    assert_int_equal(body_session_entry_encode(&out, &entry), 0);
    label[0] = '\xff';
    assert_int_equal(body_session_entry_encode(&out, &entry), BODY_E_INVALID);
    label[0] = label[BODY_LABEL_MAX] = 'l';
    label[BODY_LABEL_MAX + 1] = '\0';
    assert_int_equal(body_session_entry_encode(&out, &entry), BODY_E_INVALID);
    buf_deinit(&out);
    body_recovery_response_deinit(NULL);
    body_session_entry_deinit(NULL);
}

static void test_a_full_buffer_is_told_apart(void **state)
{
    struct body_session_entry e = {.label = strdup("label")};
    struct buf out = BUF_INIT(8);

    (void)state;
    assert_int_equal(body_session_entry_encode(&out, &e), BODY_E_FULL);
    assert_int_equal(out.size, 0);
    body_session_entry_deinit(&e);
    buf_deinit(&out);
}

static void test_file_validity(void **state)
{
    struct body_range ranges[2] = {{0, 10}, {10, 100}};
    struct body_file f = {.path = strdup("p"), .size_bytes = 100};
    char hash[] = "0aFF";
    char algorithm[] = "sha-256";
    char too_long[BODY_HASH_MAX + 2];

    (void)state;
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_true(body_file_valid(&f));
    f.hash = hash;
    assert_false(body_file_valid(&f));
    f.algorithm = algorithm;
    assert_true(body_file_valid(&f));
    algorithm[0] = 'S';
    assert_false(body_file_valid(&f));
    algorithm[0] = '\0';
    assert_false(body_file_valid(&f));
    algorithm[0] = 's';
    f.hash = too_long;
    assert_false(body_file_valid(&f));
    f.hash = hash;
    f.algorithm = too_long;
    assert_false(body_file_valid(&f));
    f.algorithm = algorithm;
    hash[0] = '\0';
    assert_false(body_file_valid(&f));
    hash[0] = 'g';
    assert_false(body_file_valid(&f));
    hash[0] = '0';

    f.ranges = ranges;
    f.n_ranges = 2;
    assert_true(body_file_valid(&f));
    f.done = true;
    assert_false(body_file_valid(&f));
    f.done = false;
    ranges[1].begin = 9;
    assert_false(body_file_valid(&f));
    ranges[1] = (struct body_range){10, 10};
    assert_false(body_file_valid(&f));
    ranges[1] = (struct body_range){10, 101};
    assert_false(body_file_valid(&f));
    f.n_ranges = 0;
    f.size_bytes = WIRE_INTEGER_MAX + 1;
    assert_false(body_file_valid(&f));
    f.size_bytes = 0;
    f.path[0] = '\n';
    assert_false(body_file_valid(&f));
    f.path[0] = '\xff';
    assert_false(body_file_valid(&f));
    f.path[0] = '\0';
    assert_false(body_file_valid(&f));
    free(f.path);
    f.path = NULL;
    assert_false(body_file_valid(&f));
}

static void test_a_copy_is_deep(void **state)
{
    struct body_file f = file_new("p");
    struct body_file copy;

    (void)state;
    f.hash = strdup("00");
    f.algorithm = strdup("sha1");
    f.ranges = calloc(1, sizeof(*f.ranges));
    assert_non_null(f.ranges);
    f.ranges[0].end = 5;
    f.n_ranges = 1;
    assert_int_equal(body_file_copy(&copy, &f), 0);
    body_file_deinit(&f);
    assert_string_equal(copy.path, "p");
    assert_string_equal(copy.hash, "00");
    assert_string_equal(copy.algorithm, "sha1");
    assert_int_equal(copy.size_bytes, 100);
    assert_int_equal(copy.ranges[0].end, 5);
    body_file_deinit(&copy);
    body_file_deinit(NULL);
}

static void test_a_list_is_capped(void **state)
{
    struct body_file_list l = {0};
    struct body_file f;

    (void)state;
    for (size_t i = 0; i < BODY_FILES_MAX; i++) {
        f = (struct body_file){0};
        assert_int_equal(body_file_list_append(&l, &f), 0);
    }
    f = file_new("one too many");
    assert_int_equal(body_file_list_append(&l, &f), BODY_E_INVALID);
    assert_non_null(f.path);
    body_file_deinit(&f);
    body_file_list_deinit(&l);
    body_file_list_deinit(NULL);
}

/* The estimate is what lists are cut by: it may never be too small. */
static size_t encoded_growth(const struct body_file *f, bool in_request)
{
    struct buf empty = BUF_INIT(BODY_BYTES_MAX);
    struct buf one = BUF_INIT(BODY_BYTES_MAX);
    struct body_recovery_request request = {.request_id = {"q"}, .part = 1, .parts = 1};
    struct body_session_entry entry = {0};
    struct body_file copy;
    size_t growth;

    if (in_request)
        assert_int_equal(body_recovery_request_encode(&empty, &request), 0);
    else
        assert_int_equal(body_session_entry_encode(&empty, &entry), 0);
    assert_int_equal(body_file_copy(&copy, f), 0);
    assert_int_equal(body_file_list_append(in_request ? &request.files : &entry.files, &copy), 0);
    if (in_request)
        assert_int_equal(body_recovery_request_encode(&one, &request), 0);
    else
        assert_int_equal(body_session_entry_encode(&one, &entry), 0);
    growth = one.size - empty.size;
    buf_deinit(&empty);
    buf_deinit(&one);
    body_recovery_request_deinit(&request);
    body_session_entry_deinit(&entry);
    return growth;
}

static void test_the_estimate_is_never_too_small(void **state)
{
    static const char *const paths[] = {"p", "\x01\x1f\"\\", "mods/\xc3\xbc.pmp", "\x7f//"};
    char hash[BODY_HASH_MAX + 1];
    char algorithm[BODY_ALGORITHM_MAX + 1];

    (void)state;
    memset(hash, 'f', sizeof(hash) - 1);
    hash[sizeof(hash) - 1] = '\0';
    memset(algorithm, 'a', sizeof(algorithm) - 1);
    algorithm[sizeof(algorithm) - 1] = '\0';
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct body_range range = {WIRE_INTEGER_MAX - 1, WIRE_INTEGER_MAX};
        char path[32];
        struct body_file f = {.path = path, .size_bytes = WIRE_INTEGER_MAX};

        (void)snprintf(path, sizeof(path), "%s", paths[i]);
        f.hash = hash;
        f.algorithm = algorithm;
        f.done = true;
        /* Plus separators: a file may stand after another one in each of its places. */
        assert_true(encoded_growth(&f, true) + 3 <= body_file_encoded_bytes_max(&f));
        assert_true(encoded_growth(&f, false) + 1 <= body_file_encoded_bytes_max(&f));
        f.done = false;
        f.ranges = &range;
        f.n_ranges = 1;
        assert_true(encoded_growth(&f, true) + 1 <= body_file_encoded_bytes_max(&f));
        assert_true(encoded_growth(&f, false) + 1 <= body_file_encoded_bytes_max(&f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_request_says_what_the_joiner_has),
        cmocka_unit_test(test_candidate_fields_may_be_absent),
        cmocka_unit_test(test_encoders_refuse_what_decoders_would),
        cmocka_unit_test(test_encoders_know_every_limit),
        cmocka_unit_test(test_what_a_member_may_not_seal),
        cmocka_unit_test(test_lists_have_an_end),
        cmocka_unit_test(test_a_body_over_the_limit_is_not_even_parsed),
        cmocka_unit_test(test_a_full_buffer_is_told_apart),
        cmocka_unit_test(test_file_validity),
        cmocka_unit_test(test_a_copy_is_deep),
        cmocka_unit_test(test_a_list_is_capped),
        cmocka_unit_test(test_the_estimate_is_never_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
