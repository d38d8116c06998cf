/* The description of a peer's data channel. What is accepted must be written and read again as the same. */
#include "fuzz.h"

#include <string.h>

#include "sync/sdp.h"

static void check_text(const char *text)
{
    fuzz_check(strpbrk(text, "\r\n") == NULL);
}

static void check_invariants(const struct sdp *sdp)
{
    check_text(sdp->ufrag);
    check_text(sdp->pwd);
    check_text(sdp->fingerprint);
    check_text(sdp->mid);
    fuzz_check(sdp->candidates->len <= SDP_CANDIDATES_MAX);
    for (guint i = 0; i < sdp->candidates->len; i++)
        check_text(sdp->candidates->pdata[i]);
}

static void check_same(const struct sdp *a, const struct sdp *b)
{
    fuzz_check(strcmp(a->ufrag, b->ufrag) == 0 && strcmp(a->pwd, b->pwd) == 0);
    fuzz_check(strcmp(a->fingerprint, b->fingerprint) == 0 && strcmp(a->mid, b->mid) == 0);
    fuzz_check(a->setup == b->setup && a->sctp_port == b->sctp_port && a->complete == b->complete);
    fuzz_check(a->candidates->len == b->candidates->len);
    for (guint i = 0; i < a->candidates->len; i++)
        fuzz_check(strcmp(a->candidates->pdata[i], b->candidates->pdata[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp sdp, again;
    char *text;

    if (sdp_parse(&sdp, (const char *)data, size))
        return 0;
    check_invariants(&sdp);
    text = sdp_write(&sdp, 1);
    fuzz_check(sdp_parse(&again, text, strlen(text)) == 0);
    check_same(&sdp, &again);
    sdp_deinit(&again);
    sdp_deinit(&sdp);
    g_free(text);
    return 0;
}
