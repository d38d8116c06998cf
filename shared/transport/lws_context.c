#include "transport/lws_context.h"

#include <pthread.h>
#include <signal.h>

/* The lock is what the process-wide things above need; it has no state of a client in it. */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;

struct lws_context *lws_context_new(const struct lws_context_creation_info *info)
{
    struct sigaction before;
    struct lws_context *context;
    int known;

    (void)pthread_mutex_lock(&process_lock);
    lws_set_log_level(0, NULL);
    known = sigaction(SIGPIPE, NULL, &before) == 0;
    context = lws_create_context(info);
    if (known)
        (void)sigaction(SIGPIPE, &before, NULL);
    (void)pthread_mutex_unlock(&process_lock);
    return context;
}
