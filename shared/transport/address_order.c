#include "transport/address_order.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static void forget(struct address_order *o, size_t i)
{
    o->n_failed--;
    memmove(o->failed[i], o->failed[i + 1], (o->n_failed - i) * sizeof *o->failed);
}

static void forget_failure(struct address_order *o, const char *address)
{
    for (size_t i = 0; i < o->n_failed; i++) {
        if (str_equal(o->failed[i], address)) {
            forget(o, i);
            return;
        }
    }
}

void address_order_worked(struct address_order *o, const char *address)
{
    forget_failure(o, address);
    (void)str_copy(o->good, sizeof o->good, address); /* as long as a resolver's */
}

void address_order_failed(struct address_order *o, const char *address)
{
    if (str_equal(o->good, address))
        o->good[0] = '\0';
    forget_failure(o, address);
    if (o->n_failed == RESOLVER_ADDRESSES_MAX)
        forget(o, 0);
    (void)str_copy(o->failed[o->n_failed++], RESOLVER_ADDRESS_MAX, address);
}

static bool is_ipv6(const char *address)
{
    return strchr(address, ':') != NULL;
}

static bool has_failed(const struct address_order *o, const char *address)
{
    for (size_t i = 0; i < o->n_failed; i++) {
        if (str_equal(o->failed[i], address))
            return true;
    }
    return false;
}

/* Moves the address at `i` to the end of the others; "" is left where it stood. */
static void move(struct resolver_addresses *to, struct resolver_addresses *from, size_t i)
{
    memcpy(to->text[to->n++], from->text[i], sizeof *to->text);
    from->text[i][0] = '\0';
}

static void move_named(struct resolver_addresses *to, struct resolver_addresses *from,
                       const char *address)
{
    for (size_t i = 0; i < from->n && *address; i++) {
        if (str_equal(from->text[i], address))
            move(to, from, i);
    }
}

/* The next that has not failed, of that family if there is one. */
static bool move_next(const struct address_order *o, struct resolver_addresses *to,
                      struct resolver_addresses *from, bool ipv6)
{
    size_t other = from->n;

    for (size_t i = 0; i < from->n; i++) {
        if (!*from->text[i] || has_failed(o, from->text[i]))
            continue;
        if (is_ipv6(from->text[i]) == ipv6) {
            move(to, from, i);
            return true;
        }
        if (other == from->n)
            other = i;
    }
    if (other == from->n)
        return false;
    move(to, from, other);
    return true;
}

void address_order_apply(const struct address_order *o, struct resolver_addresses *addresses)
{
    struct resolver_addresses from = *addresses, to = {.n = 0};
    bool ipv6 = from.n > 0 && is_ipv6(from.text[0]);

    move_named(&to, &from, o->good);
    if (to.n > 0)
        ipv6 = !is_ipv6(to.text[0]);
    while (move_next(o, &to, &from, ipv6))
        ipv6 = !is_ipv6(to.text[to.n - 1]);
    for (size_t i = 0; i < o->n_failed; i++)
        move_named(&to, &from, o->failed[i]);
    *addresses = to;
}
