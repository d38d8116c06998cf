/* The HTTP side. Every refusal is a complete HTTP/1.1 answer with `Connection: close`, after which lws closes. */
#include "adapters/ws_lws/handshake.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libwebsockets.h>

#include "wire/limits.h"

enum {
    ANSWER_MAX = 512,
    HEADER_MAX = 256, /* of a header that is looked into */
    RETRY_AFTER_S = 5,
};

static int refuse(struct lws *wsi, const char *status, const char *headers, const char *text)
{
    uint8_t buffer[LWS_PRE + ANSWER_MAX];
    char *answer = (char *)buffer + LWS_PRE;
    int size = snprintf(
        answer, ANSWER_MAX,
        "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n%s",
        status, strlen(text), headers, text);

    /* The connection ends either way, so how much of the answer went out does not matter. */
    if (size > 0 && size < ANSWER_MAX)
        (void)lws_write(wsi, buffer + LWS_PRE, (size_t)size, LWS_WRITE_HTTP);
    return -1;
}

int handshake_refuse_plain(struct lws *wsi)
{
    return refuse(
        wsi, "426 Upgrade Required",
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " WIRE_SUBPROTOCOL
        "\r\n",
        "This is a Syncshell relay. It speaks WebSocket, subprotocol " WIRE_SUBPROTOCOL ".\n");
}

static bool header_is(struct lws *wsi, enum lws_token_indexes header, const char *value)
{
    char text[HEADER_MAX];

    return lws_hdr_copy(wsi, text, sizeof(text), header) > 0 && strcasecmp(text, value) == 0;
}

static bool subprotocol_offered(struct lws *wsi)
{
    char offered[HEADER_MAX];
    char *rest = offered;

    if (lws_hdr_copy(wsi, offered, sizeof(offered), WSI_TOKEN_PROTOCOL) <= 0)
        return false;
    for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
        name += strspn(name, " \t");
        name[strcspn(name, " \t")] = '\0';
        if (strcmp(name, WIRE_SUBPROTOCOL) == 0)
            return true;
    }
    return false;
}

/* Later: the relay has no room, or not for that address. */
static int refuse_for_now(struct lws *wsi, const char *status, const char *text)
{
    char retry_after[32];

    snprintf(retry_after, sizeof(retry_after), "Retry-After: %d\r\n", RETRY_AFTER_S);
    return refuse(wsi, status, retry_after, text);
}

const char *handshake_forwarded_for(struct lws *wsi, char *buffer)
{
    int size = lws_hdr_copy(wsi, buffer, HANDSHAKE_FORWARDED_FOR_SIZE, WSI_TOKEN_X_FORWARDED_FOR);

    /* With a NUL inside, what a proxy appended would be out of sight. */
    return size > 0 && strlen(buffer) == (size_t)size ? buffer : NULL;
}

int handshake_refuse_address(struct lws *wsi)
{
    return refuse_for_now(wsi, "429 Too Many Requests", "Too many connections of one address.\n");
}

int handshake_check(struct lws *wsi, bool full)
{
    /* After an unknown upgrade lws has answered already and still asks; the headers are gone then. */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0)
        return -1;
    /* An upgrade to HTTP/2 or anything else is none. */
    if (!header_is(wsi, WSI_TOKEN_UPGRADE, "websocket") ||
        lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0 ||
        !header_is(wsi, WSI_TOKEN_VERSION, "13"))
        return handshake_refuse_plain(wsi);
    if (!subprotocol_offered(wsi))
        return refuse(wsi, "400 Bad Request", "",
                      "The subprotocol " WIRE_SUBPROTOCOL " must be offered.\n");
    if (full)
        return refuse_for_now(wsi, "503 Service Unavailable", "The relay is full.\n");
    return 0;
}
