#include "transport/process.h"

#include <pthread.h>
#include <signal.h>

#include <openssl/crypto.h>

/* The lock is what the process-wide things above need; it has no state of a client in it. */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;

void process_prepare(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT,
                              NULL); /* no memory: the first use will say so */
}

struct lws_context *process_make_context(const struct lws_context_creation_info *info)
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
