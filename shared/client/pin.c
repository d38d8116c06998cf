#include "client/pin.h"

#include "base/str.h"
#include "client/link.h"
#include "client/record.h"

void engine_pin(struct engine *e, const struct wire_key *pin)
{
    e->pin_next_key = !pin;
    if (!pin || str_equal(pin->text, e->certificate_pin.text))
        return;
    e->certificate_pin = *pin;
    record_put_client(e);
}

struct wire_key engine_certificate_pin(const struct engine *e)
{
    /* The key that is to be pinned is the one that authorities and names vouch for. */
    return e->pin_next_key ? (struct wire_key){.text = ""} : e->certificate_pin;
}

void pin_relay_key(struct engine *e, const struct wire_key *key)
{
    e->relay_key = *key;
    if (!e->pin_next_key || !*key->text)
        return;
    e->pin_next_key = false;
    e->certificate_pin = *key;
    record_put_client(e);
}

static bool trusted(const struct engine *e, bool known)
{
    return known || e->syncshells.n_entries == 0;
}

bool pin_fits(const struct engine *e, const struct invite *invite, bool known)
{
    const char *pin = invite->certificate_pin.text;
    return !*pin || trusted(e, known) || str_equal(pin, e->certificate_pin.text) ||
           str_equal(pin, e->relay_key.text);
}

void pin_take(struct engine *e, const struct invite *invite, bool known)
{
    const char *pin = invite->certificate_pin.text;
    if (!*pin || !trusted(e, known) || str_equal(pin, e->certificate_pin.text))
        return;
    e->certificate_pin = invite->certificate_pin;
    e->pin_next_key = false;
    record_put_client(e);
    if (!str_equal(pin, e->relay_key.text))
        link_give_up(e);
    link_now(e); /* what failed under the pin before is no reason to wait */
}
