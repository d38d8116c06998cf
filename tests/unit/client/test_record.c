/* The journal as the next process finds it: whole, damaged, or from a newer library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "scene.h"

enum { OPERATIONS_MAX = 64 };

static const char secret[] = "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSA";

/* A new engine that knows syncshell "y" and the sessions "j" (as joiner) and "p" (as provider). */
static void boot(struct scene *s)
{
    struct station *st = &s->station;
    char text[600];
    snprintf(text, sizeof text,
             "{\"v\":1,\"secret\":\"%s\",\"owner\":\"%s\",\"state\":3,\"keyEpoch\":1,"
             "\"storeEpoch\":\"e\",\"inboxCursor\":7}",
             secret, s->other.text);
    station_set_record(st, "syncshell", "y", text);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(
            text, sizeof text,
            "{\"v\":1,\"syncshell\":\"y\",\"other\":\"%s\",\"joiner\":%s,\"phase\":2,\"outcome\":0,"
            "\"version\":3,\"generation\":2,\"storedSeq\":1,\"checkpoint\":false}",
            s->other.text, i == 0 ? "true" : "false");
        station_set_record(st, "session", i == 0 ? "j" : "p", text);
    }
    const struct engine_crypto services = stub_crypto_services(&st->crypto);
    assert_int_equal(engine_new(&st->engine, &st->config, &services), 0);
    for (const char *const *kind = engine_record_kinds; *kind; kind++) {
        for (struct list_node *n = st->disk.head.next; n != &st->disk.head; n = n->next) {
            const struct disk_record *r = container_of(n, struct disk_record, node);
            if (str_equal(r->kind, *kind))
                assert_int_equal(engine_load_record(st->engine, r->kind, r->key, r->value, r->size),
                                 0);
        }
    }
}

static int load(struct scene *s, const char *kind, const char *key, const char *value)
{
    return engine_load_record(s->station.engine, kind, key, value, strlen(value));
}

struct row {
    const char *kind;
    const char *key;
    const char *value;
    int result;
};

static void check(struct scene *s, const struct row *rows, size_t n_rows)
{
    boot(s);
    for (size_t i = 0; i < n_rows; i++) {
        print_message("# %s %s %s\n", rows[i].kind, rows[i].key, rows[i].value);
        assert_int_equal(load(s, rows[i].kind, rows[i].key, rows[i].value), rows[i].result);
    }
}

#define CHECK(s, rows) check(s, rows, sizeof rows / sizeof *rows)
#define HUNDRED                                          \
    "cccccccccccccccccccccccccccccccccccccccccccccccccc" \
    "cccccccccccccccccccccccccccccccccccccccccccccccccc"
#define LONG   HUNDRED HUNDRED HUNDRED
#define PEER   "ed25519:ABPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPA"
#define SECRET "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSA"

static void test_any_kind(void **state)
{
    static const struct row rows[] = {
        {"client", "", "", ENGINE_E_RECORD},
        {"client", "", "[]", ENGINE_E_RECORD},
        {"client", "", "{\"v\":1", ENGINE_E_RECORD},
        {"client", "", "{\"v\":1,\"v\":1,\"relayUrl\":\"ws://a\"}", ENGINE_E_RECORD},
        {"client", "", "{\"relayUrl\":\"ws://a\"}", ENGINE_E_RECORD},
        {"client", "", "{\"v\":\"1\",\"relayUrl\":\"ws://a\"}", ENGINE_E_RECORD},
        {"client", "", "{\"v\":-1,\"relayUrl\":\"ws://a\"}", ENGINE_E_RECORD},
        {"client", "", "{\"v\":2,\"relayUrl\":\"ws://a\"}", ENGINE_E_RECORD_NEWER},
        {"client", "", "{\"v\":1}", ENGINE_E_RECORD},
        {"client", "", "{\"v\":1,\"relayUrl\":7}", ENGINE_E_RECORD},
        {"client", "", "{\"v\":1,\"relayUrl\":\"ws://a\",\"certificatePin\":\"short\"}",
         ENGINE_E_RECORD},
        {"client", "", "{\"v\":1,\"relayUrl\":\"ws://a\",\"certificatePin\":\"" SECRET "\"}", 0},
        {"client", "", "{\"v\":1,\"relayUrl\":\"ws://a\",\"later\":1}", 0},
        {"client", "", "{\"v\":1,\"relayUrl\":\"" LONG LONG "\"}", ENGINE_E_RECORD},
        {"quantum", "", "{\"v\":1}", ENGINE_E_RECORD_NEWER},
    };
    CHECK(*state, rows);
}

