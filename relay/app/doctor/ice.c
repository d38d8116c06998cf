#include "app/doctor/ice.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapters/crypto_openssl/crypto.h"
#include "app/doctor/turn_probe.h"
#include "app/setting.h"

enum { CREDENTIALS_TTL_S = 600 };

static const char *advice(int error)
{
    switch (error) {
    case TURN_PROBE_E_NAME:
        return "Correct the name in ice.server.urls, or give it an address in the DNS.";
    case TURN_PROBE_E_CERTIFICATE:
        return "Give the TURN server a certificate for that name, the whole chain, and restart it.";
    case TURN_PROBE_E_CREDENTIALS:
        return "Compare the secret and the clock of the relay and of the TURN server.";
    case TURN_PROBE_E_REFUSED:
        return "Its log says why; quotas and a wrong relay-ip or external-ip are the usual reasons.";
    case TURN_PROBE_E_NOWHERE:
        return "Give the TURN server its public address: external-ip in coturn's configuration, or "
               "TURN_EXTERNAL_IP in deploy/.env.";
    default:
        return "Check that it runs, and that its ports are open.";
    }
}

/* As the relay mints them for a member. False when there are none. */
static bool mint(const struct ice_server *server, char *ret_username, size_t size,
                 char ret_password[CRYPTO_HMAC_SHA1_SIZE])
{
    int n =
        snprintf(ret_username, size, "%" PRId64 ":doctor", (int64_t)time(NULL) + CREDENTIALS_TTL_S);
    return n > 0 && (size_t)n < size &&
           crypto_hmac_sha1(server->secret, strlen(server->secret), ret_username, (size_t)n,
                            ret_password) == 0;
}

static void look_at_url(struct examination *x, const struct ice_server *server, const char *url)
{
    char username[EXAMINATION_TEXT_SIZE], password[CRYPTO_HMAC_SHA1_SIZE] = "";
    char error[EXAMINATION_ERROR_SIZE];
    struct turn_probe probe = {.url = url,
                               .username = server->username,
                               .password = server->credential,
                               .ca_file = x->ca_file};
    if (*server->secret) {
        if (!mint(server, username, sizeof username, password))
            return;
        probe.username = username;
        probe.password = password;
    }
    int r = turn_probe_run(&probe, error, sizeof error);
    if (r == TURN_PROBE_E_SKIPPED)
        examination_note("%s was not tried: doctor does not speak DTLS.", url);
    else if (r != 0)
        examination_fault(x, advice(r), "%s %s.", url, error);
    else
        examination_well("%s %s.", url,
                         strncmp(url, "stun", 4) == 0 ? "answers" : "gives an allocation");
}

void ice_examine(struct examination *x)
{
    const struct ice_settings *ice = &x->settings->ice;
    if (ice->n_servers == 0)
        examination_note(
            "No STUN or TURN server is configured: pairs behind strict routers will not meet.");
    for (size_t i = 0; i < ice->n_servers; i++)
        for (char *const *url = ice->servers[i]->urls; *url; url++)
            look_at_url(x, ice->servers[i], *url);
}
