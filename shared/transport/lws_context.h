/* Makes libwebsockets contexts and undoes what that does to the whole process, which belongs to somebody else.
 *
 * Three things of libwebsockets are global: it ignores SIGPIPE, it logs to stderr what it logs without a context, and it
 * registers an index with OpenSSL the first time. So contexts are made one after the other, and the host's handling of
 * SIGPIPE is put back. (Our thread blocks the signal instead.) */
#ifndef SHARED_TRANSPORT_LWS_CONTEXT_H
#define SHARED_TRANSPORT_LWS_CONTEXT_H

#include <libwebsockets.h>

struct lws_context *
lws_context_new(const struct lws_context_creation_info *info); /* NULL when it fails */

#endif
