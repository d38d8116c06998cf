#define _GNU_SOURCE /* nftw */
#include "app/doctor/rehearsal.h"

#include <ftw.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/doctor/interruption.h"
#include "app/doctor/member.h"
#include "app/doctor/pass.h"
#include "app/doctor/script.h"
#include "base/str.h"

enum { PATH_SIZE = 4096 - 16, FOLDERS_OPEN_MAX = 8 };

/* ---- the members' folder ---- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static bool make_folder_in(const char *parent, char ret_path[PATH_SIZE])
{
    int n = snprintf(ret_path, PATH_SIZE, "%s/syncshell-doctor-XXXXXX", parent);
    return n > 0 && n < PATH_SIZE && mkdtemp(ret_path) != NULL;
}

/* In a container nothing but the database's folder may be writable. */
static bool make_folder(const char *store_path, char ret_path[PATH_SIZE])
{
    const char *chosen = getenv("TMPDIR");
    if ((chosen && make_folder_in(chosen, ret_path)) || make_folder_in("/tmp", ret_path))
        return true;
    char *copy = strdup(store_path);
    bool made = copy && make_folder_in(dirname(copy), ret_path);
    free(copy);
    return made;
}

/* ---- what came of it ---- */

static const char *advice(const struct script *s)
{
    if (!s->reached)
        return "Let the proxy in front pass WebSocket on (man syncshell-relay.toml has nginx's lines), and "
               "look whether it leads to this relay's port.";
    if (str_equal(s->code, "bad_origin"))
        return "Write the URL into public.urls as members write it, and restart the relay.";
    if (str_equal(s->code, "bad_access_key") || str_equal(s->code, "unknown_session"))
        return "The name leads to another relay than the one of store.path: correct the name, the proxy, or "
               "store.path.";
    if (str_equal(s->code, "create_refused"))
        return "The running relay has other settings than doctor: restart it, or give doctor the same.";
    if (str_equal(s->code, "store_full") || str_equal(s->code, "store_unavailable"))
        return "Make room on the database's disk, and look at the relay's log.";
    return "The relay's log says more, around this time.";
}

static void tell_failure(struct examination *x, const char *url, const struct script *s)
{
    if (!s->reached)
        examination_fault(x, advice(s), "%s does not lead to a relay.", url);
    else if (*s->code)
        examination_fault(x, advice(s), "A recovery through %s failed at %s: %s (%s).", url,
                          s->step, *s->message ? s->message : "the relay ended the connection",
                          s->code);
    else
        examination_fault(x, advice(s), "A recovery through %s failed at %s: nothing came in time.",
                          url, s->step);
}

static void rehearse(struct examination *x, const char *url, const char *folder,
                     const char *access_key)
{
    struct script script = {
        .options = {.url = url, .ca_file = x->ca_file, .access_key = access_key},
        .folder = folder,
        .store_path = x->settings->store_path};
    bool well = script_run(&script);
    if (well)
        examination_well("%s leads to this relay; a recovery through it took %" PRId64 " ms.", url,
                         script.recovered_ms);
    else if (interruption_came())
        examination_note("Interrupted at %s.", script.step);
    else
        tell_failure(x, url, &script);
    if (script.left_behind)
        examination_note("The syncshell %s of this examination could not be deleted.",
                         script.syncshell_id);
}

/* Nobody may create a syncshell: that much can be heard through the URL. */
static void knock(struct examination *x, const char *url, const char *folder)
{
    struct script script = {.options = {.url = url, .ca_file = x->ca_file},
                            .folder = folder,
                            .store_path = x->settings->store_path};
    if (!script_run(&script) && !str_equal(script.code, "create_refused")) {
        if (!interruption_came())
            tell_failure(x, url, &script);
        return;
    }
    examination_well("%s leads to a relay.", url);
    examination_note(
        "Nobody may create syncshells (create.policy), not even doctor: no recovery was "
        "tried.");
}

static void rehearse_with_pass(struct examination *x, const char *url, const char *folder)
{
    struct pass pass;
    char error[EXAMINATION_ERROR_SIZE];
    if (pass_take(&pass, x->settings->store_path, error, sizeof error) != 0) {
        examination_fault(x, "Run doctor as the relay's user or as root.",
                          "No access key can be made for a recovery: %s.", error);
        return;
    }
    rehearse(x, url, folder, pass.key);
    if (pass_give_back(&pass) != 0)
        examination_note(
            "The access key \"%s\" of this examination could not be removed; it expires "
            "in ten minutes.",
            PASS_NAME);
}

void rehearsal_examine(struct examination *x, const char *url)
{
    char folder[PATH_SIZE];
    interruption_hold();
    if (!make_folder(x->settings->store_path, folder)) {
        examination_fault(x,
                          "Name one that can be written to: TMPDIR=/folder syncshell-relay doctor",
                          "There is no folder for a recovery's two members.");
        interruption_let();
        return;
    }
    switch (config_create_policy(x->settings)) {
    case CREATE_POLICY_ACCESS_KEY:
        rehearse_with_pass(x, url, folder);
        break;
    case CREATE_POLICY_OPEN:
        rehearse(x, url, folder, NULL);
        break;
    case CREATE_POLICY_NOBODY:
    case CREATE_POLICY_AUTO:
        knock(x, url, folder);
        break;
    }
    (void)nftw(folder, remove_entry, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    interruption_let();
}
