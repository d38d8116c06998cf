#include "recovery_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void come_back(struct scene *s, bool joiner, uint64_t version)
{
    const struct message_session_summary summary = scene_summary(s, joiner, 0, version);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
}

void restart(struct scene *s, bool joiner, uint64_t version)
{
    scene_restart(s);
    come_back(s, joiner, version);
}

void report(struct scene *s, struct body_file_list *files)
{
    station_report(&s->station, SCENE_SESSION, files);
    scene_settle(s);
}

void store_entry(struct scene *s, enum message_type type)
{
    const struct message *m = scene_hear(s, type);
    struct wire_id id = m->session_entry.message_id;
    scene_stored_version(s, &id, m->session_entry.base_version + 1);
}

void ask(struct scene *s, uint64_t ticket)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_request_recovery(st->engine, s->now_us, ticket, SCENE_SESSION));
    scene_settle(s);
}

void manifest(struct scene *s, uint64_t ticket, struct body_file_list *files)
{
    struct station *st = &s->station;
    STATION_CALL(st,
                 engine_session_set_manifest(st->engine, s->now_us, ticket, SCENE_SESSION, files));
    scene_settle(s);
}

struct body_file wanted(const char *path, const char *hash, uint64_t size_bytes)
{
    struct body_file f = file_done(path, hash, size_bytes);
    f.done = false;
    return f;
}

void manifest_abc(struct scene *s)
{
    struct body_file_list files = {0};
    files_add(&files, wanted("a", "aa", 10));
    files_add(&files, wanted("b", "bb", 20));
    files_add(&files, wanted("c", "cc", 30));
    manifest(s, 30, &files);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_MANIFEST_SAVED);
    assert_int_equal(event_ticket(e), 30);
}

void ack(struct scene *s, uint64_t inbox_seq)
{
    const struct message_ack_inbox *m = &scene_hear(s, MESSAGE_ACK_INBOX)->ack_inbox;
    assert_int_equal(m->inbox_seq, inbox_seq);
    scene_stored(s, &m->message_id);
}
