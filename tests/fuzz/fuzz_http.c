/* A request to the operator's HTTP. Whatever comes gets a request that is in form, or the status of its refusal. */
#include "fuzz.h"

#include <string.h>

#include "adapters/admin_http/http_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request r;
    int status = http_request_parse(&r, (const char *)data, size);
    fuzz_check(status == 0 || (status >= 400 && status < 600));
    if (status == 0) {
        fuzz_check(r.path[0] == '/' && strlen(r.path) < sizeof r.path);
        fuzz_check(strchr(r.path, ' ') == NULL && strchr(r.path, '?') == NULL);
        fuzz_check(strlen(r.authorization) < sizeof r.authorization);
        fuzz_check(r.method == HTTP_GET || r.method == HTTP_HEAD || r.method == HTTP_POST);
    }
    return 0;
}
