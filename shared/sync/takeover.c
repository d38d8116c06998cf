#include "sync/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sync/hash.h"
#include "sync/link.h"
#include "sync/transfer.h"

enum { DEVICE_DIGITS = 8, FILE_MODE = 0666 };

static const char MARK[] = "session", NEW_MARK[] = "session.new"; /* in the private subfolder */

static bool is_stray(const struct takeover *takeover, const char *session_id)
{
    return g_str_has_prefix(session_id, TRANSFER_SESSION_PREFIX) &&
           !g_str_has_prefix(session_id, takeover->own_prefix);
}

static void mark_read(struct takeover *takeover)
{
    int directory = folder_open_private(&takeover->app->folder);
    int fd = directory < 0 ? -1 : openat(directory, MARK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, takeover->marked, sizeof(takeover->marked) - 1);

    takeover->marked[size > 0 ? size : 0] = '\0';
    if (!is_stray(takeover, takeover->marked))
        takeover->marked[0] = '\0';
    if (fd >= 0)
        close(fd);
    if (directory >= 0)
        close(directory);
}

/* Complete or not at all. */
static int mark_put(int directory, const char *session_id)
{
    size_t length = strlen(session_id);
    int fd = openat(directory, NEW_MARK, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    FILE_MODE);
    bool written;

    if (fd < 0)
        return -errno;
    written = write(fd, session_id, length) == (ssize_t)length && fsync(fd) == 0;
    if (close(fd) || !written)
        return -EIO;
    return renameat(directory, NEW_MARK, directory, MARK) ? -errno : 0;
}

static void mark_write(struct takeover *takeover, const char *session_id)
{
    int directory = folder_open_private(&takeover->app->folder);
    int r = directory < 0 ? directory : mark_put(directory, session_id);

    if (directory >= 0)
        close(directory);
    g_strlcpy(takeover->marked, session_id, sizeof(takeover->marked));
    if (r)
        output_failure(
            "Which session goes on here cannot be written down (%s): after a restart it begins anew.",
            g_strerror(-r));
}

int takeover_init(struct takeover *takeover, struct app *app)
{
    char own_id[SYNCSHELL_PEER_ID_SIZE], digest[HASH_TEXT_SIZE];

    *takeover = (struct takeover){
        .app = app, .strays = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
    if (syncshell_client_peer_id(app->client, own_id, sizeof(own_id)) || hash_text(own_id, digest))
        return -EIO;
    g_snprintf(takeover->own_prefix, sizeof(takeover->own_prefix), TRANSFER_SESSION_PREFIX "%.*s-",
               DEVICE_DIGITS, digest);
    mark_read(takeover);
    return 0;
}

void takeover_deinit(struct takeover *takeover)
{
    if (takeover->strays)
        g_hash_table_unref(takeover->strays);
}

bool takeover_takes(struct takeover *takeover, const char *session_id, const char *peer_id)
{
    if (!is_stray(takeover, session_id))
        return false;
    if (strcmp(takeover->marked, session_id) == 0)
        return true;
    if (takeover->ticket) { /* all others were told before we asked */
        mark_write(takeover, session_id);
        return true;
    }
    g_hash_table_replace(takeover->strays, g_strdup(session_id), g_strdup(peer_id));
    return false;
}

bool takeover_redeem(struct takeover *takeover, const char *syncshell_id)
{
    const char *code = takeover->app->options->code;
    int32_t error;

    if (!code || takeover->asked)
        return code != NULL;
    takeover->asked = true;
    do
        error = syncshell_client_redeem_code(takeover->app->client, syncshell_id, code,
                                             SYNCSHELL_ZERO_TERMINATED, &takeover->ticket);
    while (link_busy_pause(error));
    if (error) {
        output_failure(
            "%s (%s).",
            error == SYNCSHELL_E_CODE
                ? "This is no recovery code: compare each letter and digit with what the other device shows"
                : "The recovery code cannot be redeemed",
            syncshell_error_name(error));
        app_quit(takeover->app, 1);
    }
    return true;
}

bool takeover_answered(struct takeover *takeover, const syncshell_event *event,
                       const char **ret_session_id, const char **ret_peer_id)
{
    const char *session_id = app_text(event, SYNCSHELL_FIELD_SESSION_ID);
    gpointer key = NULL, value = NULL;

    takeover->ticket = 0;
    if (syncshell_event_get_type(event) != SYNCSHELL_EVENT_CODE_REDEEMED)
        return false;
    if (!is_stray(takeover, session_id)) {
        output_failure(
            "The code is this device's own, or of another program: fetch without it (%s).",
            session_id);
        app_quit(takeover->app, 1);
        return false;
    }
    if (strcmp(takeover->marked, session_id) != 0)
        mark_write(takeover, session_id); /* if it was not told yet, it is known by that */
    if (!g_hash_table_lookup_extended(takeover->strays, session_id, &key, &value))
        return false;
    *ret_session_id = key;
    *ret_peer_id = value;
    return true;
}

void takeover_over(struct takeover *takeover)
{
    int directory;

    if (!*takeover->marked)
        return;
    directory = folder_open_private(&takeover->app->folder);
    if (directory < 0)
        return;
    unlinkat(directory, MARK, 0);
    close(directory);
    takeover->marked[0] = '\0';
}
