/* glibc's getaddrinfo_a(), for programs under the thread sanitizer. glibc makes its own threads behind the sanitizer's back,
 * which ends the program at the first thing that such a thread does; these are made in sight of it.
 *
 * One request per call, no notice, no cancelling: what shared/transport/resolver.c asks for. */
#define _GNU_SOURCE /* getaddrinfo_a */

#include <netdb.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

static void *look_up(void *userdata)
{
    struct gaicb *request = userdata;
    struct addrinfo *found = NULL;
    int r = getaddrinfo(request->ar_name, request->ar_service, request->ar_request, &found);

    (void)pthread_mutex_lock(&lock);
    request->ar_result = found;
    request->__return = r;
    (void)pthread_cond_broadcast(&answered);
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

int getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *notice)
{
    pthread_t thread;

    if (mode != GAI_NOWAIT || n != 1 || notice)
        return EAI_SYSTEM;
    list[0]->__return = EAI_INPROGRESS;
    if (pthread_create(&thread, NULL, look_up, list[0]) != 0)
        return EAI_AGAIN;
    (void)pthread_detach(thread);
    return 0;
}

int gai_error(struct gaicb *request)
{
    int r;

    (void)pthread_mutex_lock(&lock);
    r = request->__return;
    (void)pthread_mutex_unlock(&lock);
    return r;
}

int gai_cancel(struct gaicb *request)
{
    return gai_error(request) == EAI_INPROGRESS ? EAI_NOTCANCELED : EAI_ALLDONE;
}

int gai_suspend(const struct gaicb *const list[], int n, const struct timespec *patience)
{
    (void)patience;
    (void)pthread_mutex_lock(&lock);
    while (n == 1 && list[0]->__return == EAI_INPROGRESS)
        (void)pthread_cond_wait(&answered, &lock);
    (void)pthread_mutex_unlock(&lock);
    return 0;
}
