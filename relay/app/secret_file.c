#define _DEFAULT_SOURCE /* explicit_bzero */
#include "app/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = SECRET_FILE_MAX + 2 }; /* a line's end, and one more than may be */

bool secret_file_is_open(mode_t mode)
{
    return (mode & S_IRWXO) != 0;
}

static const char *fault_of_file(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is not a file";
    if (secret_file_is_open(st.st_mode))
        return "everybody on this machine can reach it: chmod o= it";
    return NULL;
}

static const char *fault_of_text(const char *text, size_t size, size_t min, size_t max)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return "it must be one line of text";
    if (size == 0)
        return "it is empty";
    if (size < min)
        return "it is too short";
    return size > max ? "it is too long" : NULL;
}

static const char *read_text(int fd, size_t min, size_t max, char *ret_text)
{
    char text[ROOM];
    size_t size = 0;
    ssize_t n = 1;
    while (n > 0 && size < sizeof text) {
        n = read(fd, text + size, sizeof text - size);
        size += n > 0 ? (size_t)n : 0;
    }
    const char *fault = n < 0 ? strerror(errno) : NULL;
    if (size > 0 && size < sizeof text && text[size - 1] == '\n')
        size--;
    if (!fault)
        fault = fault_of_text(text, size, min, max);
    if (!fault) {
        memcpy(ret_text, text, size);
        ret_text[size] = '\0';
    }
    explicit_bzero(text, sizeof text);
    return fault;
}

const char *secret_file_read(const char *path, size_t min, size_t max,
                             char ret_text[static SECRET_FILE_MAX + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return strerror(errno);
    const char *fault = fault_of_file(fd);
    if (!fault)
        fault = read_text(fd, min, max, ret_text);
    close(fd);
    return fault;
}
