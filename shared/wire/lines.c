#include "wire/lines.h"

#include <assert.h>
#include <string.h>

int lines_append(struct buf *out, const char *const *lines, size_t n_lines)
{
    size_t start = out->size;

    for (size_t i = 0; i < n_lines; i++) {
        int r = i == 0 ? 0 : buf_append(out, "\n", 1);

        assert(!strchr(lines[i], '\n'));
        if (!r)
            r = buf_append_str(out, lines[i]);
        if (r) {
            out->size = start;
            return r;
        }
    }
    return 0;
}
