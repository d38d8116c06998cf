#include "app/address_text.h"

#include <arpa/inet.h>
#include <string.h>

bool address_from_text(const char *text, size_t size, struct address *ret_address)
{
    struct address a = {.bytes = {[10] = 0xff, [11] = 0xff}};
    char copy[ADDRESS_TEXT_SIZE];
    if (size >= sizeof copy || memchr(text, '\0', size))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (inet_pton(AF_INET, copy, a.bytes + ADDRESS_V4_OFFSET) != 1 &&
        inet_pton(AF_INET6, copy, a.bytes) != 1)
        return false;
    *ret_address = a;
    return true;
}

void address_to_text(const struct address *a, char *ret_text)
{
    bool v4 = address_is_v4(a);
    *ret_text = '\0';
    (void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->bytes + ADDRESS_V4_OFFSET : a->bytes, ret_text,
                    ADDRESS_TEXT_SIZE);
}
