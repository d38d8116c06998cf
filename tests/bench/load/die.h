/* The load generator has nothing to save: whatever goes wrong ends it, with a line that says what. */
#ifndef TESTS_BENCH_LOAD_DIE_H
#define TESTS_BENCH_LOAD_DIE_H

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
