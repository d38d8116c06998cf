/* Reads a header of one message type per line from standard input and answers each with a line, "accept" or "refuse". A
 * type that must have a body gets one; one that may have a body is tried both ways. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message_fields.h"

static bool accepted(enum message_type type, const char *header, size_t size, const char *body)
{
    bool to_relay = message_spec(type)->direction != MESSAGE_DIRECTION_TO_CLIENT;
    bool is_type;
    struct buf frame = BUF_INIT(SIZE_MAX);
    struct message_refusal refusal;
    struct message m;
    int r = buf_append(&frame, header, size);

    if (!r && body)
        r = buf_append(&frame, "\n", 1);
    if (!r && body)
        r = buf_append_str(&frame, body);
    if (r)
        exit(EXIT_FAILURE);
    r = message_decode(&m, &refusal, to_relay, body != NULL, frame.data, frame.size,
                       to_relay ? &message_limits_to_relay : &message_limits_to_client);
    buf_deinit(&frame);
    if (r)
        return false;
    is_type = m.type == type;
    message_deinit(&m);
    return is_type;
}

/* Usage: verdict TYPE. */
int main(int argc, char **argv)
{
    enum message_type type = argc == 2 ? message_type_from_name(argv[1], strlen(argv[1])) : 0;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;

    if (type == MESSAGE_NONE)
        return EXIT_FAILURE;
    while ((n = getline(&line, &capacity, stdin)) > 0) {
        enum message_body body = message_spec(type)->body;
        size_t size = (size_t)n - (line[n - 1] == '\n');
        bool ok = body != MESSAGE_BODY_MUST && accepted(type, line, size, NULL);

        ok = ok || (body != MESSAGE_BODY_NONE && accepted(type, line, size, "x"));
        (void)puts(ok ? "accept" : "refuse");
    }
    free(line);
    return EXIT_SUCCESS;
}
