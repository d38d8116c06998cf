/* Addresses as people and headers write them. IPv4 and IPv4-mapped IPv6 are the same address. */
#ifndef RELAY_APP_ADDRESS_TEXT_H
#define RELAY_APP_ADDRESS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

enum { ADDRESS_TEXT_SIZE = 46 }; /* INET6_ADDRSTRLEN */

/* "192.0.2.7", "2001:db8::7": the `size` bytes and nothing else. False for anything that is no address. */
bool address_from_text(const char *text, size_t size, struct address *ret_address);

/* `ret_text` has ADDRESS_TEXT_SIZE bytes. */
void address_to_text(const struct address *a, char *ret_text);

#endif
