#define _GNU_SOURCE /* asprintf, O_PATH, SOCK_CLOEXEC */

#include "adapters/admin_http/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16 };

/* A socket's address has 108 bytes, a path up to 4096. So it is named from its folder's descriptor, which the address holds
 * as /proc/self/fd/N: the folder stays open while the address is in use. */
struct place {
    int folder;
    struct sockaddr_un address;
};

static int place_open(struct place *ret_place, const char *store_path)
{
    struct place p = {.folder = -1, .address = {.sun_family = AF_UNIX}};
    char *copy = strdup(store_path);
    const char *slash = strrchr(store_path, '/');
    if (!copy)
        return -ENOMEM;
    p.folder = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = p.folder < 0 ? -errno : 0;
    free(copy);
    if (r < 0)
        return r;
    int n = snprintf(p.address.sun_path, sizeof p.address.sun_path, "/proc/self/fd/%d/%s.admin",
                     p.folder, slash ? slash + 1 : store_path);
    if ((size_t)n >= sizeof p.address.sun_path) {
        close(p.folder);
        return -ENAMETOOLONG;
    }
    *ret_place = p;
    return 0;
}

static int new_socket(int *ret_fd, int flags)
{
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    return *ret_fd < 0 ? -errno : 0;
}

/* Nobody can connect before listen(), so nobody does while the file has the mode of the umask. */
static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return -errno;
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        chmod(address->sun_path, 0600) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

int control_socket_listen(const char *store_path, int *ret_fd)
{
    struct place p;
    int fd = -1;
    int r = place_open(&p, store_path);
    if (r < 0)
        return r;
    r = new_socket(&fd, SOCK_NONBLOCK);
    if (r == 0)
        r = bind_and_listen(fd, &p.address);
    close(p.folder);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void control_socket_remove(const char *store_path)
{
    char *name = NULL;
    if (asprintf(&name, "%s.admin", store_path) < 0)
        return;
    (void)unlink(name); /* the next relay would replace it */
    free(name);
}

int control_socket_connect(const char *store_path, int *ret_fd)
{
    struct place p;
    int fd = -1;
    int r = place_open(&p, store_path);
    if (r < 0)
        return r;
    r = new_socket(&fd, 0);
    if (r == 0 && connect(fd, (const struct sockaddr *)&p.address, sizeof p.address) < 0)
        r = -errno;
    close(p.folder);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}
