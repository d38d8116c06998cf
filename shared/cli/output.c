#include "cli/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Waits until a piece of PIPE_BUF can be written without blocking: POSIX promises that after POLLOUT on a pipe. */
static int wait_writable(const struct output *output)
{
    struct pollfd polled[] = {
        {.fd = output->fd, .events = POLLOUT},
        {.fd = output->stop_fd, .events = POLLIN},
    };

    while (poll(polled, 2, -1) < 0)
        if (errno != EINTR)
            return -errno;
    if (!polled[0].revents)
        return -ECANCELED;
    return 0;
}

static int write_all(const struct output *output, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n;
        int r;

        if ((r = wait_writable(output)))
            return r;
        n = write(output->fd, text, length < PIPE_BUF ? length : PIPE_BUF);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (n > 0) {
            text += n;
            length -= (size_t)n;
        }
    }
    return 0;
}

int output_line(struct output *output, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t length;
    int r;

    json_decref(object);
    if (!text)
        return -ENOMEM;
    length = strlen(text);
    text[length] = '\n'; /* in place of the NUL: a line goes out in one piece where it fits */
    r = write_all(output, text, length + 1);
    free(text);
    return r;
}
