/* What this process takes of the machine. */
#ifndef RELAY_APP_USAGE_H
#define RELAY_APP_USAGE_H

#include <stdint.h>

struct usage {
    uint64_t cpu_us;
    uint64_t resident_bytes;
    uint64_t open_descriptors;
    uint64_t descriptors_max;
    uint64_t database_bytes;
    uint64_t log_bytes;  /* of the database's write-ahead log */
    uint64_t free_bytes; /* that the database's file system has left for us */
};

/* 0 stands for what the system does not tell. */
void usage_read(struct usage *ret_usage, const char *store_path);

#endif
