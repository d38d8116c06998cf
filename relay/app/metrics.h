/* /metrics: the relay's state and what it has done, for Prometheus. deploy/alerts.yaml and the dashboard beside it use these
 * names; a test compares. */
#ifndef RELAY_APP_METRICS_H
#define RELAY_APP_METRICS_H

struct buf;
struct server;

/* 0, BUF_E_FULL or -ENOMEM. */
int metrics_print(const struct server *s, struct buf *out);

#endif
