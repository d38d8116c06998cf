/* /status.json: what the status page and `syncshell-relay status` show. Ids of peers are shortened. */
#ifndef RELAY_APP_STATUS_H
#define RELAY_APP_STATUS_H

struct buf;
struct server;

/* 0, BUF_E_FULL or -ENOMEM. */
int status_print(const struct server *s, struct buf *out);

#endif
