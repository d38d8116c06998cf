#include "sync/sdp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { SCTP_PORT_DEFAULT = 5000, MESSAGE_BYTES_MAX = 262144 };

static const char *const SETUPS[] = {
    [SDP_SETUP_ACTPASS] = "actpass",
    [SDP_SETUP_ACTIVE] = "active",
    [SDP_SETUP_PASSIVE] = "passive",
};

void sdp_init(struct sdp *sdp)
{
    *sdp = (struct sdp){.mid = "0", .sctp_port = SCTP_PORT_DEFAULT};
    sdp->candidates = g_ptr_array_new_with_free_func(g_free);
}

void sdp_deinit(struct sdp *sdp)
{
    if (sdp->candidates)
        g_ptr_array_unref(sdp->candidates);
    *sdp = (struct sdp){0};
}

char *sdp_write(const struct sdp *sdp, uint64_t session)
{
    GString *text = g_string_new("v=0\r\n");

    g_string_append_printf(text, "o=- %" G_GUINT64_FORMAT " 1 IN IP4 127.0.0.1\r\n",
                           session >> 2); /* some readers take it for a signed number */
    g_string_append(text, "s=-\r\nt=0 0\r\n");
    g_string_append_printf(text, "a=group:BUNDLE %s\r\n", sdp->mid);
    g_string_append(text, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                          "c=IN IP4 0.0.0.0\r\n");
    g_string_append_printf(text, "a=mid:%s\r\na=sendrecv\r\n", sdp->mid);
    g_string_append_printf(text, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n",
                           sdp->ufrag, sdp->pwd);
    g_string_append_printf(text, "a=fingerprint:sha-256 %s\r\na=setup:%s\r\n", sdp->fingerprint,
                           SETUPS[sdp->setup]);
    g_string_append_printf(text, "a=sctp-port:%u\r\na=max-message-size:%d\r\n",
                           (unsigned int)sdp->sctp_port, MESSAGE_BYTES_MAX);
    for (guint i = 0; i < sdp->candidates->len; i++)
        g_string_append_printf(text, "a=%s\r\n", (const char *)sdp->candidates->pdata[i]);
    if (sdp->complete)
        g_string_append(text, "a=end-of-candidates\r\n");
    return g_string_free(text, FALSE);
}

/* The value behind `name` when the line begins with it, or NULL. */
static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);

    return strncmp(line, name, length) == 0 ? line + length : NULL;
}

static int take_text(char *ret_text, size_t size, const char *value)
{
    size_t length = strlen(value);

    if (length == 0 || length >= size || strpbrk(value, " \t"))
        return -EINVAL;
    memcpy(ret_text, value, length + 1);
    return 0;
}

/* Other algorithms may stand beside SHA-256; they are not used. */
static int take_fingerprint(struct sdp *sdp, const char *value)
{
    if (g_ascii_strncasecmp(value, "sha-256 ", 8) != 0)
        return 0;
    if (take_text(sdp->fingerprint, sizeof(sdp->fingerprint), value + 8))
        return -EINVAL;
    for (char *c = sdp->fingerprint; *c; c++)
        *c = g_ascii_toupper(*c);
    return 0;
}

static int take_setup(struct sdp *sdp, const char *value)
{
    for (size_t i = 0; i < G_N_ELEMENTS(SETUPS); i++) {
        if (strcmp(value, SETUPS[i]) != 0)
            continue;
        sdp->setup = (enum sdp_setup)i;
        return 0;
    }
    return -EINVAL;
}

static int take_port(struct sdp *sdp, const char *value)
{
    guint64 port;

    if (!g_ascii_string_to_unsigned(value, 10, 1, UINT16_MAX, &port, NULL))
        return -EINVAL;
    sdp->sctp_port = (uint16_t)port;
    return 0;
}

static int take_line(struct sdp *sdp, const char *line, bool *application)
{
    const char *value;

    if (strchr(
            line,
            '\r')) /* some readers take it for a line's end, and parts of this are written again */
        return -EINVAL;
    if ((value = value_of(line, "m="))) {
        *application = strncmp(value, "application ", 12) == 0 && strstr(value, "DTLS/SCTP");
        return *application ? 0 : -EINVAL; /* audio and video cannot be answered here */
    }
    if ((value = value_of(line, "a=mid:")))
        return take_text(sdp->mid, sizeof(sdp->mid), value);
    if ((value = value_of(line, "a=ice-ufrag:")))
        return take_text(sdp->ufrag, sizeof(sdp->ufrag), value);
    if ((value = value_of(line, "a=ice-pwd:")))
        return take_text(sdp->pwd, sizeof(sdp->pwd), value);
    if ((value = value_of(line, "a=fingerprint:")))
        return take_fingerprint(sdp, value);
    if ((value = value_of(line, "a=setup:")))
        return take_setup(sdp, value);
    if ((value = value_of(line, "a=sctp-port:")))
        return take_port(sdp, value);
    if (strcmp(line, "a=end-of-candidates") == 0)
        sdp->complete = true;
    else if (value_of(line, "a=candidate:") && sdp->candidates->len < SDP_CANDIDATES_MAX)
        g_ptr_array_add(sdp->candidates, g_strdup(line + 2));
    return 0;
}

int sdp_parse(struct sdp *ret_sdp, const char *text, size_t size)
{
    bool application = false;
    struct sdp sdp;
    char **lines, *copy;
    int r = 0;

    if (size > SDP_BYTES_MAX || memchr(text, '\0', size))
        return -EINVAL;
    sdp_init(&sdp);
    copy = g_strndup(text, size);
    lines = g_strsplit(copy, "\n", -1);
    for (char **line = lines; *line && !r; line++)
        r = take_line(&sdp, g_strchomp(*line), &application);
    g_strfreev(lines);
    g_free(copy);
    if (r || !application || !*sdp.ufrag || !*sdp.pwd || !*sdp.fingerprint) {
        sdp_deinit(&sdp);
        return -EINVAL;
    }
    *ret_sdp = sdp;
    return 0;
}
