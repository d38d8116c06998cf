#define _GNU_SOURCE
#include "bench/floor/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/floor/connection.h"
#include "bench/floor/signatures.h"

#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { KEY_CHARS = 24 };

static void answer(struct connection *c, const char *key)
{
    char text[KEY_CHARS + sizeof WEBSOCKET_GUID];
    unsigned char hash[SHA_DIGEST_LENGTH];
    unsigned char accept[32];
    char response[256];
    snprintf(text, sizeof text, "%.24s" WEBSOCKET_GUID, key);
    SHA1((const unsigned char *)text, strlen(text), hash);
    EVP_EncodeBlock(accept, hash, sizeof hash);
    int n =
        snprintf(response, sizeof response,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    connection_append(c, response, (size_t)n);
}

ptrdiff_t handshake_take(struct connection *c, const char *data, size_t size)
{
    static const char KEY[] = "Sec-WebSocket-Key: ";
    static const char ID[] = "/?id=";
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - data);
    const char *key = memmem(data, head, KEY, sizeof KEY - 1);
    const char *id = memmem(data, head, ID, sizeof ID - 1);
    if (!key || !id || key + sizeof KEY - 1 + KEY_CHARS > end)
        return -1;
    unsigned long number = strtoul(id + sizeof ID - 1, NULL, 10); /* ends before `end` */
    if (number >= CONNECTIONS_MAX)
        return -1;
    c->slot = &c->floor->by_id[number];
    *c->slot = c;
    signatures_verify();
    answer(c, key + sizeof KEY - 1);
    return (ptrdiff_t)head + 4;
}
