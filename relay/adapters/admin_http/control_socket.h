/* The socket file beside the database at which a running relay answers its own operator's commands. It needs no token: only
 * the user that the relay runs as, and root, can reach it. */
#ifndef RELAY_ADAPTERS_ADMIN_HTTP_CONTROL_SOCKET_H
#define RELAY_ADAPTERS_ADMIN_HTTP_CONTROL_SOCKET_H

/* Listens on "<store_path>.admin", in place of what an earlier relay left there: to be called by who holds the database's
 * lock. 0 or negative errno. */
int control_socket_listen(const char *store_path, int *ret_fd);

/* For the end. */
void control_socket_remove(const char *store_path);

/* Connects to it; blocking. 0 or negative errno: -ENOENT and -ECONNREFUSED when no relay is there. */
int control_socket_connect(const char *store_path, int *ret_fd);

#endif
