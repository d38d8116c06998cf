#define _GNU_SOURCE /* SOCK_CLOEXEC */

#include "app/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 1024 };

/* "/run/systemd/notify", or "@name" for a socket without a file. */
static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((*name != '/' && *name != '@') || length < 2 || length >= sizeof address.sun_path)
        return -EINVAL;
    memcpy(address.sun_path, name, length);
    if (*name == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* WATCHDOG_PID says for whom WATCHDOG_USEC is: a parent of ours may have kept it for itself. */
static uint64_t watchdog_us(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    const char *us = getenv("WATCHDOG_USEC");
    if (!us || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoull(us, NULL, 10);
}

int notify_init(struct notify *ret_notify)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *ret_notify = (struct notify){.fd = -1};
    if (!name || !*name)
        return 0;
    int fd = connect_to(name);
    if (fd < 0)
        return fd;
    ret_notify->fd = fd;
    ret_notify->watchdog_us = watchdog_us();
    return 0;
}

void notify_deinit(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    if (n->fd < 0)
        return;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof message)
        (void)send(n->fd, message, (size_t)length, MSG_NOSIGNAL);
}
