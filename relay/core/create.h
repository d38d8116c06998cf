/* Creating a syncshell. It is not kept in memory: the creator's join loads it like everybody's. The operations' order
 * makes that right: a load issued before the creation does not see it, one issued after does.
 *
 * An owner whose key is newer than the relay's, because an older backup was restored, creates its syncshell again and so puts the newer
 * key in its place. Whoever got in with the old one meanwhile is out, as after a rotation. */
#ifndef RELAY_CORE_CREATE_H
#define RELAY_CORE_CREATE_H

#include "core/request.h"

struct syncshell;

void create_request(const struct request *r);
void create_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

#endif
