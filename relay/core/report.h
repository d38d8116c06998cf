/* What members report of their attempts to connect. The store judges what the session's cause is; both sides hear it. */
#ifndef RELAY_CORE_REPORT_H
#define RELAY_CORE_REPORT_H

#include "core/request.h"

struct syncshell;

void report_request(const struct request *r);
void report_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

#endif
