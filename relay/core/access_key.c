#include "core/access_key.h"

#include <string.h>

static void read_id(const char *text, struct wire_id *ret_id)
{
    char id[WIRE_ID_MAX + 1];
    size_t prefix = strlen(ACCESS_KEY_PREFIX);
    size_t length;

    ret_id->text[0] = '\0';
    if (strncmp(text, ACCESS_KEY_PREFIX, prefix) != 0)
        return;
    length = strcspn(text + prefix, ".");
    if (text[prefix + length] != '.' || length > WIRE_ID_MAX)
        return;
    memcpy(id, text + prefix, length);
    id[length] = '\0';
    (void)wire_id_set(ret_id, id); /* stays "" when it is none */
}

int access_key_read(const struct core_host *host, const char *text,
                    struct store_access_key *ret_key)
{
    read_id(text, &ret_key->key_id);
    return host->sha256(host->userdata, text, strlen(text), ret_key->sha256);
}
