/* JSON lines to a descriptor, each written whole before the call returns. A reader that does not read makes the program wait,
 * as a pipe does; a signal on `stop_fd` ends that wait. */
#ifndef SHARED_CLI_OUTPUT_H
#define SHARED_CLI_OUTPUT_H

#include <jansson.h>

struct output {
    int fd;
    int stop_fd; /* readable when the program is to end; -1: none */
};

/* Takes `object`, also when it fails; NULL is out of memory. 0, -ENOMEM, -EPIPE: nobody reads any more, -ECANCELED: stopped,
 * or another -errno. */
int output_line(struct output *output, json_t *object);

#endif
