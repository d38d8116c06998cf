#include "sync/path.h"

#include <glib.h>
#include <string.h>

static bool is_reserved(const char *name)
{
    static const char *const NAMES[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    size_t length = strcspn(name, "."); /* "nul.txt" is the device, too */

    while (length > 0 && name[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++)
        if (strlen(NAMES[i]) == length && g_ascii_strncasecmp(name, NAMES[i], length) == 0)
            return true;
    return length == 4 && g_ascii_isdigit(name[3]) &&
           (g_ascii_strncasecmp(name, "com", 3) == 0 || g_ascii_strncasecmp(name, "lpt", 3) == 0);
}

/* Also "." and "..": a name does not end in a dot. */
static bool name_valid(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= PATH_NAME_BYTES_MAX && name[length - 1] != '.' &&
           name[length - 1] != ' ' && !is_reserved(name);
}

static bool characters_valid(const char *path)
{
    for (const char *c = path; *c; c++)
        if (g_ascii_iscntrl(*c) || strchr("\\:*?\"<>|", *c))
            return false;
    return g_utf8_validate(path, -1, NULL);
}

bool path_valid(const char *path)
{
    bool valid = strlen(path) <= PATH_BYTES_MAX && *path && characters_valid(path);
    char **names = g_strsplit(path, "/", -1);

    for (char **name = names; valid && *name; name++)
        valid = name_valid(*name);
    valid = valid && g_ascii_strcasecmp(names[0], PATH_PRIVATE) != 0;
    g_strfreev(names);
    return valid;
}

char *path_folded(const char *path)
{
    char *folded = g_utf8_casefold(path, -1);
    char *normal = g_utf8_normalize(folded, -1, G_NORMALIZE_DEFAULT);

    g_free(folded);
    return normal;
}
