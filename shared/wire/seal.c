#include "wire/seal.h"

#include <inttypes.h>
#include <stdio.h>

#include "wire/lines.h"

int seal_associated_data(struct buf *out, enum message_type type, const char *syncshell_id,
                         const char *source_peer_id, const char *target_peer_id,
                         const char *recovery_session_id, uint64_t generation, uint64_t version)
{
    char generation_text[sizeof("18446744073709551615")];
    char version_text[sizeof("18446744073709551615")];
    const char *const lines[] = {
        "syncshell.v1 seal", message_type_name(type), syncshell_id,    source_peer_id,
        target_peer_id,      recovery_session_id,     generation_text, version_text,
    };

    (void)snprintf(generation_text, sizeof(generation_text), "%" PRIu64, generation);
    (void)snprintf(version_text, sizeof(version_text), "%" PRIu64, version);
    return lines_append(out, lines, sizeof(lines) / sizeof(lines[0]));
}
