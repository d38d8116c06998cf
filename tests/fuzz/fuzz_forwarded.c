/* X-Forwarded-For of a trusted proxy. Whoever is found behind it is a well-formed address and not the proxy's invention: what
 * a client puts in front of the last hop changes nothing. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "app/address_text.h"
#include "app/proxy.h"

enum { TEXT_SIZE = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const trusted[] = {"10.0.0.0/8", "fd00::/8", NULL};
    const struct address peer = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, 1}};
    const struct address stranger = {.bytes = {[10] = 0xff, 0xff, 192, 0, 2, 7}};
    char text[TEXT_SIZE];
    char appended[TEXT_SIZE + 32];
    struct proxies proxies;
    struct address client;
    int r;

    if (size >= sizeof(text) || memchr(data, '\0', size))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)proxy_block_fault(text);
    fuzz_check(proxies_init(&proxies, trusted) == 0);
    r = proxies_client(&proxies, &peer, text, &client);
    fuzz_check(r >= 0 && (r == 0 || memcmp(&client, &peer, sizeof(client)) == 0));
    fuzz_check((r == PROXY_E_MISSING) == (size == 0));
    snprintf(appended, sizeof(appended), "%s, 192.0.2.7:1, fd00::7", text);
    fuzz_check(proxies_client(&proxies, &peer, appended, &client) == 0);
    fuzz_check(memcmp(&client, &stranger, sizeof(client)) == 0);
    proxies_deinit(&proxies);
    return 0;
}
