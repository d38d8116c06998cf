#include "program/stream.h"

#include <fcntl.h>
#include <unistd.h>

bool streams_fill(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The other way round: what reads or writes there gets EBADF, and what checks its output notices. */
        int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd)
            return false;
    }
    return true;
}
