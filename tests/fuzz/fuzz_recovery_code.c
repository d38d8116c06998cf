/* A recovery code as somebody typed it. What is accepted must be shown and read as the same code. */
#include "fuzz.h"

#include <string.h>

#include "wire/recovery_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char shown[RECOVERY_CODE_SHOWN_SIZE];
    struct recovery_code code;
    struct recovery_code again;
    int r = recovery_code_read(&code, (const char *)data, size);

    if (r) {
        fuzz_check(r == RECOVERY_CODE_E_FORM || r == RECOVERY_CODE_E_CHECK);
        return 0;
    }
    fuzz_check(recovery_code_valid(code.text, strlen(code.text)));
    recovery_code_show(&code, shown);
    fuzz_check(recovery_code_read(&again, shown, strlen(shown)) == 0);
    fuzz_check(strcmp(code.text, again.text) == 0);
    return 0;
}
