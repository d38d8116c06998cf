/* What the libraries below do to the whole process, which belongs to somebody else, kept harmless.
 *
 * - libwebsockets ignores SIGPIPE, logs to stderr what it logs without a context, and registers an index with OpenSSL the first
 *   time: about 120 bytes that stay each time that this library is loaded, for OpenSSL is never unloaded. So contexts are made
 *   one after the other, and the host's handling of SIGPIPE is put back. (Our thread blocks the signal instead.)
 * - OpenSSL tears itself down in exit(), below the feet of a thread that still uses it: a host that ends without freeing its
 *   client would crash. Whoever uses OpenSSL first in a process decides; if it is us, it stays up until the end. */
#ifndef SHARED_TRANSPORT_PROCESS_H
#define SHARED_TRANSPORT_PROCESS_H

#include <libwebsockets.h>

void process_prepare(void); /* before anything else */

struct lws_context *
process_make_context(const struct lws_context_creation_info *info); /* NULL when it fails */

#endif
