/* What the measured server's process has used so far. Zeros when there is no such process. */
#ifndef TESTS_BENCH_LOAD_SERVER_H
#define TESTS_BENCH_LOAD_SERVER_H

#include <stdint.h>
#include <sys/types.h>

uint64_t clock_ns(void); /* monotonic */

uint64_t server_cpu_ns(pid_t pid); /* all threads, user and kernel */
uint64_t server_resident_bytes(pid_t pid);

#endif
