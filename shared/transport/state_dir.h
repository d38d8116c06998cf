/* The state directory: where it is, and that one client at a time uses it.
 *
 * The lock is the kernel's (flock on a file), so it ends with the process, however that ends, and with the descriptor when
 * the library is unloaded. The file stays: deleting it would let two clients each lock their own. */
#ifndef SHARED_TRANSPORT_STATE_DIR_H
#define SHARED_TRANSPORT_STATE_DIR_H

struct state_dir {
    int fd; /* of the directory */
    int lock_fd;
};

#define STATE_DIR_NONE ((struct state_dir){.fd = -1, .lock_fd = -1})

/* Creates the directory (0700) when it is missing; its parent must exist. 0, -EBUSY (another client has it), or another
 * negative errno. */
int state_dir_take(struct state_dir *ret_dir, const char *path);

void state_dir_release(struct state_dir *d); /* accepts STATE_DIR_NONE */

#endif
