#include "app/backup_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/store_sqlite/backup.h"
#include "adapters/store_sqlite/restore.h"

enum { ERROR_SIZE = 2048 };

int backup_command(const char *store_path, const char *file)
{
    char error[ERROR_SIZE];
    uint64_t bytes = 0;

    if (backup_write(store_path, file, &bytes, error, sizeof error) < 0) {
        fprintf(stderr, "syncshell-relay: %s\n", error);
        return EXIT_FAILURE;
    }
    printf("Saved %s as %s, %" PRIu64 " bytes.\n", store_path, file, bytes);
    return EXIT_SUCCESS;
}

int restore_command(const char *store_path, const char *file)
{
    char error[ERROR_SIZE];
    char kept[RESTORE_PATH_MAX];

    if (restore_file(store_path, file, kept, error, sizeof error) < 0) {
        fprintf(stderr, "syncshell-relay: %s\n", error);
        return EXIT_FAILURE;
    }
    printf(
        "Restored %s from %s. Clients hear that the store is older than they remember, and send again what it lacks.\n",
        store_path, file);
    if (*kept)
        printf("What was there before is kept as %s.\n", kept);
    return EXIT_SUCCESS;
}
