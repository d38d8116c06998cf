#include "app/admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/admin_http/control_socket.h"
#include "app/options.h"

static int complain(const char *store_path, int error)
{
    if (error == -ENOENT || error == -ECONNREFUSED)
        fprintf(stderr, "syncshell-relay: no relay runs on %s " OPTIONS_WHICH_SETTINGS "\n",
                store_path);
    else if (error == -EAGAIN)
        fprintf(stderr, "syncshell-relay: the relay on %s does not answer\n", store_path);
    else
        fprintf(stderr, "syncshell-relay: the relay on %s cannot be asked: %s\n", store_path,
                strerror(-error));
    return error;
}

int admin_ask(const char *store_path, const char *method, const char *path, struct buf *ret_body)
{
    int r = control_socket_ask(store_path, method, path, ret_body);
    return r < 0 ? complain(store_path, r) : r;
}
