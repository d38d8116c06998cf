#include "app/explain_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/store_sqlite/story.h"
#include "app/log.h"
#include "base/str.h"
#include "wire/cause.h"

enum { ERROR_SIZE = 1024, TIME_SIZE = 24, MS_PER_S = 1000 };

struct telling {
    struct story_session session;
    bool any; /* session */
    bool attempts;
};

static const char *time_text(int64_t unix_ms, char ret_text[TIME_SIZE])
{
    time_t seconds = (time_t)(unix_ms / MS_PER_S);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(ret_text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)snprintf(ret_text, TIME_SIZE, "?");
    return ret_text;
}

/* What is to be done about the last trouble is said once, behind all that led there. */
static void end_session(const struct telling *t)
{
    const struct story_session *s = &t->session;
    char when[TIME_SIZE];
    if (!t->any)
        return;
    if (!t->attempts)
        puts("  Nobody has reported an attempt.");
    if (str_equal(s->state, "open"))
        printf("  It is open, and expires at %s if nothing happens until then.\n",
               time_text(s->expires_unix_ms, when));
    else
        printf("  It was closed as %s, and is remembered until %s.\n", s->outcome,
               time_text(s->expires_unix_ms, when));
    if (*s->cause.text)
        printf("  Why it is not well: %s (%s)\n  What to do: %s\n", cause_sentence(s->cause.text),
               s->cause.text, cause_advice(s->cause.text));
    else if (!str_equal(s->outcome, "completed"))
        puts("  Nothing is known to be wrong.");
}

static void tell_session(void *userdata, const struct story_session *s)
{
    struct telling *t = userdata;
    char joiner[LOG_PEER_SIZE], provider[LOG_PEER_SIZE];
    end_session(t);
    *t = (struct telling){.session = *s, .any = true};
    printf("Session %s of the syncshell %s\n", s->recovery_session_id.text, s->syncshell_id.text);
    printf("  %s receives files from %s. The last attempt has generation %" PRIu64 ".\n",
           log_peer(s->joiner_peer_id.text, joiner), log_peer(s->provider_peer_id.text, provider),
           s->generation);
}

static void tell_attempt(void *userdata, const struct story_attempt *a)
{
    struct telling *t = userdata;
    char when[TIME_SIZE], peer[LOG_PEER_SIZE];
    bool joiner = str_equal(a->peer_id.text, t->session.joiner_peer_id.text);
    t->attempts = true;
    printf("  %s generation %" PRIu64 ", attempt %" PRIu64 ": %s, the %s, ",
           time_text(a->at_unix_ms, when), a->generation, a->attempt,
           log_peer(a->peer_id.text, peer), joiner ? "receiver" : "sender");
    printf(a->connected ? "had a link after %" PRIu64 ".%03" PRIu64 " s"
                        : "had none after %" PRIu64 ".%03" PRIu64 " s",
           a->elapsed_ms / MS_PER_S, a->elapsed_ms % MS_PER_S);
    if (*a->ice_server)
        printf(", by %s", a->ice_server);
    if (a->connected)
        puts(".");
    else
        printf(": %s (%s)\n", cause_sentence(a->cause.text), a->cause.text);
}

int explain_command(const char *store_path, const char *session_id)
{
    struct telling t = {0};
    const struct story_reader reader = {
        .userdata = &t, .session = tell_session, .attempt = tell_attempt};
    char error[ERROR_SIZE];
    int n = story_read(store_path, session_id, &reader, error, sizeof error);
    end_session(&t);
    if (n < 0)
        fprintf(stderr, "syncshell-relay: %s\n", error);
    else if (n == 0)
        fprintf(stderr,
                "syncshell-relay: no session %s is known; a closed one is forgotten after "
                "timing.tombstone_ttl_hours\n",
                session_id);
    else if (n == STORY_SESSIONS_MAX)
        puts("There may be more: give more of the id.");
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
