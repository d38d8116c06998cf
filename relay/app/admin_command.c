#include "app/admin_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/admin_client.h"

enum { ANSWER_MAX = 1024 * 1024 };

int health_command(const char *store_path)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    int status = admin_ask(store_path, "GET", "/readyz", &body);
    if (status > 0)
        fputs((const char *)body.data, status == 200 ? stdout : stderr);
    buf_deinit(&body);
    return status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int reload_command(const char *store_path)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    int status = admin_ask(store_path, "POST", "/reload", &body);
    if (status == 200)
        printf("Reloaded.\n%s", (const char *)body.data);
    else if (status > 0)
        fprintf(stderr, "Nothing has changed:\n%s", (const char *)body.data);
    buf_deinit(&body);
    return status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}
