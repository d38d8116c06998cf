/* The names of the public errors, and the library's version. */
#include <syncshell/syncshell.h>

const char *SYNCSHELL_CALL syncshell_error_name(int32_t error)
{
    switch (error) {
    case SYNCSHELL_OK:
        return "OK";
    case SYNCSHELL_E_ARGUMENT:
        return "E_ARGUMENT";
    case SYNCSHELL_E_NO_MEMORY:
        return "E_NO_MEMORY";
    case SYNCSHELL_E_BUSY:
        return "E_BUSY";
    case SYNCSHELL_E_STATE_DIR:
        return "E_STATE_DIR";
    case SYNCSHELL_E_STATE_IN_USE:
        return "E_STATE_IN_USE";
    case SYNCSHELL_E_STATE_CORRUPT:
        return "E_STATE_CORRUPT";
    case SYNCSHELL_E_STATE_NEWER:
        return "E_STATE_NEWER";
    case SYNCSHELL_E_BUFFER:
        return "E_BUFFER";
    case SYNCSHELL_E_UNKNOWN:
        return "E_UNKNOWN";
    case SYNCSHELL_E_SYSTEM:
        return "E_SYSTEM";
    case SYNCSHELL_E_TIMEOUT:
        return "E_TIMEOUT";
    case SYNCSHELL_E_INVITE:
        return "E_INVITE";
    case SYNCSHELL_E_OTHER_RELAY:
        return "E_OTHER_RELAY";
    case SYNCSHELL_E_STOPPED:
        return "E_STOPPED";
    case SYNCSHELL_E_CODE:
        return "E_CODE";
    case SYNCSHELL_E_PASSPHRASE:
        return "E_PASSPHRASE";
    default:
        return "E_UNKNOWN_ERROR";
    }
}

#define VERSION_TEXT_OF(number) #number
#define VERSION_TEXT(number)    VERSION_TEXT_OF(number)

const char *SYNCSHELL_CALL syncshell_version(void)
{
    return VERSION_TEXT(SYNCSHELL_VERSION_MAJOR) "." VERSION_TEXT(
        SYNCSHELL_VERSION_MINOR) "." VERSION_TEXT(SYNCSHELL_VERSION_PATCH);
}
