#include "app/doctor/doctor_command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/admin_client.h"
#include "app/doctor/address.h"
#include "app/doctor/examination.h"
#include "app/doctor/ice.h"
#include "app/doctor/machine.h"
#include "app/doctor/rehearsal.h"
#include "app/setting.h"

enum { ANSWER_MAX = 65536, URL_SIZE = 512 };

static void look_at_relay(struct examination *x)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    int status = admin_ask(x->settings->store_path, "GET", "/readyz", &body);
    if (status == 200)
        examination_well("The relay runs on %s and is ready.", x->settings->store_path);
    else if (status > 0)
        examination_fault(x, "Its log says more.", "The relay is not ready: %.*s",
                          (int)strcspn((const char *)body.data, "\n"), (const char *)body.data);
    else
        examination_fault(x, "Start it with the same settings that doctor has.",
                          "No relay answers on %s.", x->settings->store_path);
    buf_deinit(&body);
}

static void look_at_url(struct examination *x, const char *url)
{
    if (address_examine(x, url))
        rehearsal_examine(x, url);
}

/* A relay for this machine alone is where it listens. */
static void look_at_listener(struct examination *x)
{
    const struct settings *s = x->settings;
    char url[URL_SIZE];
    examination_note("public.urls is empty: this relay is for this machine alone.");
    if (s->listen_port == 0)
        return;
    (void)snprintf(url, sizeof url, strchr(s->listen_address, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
                   *s->listen_tls_certificate ? "wss" : "ws", s->listen_address,
                   (unsigned)s->listen_port);
    look_at_url(x, url);
}

int doctor_command(const struct settings *s, const char *ca_file)
{
    struct examination x = {.settings = s, .ca_file = ca_file};
    signal(SIGPIPE, SIG_IGN);
    look_at_relay(&x);
    for (char *const *url = s->public_urls; *url; url++)
        look_at_url(&x, *url);
    if (!*s->public_urls)
        look_at_listener(&x);
    ice_examine(&x);
    machine_examine(&x);
    if (x.faults == 0)
        puts("All is well.");
    return x.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
