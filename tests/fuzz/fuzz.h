/* What the fuzzers share. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer's entry point (llvm.org, "libFuzzer: a library for coverage-guided fuzz testing"). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert(), checks in every kind of build. */
static inline void fuzz_check(int holds)
{
    if (!holds)
        abort();
}

#endif