static void test_syncshells(void **state)
{
#define SHELL(secret, owner, state, epoch, cursor, key_epoch)                                      \
    "{\"v\":1,\"secret\":" secret ",\"owner\":" owner ",\"state\":" state ",\"storeEpoch\":" epoch \
    ",\"inboxCursor\":" cursor ",\"keyEpoch\":" key_epoch "}"
#define S "\"" SECRET "\""
#define O "\"" PEER "\""
    static const struct row rows[] = {
        {"syncshell", "a", SHELL(S, O, "3", "\"e\"", "0", "1"), 0},
        {"syncshell", "a", SHELL(S, O, "3", "\"e\"", "0", "1"), ENGINE_E_RECORD}, /* twice */
        {"syncshell", "not an id", SHELL(S, O, "3", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL("\"short\"", O, "3", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL("1", O, "3", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL(S, "\"me\"", "3", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "a2", SHELL(S, "\"\"", "3", "\"e\"", "0", "1"), 0}, /* not told yet */
        {"syncshell", "b", SHELL(S, "null", "3", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL(S, O, "0", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL(S, O, "5", "\"e\"", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL(S, O, "3", "7", "0", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL(S, O, "3", "\"e\"", "-1", "1"), ENGINE_E_RECORD},
        {"syncshell", "b", SHELL(S, O, "3", "\"e\"", "0", "1.5"), ENGINE_E_RECORD},
#define MORE(more)         SHELL(S, O, "3", "\"e\"", "0", "1," more)
#define KEY(secret, epoch) "{\"secret\":" secret ",\"epoch\":" epoch "}"
        {"syncshell", "c1", MORE("\"oldKeys\":[" KEY("\"short\"", "1") "]"), ENGINE_E_RECORD},
        {"syncshell", "c2", MORE("\"oldKeys\":[" KEY(S, "0") "]"), ENGINE_E_RECORD},
        {"syncshell", "c3", MORE("\"oldKeys\":[7]"), ENGINE_E_RECORD},
        {"syncshell", "c4", MORE("\"nextKey\":" KEY(S, "null")), ENGINE_E_RECORD},
        {"syncshell", "c5", MORE("\"nextKey\":" KEY(S, "2")), 0},
        {"syncshell", "c6", MORE("\"oldKeys\":[" KEY(S, "1") "," KEY(S, "2") "]"), 0},
#define OPERATION(type, peer, sequence) \
    "\"operations\":[{\"type\":" type ",\"peer\":" peer ",\"sequence\":" sequence "}]"
        {"syncshell", "d1", MORE(OPERATION("\"Hello\"", "\"\"", "1")), ENGINE_E_RECORD},
        {"syncshell", "d2", MORE(OPERATION("7", "\"\"", "1")), ENGINE_E_RECORD},
        {"syncshell", "d3", MORE(OPERATION("\"RemoveMember\"", "\"me\"", "1")), ENGINE_E_RECORD},
        {"syncshell", "d4", MORE(OPERATION("\"RotateGroupKey\"", "7", "1")), ENGINE_E_RECORD},
        {"syncshell", "d5", MORE(OPERATION("\"RotateGroupKey\"", "\"\"", "-1")), ENGINE_E_RECORD},
        {"syncshell", "d6", MORE(OPERATION("\"RotateGroupKey\"", "\"\"", "1")), 0},
    };
    CHECK(*state, rows);
}

/* No more orders than an engine takes are believed. */
static void test_too_many_operations(void **state)
{
    struct scene *s = *state;
    struct buf text = BUF_INIT(64 * 1024);
    boot(s);
    for (unsigned n = OPERATIONS_MAX; n <= OPERATIONS_MAX + 1; n++) {
        static const char head[] = SHELL(S, O, "3", "\"e\"", "0", "1,\"operations\":[");
        static const char item[] = "{\"type\":\"RotateGroupKey\",\"peer\":\"\",\"sequence\":0}";
        text.size = 0;
        assert_int_equal(buf_append(&text, head, strlen(head) - 1), 0); /* without its brace */
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(buf_append(&text, item, strlen(item)), 0);
            assert_int_equal(buf_append(&text, i + 1 < n ? "," : "]}", i + 1 < n ? 1 : 2), 0);
        }
        assert_int_equal(engine_load_record(s->station.engine, "syncshell",
                                            n > OPERATIONS_MAX ? "more" : "most", text.data,
                                            text.size),
                         n > OPERATIONS_MAX ? ENGINE_E_RECORD : 0);
    }
    buf_deinit(&text);
}

static void test_sessions(void **state)
{
#define SESSION(shell, other, phase, outcome, version)                                      \
    "{\"v\":1,\"syncshell\":" shell ",\"other\":" other ",\"joiner\":true,\"phase\":" phase \
    ",\"outcome\":" outcome ",\"version\":" version ",\"generation\":1,\"storedSeq\":0,"    \
    "\"checkpoint\":false}"
#define Y "\"y\""
/* Without what may be absent. */
#define NUMBERS(version, generation, stored)                                                      \
    "{\"v\":1,\"syncshell\":" Y ",\"other\":" O ",\"phase\":2,\"outcome\":0,\"version\":" version \
    ",\"generation\":" generation ",\"storedSeq\":" stored "}"
    static const struct row rows[] = {
        {"session", "a", SESSION(Y, O, "2", "0", "1"), 0},
        {"session", "a", SESSION(Y, O, "2", "0", "1"), ENGINE_E_RECORD},
        {"session", "a/b", SESSION(Y, O, "2", "0", "1"), ENGINE_E_RECORD},
        {"session", "b", SESSION("\"nowhere\"", O, "2", "0", "1"), ENGINE_E_RECORD},
        {"session", "c1", SESSION(Y, O, "2", "0", "-1"), ENGINE_E_RECORD},
        {"session", "b", SESSION("1", O, "2", "0", "1"), ENGINE_E_RECORD},
        {"session", "b", SESSION(Y, "\"x\"", "2", "0", "1"), ENGINE_E_RECORD},
        {"session", "b", SESSION(Y, O, "0", "0", "1"), ENGINE_E_RECORD},
        {"session", "b", SESSION(Y, O, "5", "0", "1"), ENGINE_E_RECORD},
        {"session", "b", SESSION(Y, O, "2", "4", "1"), ENGINE_E_RECORD},
        {"session", "b", SESSION(Y, O, "2", "0", "\"1\""), ENGINE_E_RECORD},
        {"session", "b", SESSION(Y, "7", "2", "0", "1"), ENGINE_E_RECORD},
        {"session", "d2", NUMBERS("1", "-1", "0"), ENGINE_E_RECORD},
        {"session", "d3", NUMBERS("1", "1", "-1"), ENGINE_E_RECORD},
        {"session", "d4", NUMBERS("1", "1", "0"), 0},
        {"session", "d5", SESSION(Y, O, "4", "2", "1,\"cause\":\"" LONG "\""), ENGINE_E_RECORD},
        {"session", "d6", SESSION(Y, O, "4", "2", "1,\"cause\":\"expired\""), 0},
    };
    CHECK(*state, rows);
}

static void test_files(void **state)
{
#define FILE_OF(path, seq) \
    "{\"v\":1,\"seq\":" seq ",\"file\":{\"path\":" path ",\"size\":1,\"done\":true}}"
    static const struct row rows[] = {
        {"file", "j/a", FILE_OF("\"a\"", "1"), 0},
        {"file", "j/a", FILE_OF("\"a\"", "2"), ENGINE_E_RECORD},
        {"file", "j/dir/a", FILE_OF("\"dir/a\"", "2"), 0},
        {"file", "j/b", FILE_OF("\"c\"", "3"), ENGINE_E_RECORD},
        {"file", "j/b", FILE_OF("\"b\"", "-3"), ENGINE_E_RECORD},
        {"file", "j/b", "{\"v\":1,\"seq\":3}", ENGINE_E_RECORD},
        {"file", "j/b", "{\"v\":1,\"seq\":3,\"file\":[]}", ENGINE_E_RECORD},
        {"file", "p/b", FILE_OF("\"b\"", "3"), ENGINE_E_RECORD}, /* a provider has none */
        {"file", "nowhere/b", FILE_OF("\"b\"", "3"), ENGINE_E_RECORD},
        {"file", "b", FILE_OF("\"b\"", "3"), ENGINE_E_RECORD},
        {"file",
         "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc/b",
         FILE_OF("\"b\"", "3"), ENGINE_E_RECORD},
    };
    CHECK(*state, rows);
}

static void test_manifests_and_requests(void **state)
{
#define FILES "[{\"path\":\"a\",\"size\":1,\"done\":false}]"
#define REQUEST(id, part, parts, files) \
    "{\"v\":1,\"requestId\":" id ",\"part\":" part ",\"parts\":" parts ",\"files\":" files "}"
    static const struct row rows[] = {
        {"manifest", "p", "{\"v\":1,\"files\":{}}", ENGINE_E_RECORD},
        {"manifest", "p", "{\"v\":1,\"files\":[7]}", ENGINE_E_RECORD},
        {"manifest", "p", "{\"v\":1}", ENGINE_E_RECORD},
        {"manifest", "nowhere", "{\"v\":1,\"files\":" FILES "}", ENGINE_E_RECORD},
        {"manifest", "p", "{\"v\":1,\"files\":" FILES "}", 0},
        {"manifest", "p", "{\"v\":1,\"files\":" FILES "}", ENGINE_E_RECORD},
        {"request", "p/1", REQUEST("\"r\"", "1", "2", FILES), 0},
        {"request", "p/3", REQUEST("\"r\"", "3", "2", FILES), ENGINE_E_RECORD},
        {"request", "p/0", REQUEST("\"r\"", "0", "2", FILES), ENGINE_E_RECORD},
        {"request", "p/2", REQUEST("\"no id\"", "2", "2", FILES), ENGINE_E_RECORD},
        {"request", "p/2", REQUEST("\"r\"", "2", "2", "1"), ENGINE_E_RECORD},
        {"request", "p/2", REQUEST("\"r\"", "2", "257", FILES), ENGINE_E_RECORD},
        {"request", "p/2", REQUEST("7", "2", "2", FILES), ENGINE_E_RECORD},
        {"request", "p/2", REQUEST("\"r\"", "-2", "2", FILES), ENGINE_E_RECORD},
        {"request", "p/2", REQUEST("\"r\"", "2", "null", FILES), ENGINE_E_RECORD},
        {"request", "j/1", REQUEST("\"r\"", "1", "1", FILES), ENGINE_E_RECORD},
        {"request", "nowhere/1", REQUEST("\"r\"", "1", "1", FILES), ENGINE_E_RECORD},
    };
    CHECK(*state, rows);
}

static void test_ends(void **state)
{
#define ENDED(session, other, generation, outcome)                             \
    "{\"v\":1,\"syncshell\":\"gone\",\"session\":" session ",\"other\":" other \
    ",\"joiner\":true,\"generation\":" generation ",\"outcome\":" outcome      \
    ",\"cause\":\"expired\"}"
#define E "\"s\""
    static const struct row rows[] = {
        {"ended", "00000000000000000007", ENDED(E, O, "1", "2"), 0},
        {"ended", "00000000000000000000", ENDED(E, O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "7", ENDED(E, O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "0000000000000000000x", ENDED(E, O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "0000000000000000000 ", ENDED(E, O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED("7", O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED(E, "7", "1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", "{\"v\":1,\"syncshell\":\"a b\",\"code\":\"expired\"}",
         ENGINE_E_RECORD},
        {"ended", "99999999999999999999", ENDED(E, O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED("\"a b\"", O, "1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED(E, "\"x\"", "1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED(E, O, "-1", "2"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED(E, O, "1", "4"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", ENDED(E, O, "1", "0"), ENGINE_E_RECORD},
        {"ended", "00000000000000000008", "{\"v\":1}", ENGINE_E_RECORD},
        {"ended", "00000000000000000008", "{\"v\":2}", ENGINE_E_RECORD_NEWER},
    };
    CHECK(*state, rows);
}

/* Every record that a busy life leaves behind, cut short anywhere, is refused and never believed. */
static void test_cut_short(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    files_add(&files, file_partial("a", 100, 1, 50));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    const struct engine_crypto services = stub_crypto_services(&s->station.crypto);
    struct engine *e;
    assert_int_equal(engine_new(&e, &s->station.config, &services), 0);
    for (struct list_node *n = s->station.disk.head.next; n != &s->station.disk.head; n = n->next) {
        const struct disk_record *r = container_of(n, struct disk_record, node);
        for (size_t size = 0; size < r->size; size++)
            assert_int_equal(engine_load_record(e, r->kind, r->key, r->value, size),
                             ENGINE_E_RECORD);
    }
    engine_free(e);
}

/* Loaded and written again, a journal says the same. */
static void test_round_trip(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    files_add(&files, file_done("done", "ABcd", 100));
    files_add(&files, file_partial("part", 100, 1, 50));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    struct body_session_entry entry;
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_PROGRESS), &entry);
    assert_int_equal(entry.files.n_files, 2);
    const struct body_file *done = files_find(&entry.files, "done");
    assert_string_equal(done->hash, "ABcd");
    assert_true(done->done);
    assert_int_equal(files_find(&entry.files, "part")->ranges[0].end, 50);
    body_session_entry_deinit(&entry);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_LABEL), "label");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_any_kind),
        SCENE_TEST(test_syncshells),
        SCENE_TEST(test_too_many_operations),
        SCENE_TEST(test_sessions),
        SCENE_TEST(test_files),
        SCENE_TEST(test_manifests_and_requests),
        SCENE_TEST(test_ends),
        SCENE_TEST(test_cut_short),
        SCENE_TEST(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
