#include "app/admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "adapters/admin_http/control_socket.h"

enum { TIMEOUT_S = 10, REQUEST_SIZE = 512, PIECE_SIZE = 16384 };

static int complain(const char *store_path, int error)
{
    if (error == -ENOENT || error == -ECONNREFUSED)
        fprintf(stderr, "syncshell-relay: no relay runs on %s\n", store_path);
    else if (error == -EAGAIN)
        fprintf(stderr, "syncshell-relay: the relay on %s does not answer\n", store_path);
    else
        fprintf(stderr, "syncshell-relay: the relay on %s cannot be asked: %s\n", store_path,
                strerror(-error));
    return error;
}

static int send_request(int fd, const char *method, const char *path)
{
    char request[REQUEST_SIZE];
    int n =
        snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: relay\r\n\r\n", method, path);
    return send(fd, request, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -errno;
}

static int receive(int fd, struct buf *out)
{
    char piece[PIECE_SIZE];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        int r = buf_append(out, piece, (size_t)n);
        if (r != 0)
            return r < 0 ? r : -EMSGSIZE;
    }
    return n < 0 ? -errno : buf_append(out, "", 1);
}

static int exchange(int fd, const char *method, const char *path, struct buf *ret_text)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0)
        return -errno;
    int r = send_request(fd, method, path);
    return r == 0 ? receive(fd, ret_text) : r;
}

/* "HTTP/1.1 200 OK", headers, an empty line, and the body, which moves to the front. */
static int take_answer(struct buf *text)
{
    const char *head = (const char *)text->data;
    const char *end = strstr(head, "\r\n\r\n");
    const char *space = strchr(head, ' ');
    if (!end || !space || space > end)
        return -EPROTO;
    int status = (int)strtol(space + 1, NULL, 10);
    size_t at = (size_t)(end - head) + 4;
    memmove(text->data, text->data + at, text->size - at);
    text->size -= at;
    return status > 0 ? status : -EPROTO;
}

int admin_ask(const char *store_path, const char *method, const char *path, struct buf *ret_body)
{
    int fd = -1;
    int r = control_socket_connect(store_path, &fd);
    if (r == 0)
        r = exchange(fd, method, path, ret_body);
    if (fd >= 0)
        close(fd);
    if (r == 0)
        r = take_answer(ret_body);
    return r < 0 ? complain(store_path, r) : r;
}
