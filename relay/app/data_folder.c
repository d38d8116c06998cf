#include "app/data_folder.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int data_folder_make(const char *store_path)
{
    char *copy = strdup(store_path);
    if (!copy)
        return -ENOMEM;
    const char *folder = dirname(copy);
    int r = mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
    if (r < 0)
        fprintf(stderr, "syncshell-relay: store.path: cannot create the folder %s: %s\n", folder,
                strerror(-r));
    free(copy);
    return r;
}
