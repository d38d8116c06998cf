/* Messages between members: is the sender who it says, is the target who it may send to, is the session theirs and open?
 * Then ephemeral ones go to the session's attempt, durable ones to the target's inbox. */
#ifndef RELAY_CORE_ROUTE_H
#define RELAY_CORE_ROUTE_H

#include "core/request.h"

void route_request(const struct request *r);

#endif
