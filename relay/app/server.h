/* The relay put together: loop, listener, core and store, and the effects that travel between them.
 *
 * Everything runs on the loop's thread. A turn: libwebsockets and the store's waker feed the core; after each input the
 * core's effects are carried out (a frame to write, an operation to store, a line to log); at the end of the turn the
 * store gets the turn's operations together, so that they share a commit, and what wants to be written is written. */
#ifndef RELAY_APP_SERVER_H
#define RELAY_APP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/log.h"
#include "app/setting.h"
#include "base/buf.h"

struct server;

/* Called on SIGHUP: reads the configuration again. 0 and new settings (the server takes them), or positive with a line of
 * `faults` for each thing that is wrong, or negative: the old settings stay, and the server logs why. */
typedef int (*server_reload_fn)(void *userdata, struct settings *ret_settings, struct buf *faults);

/* Opens store and listener. Takes nothing: `settings` and `log` must outlive the server; a reload changes the log's level and
 * format. On failure `ret_error` has a sentence for the operator. 0 or negative errno. */
int server_new(struct server **ret_server, const struct settings *settings, struct log *log,
               server_reload_fn reload, void *reload_userdata, char *ret_error, size_t error_size);

/* "ws://127.0.0.1:8787", with the port that was really taken. */
const char *server_url(const struct server *s);

/* Until SIGTERM or SIGINT, and the drain after it. 0 or negative errno. */
int server_run(struct server *s);

/* Closes every connection, then commits what is queued. False: the disk does not answer. Then there is nothing left to do but to end
 * the process: what was acknowledged is on the disk, and server_free() would wait. */
bool server_stop(struct server *s);

/* Always NULL. */
struct server *server_free(struct server *s);

#endif
