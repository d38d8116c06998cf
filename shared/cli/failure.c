#include "cli/failure.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <syncshell/syncshell.h>

static const struct {
    int32_t error;
    const char *sentence;
} SENTENCES[] = {
    {SYNCSHELL_E_ARGUMENT, "A value is not allowed: check ids, addresses and paths."},
    {SYNCSHELL_E_NO_MEMORY, "There is not enough memory: end other programs and try again."},
    {SYNCSHELL_E_BUSY, "Too many commands wait: read events, then try again."},
    {SYNCSHELL_E_STATE_DIR,
     "The state directory cannot be created, read or written: check --state, the rights on it "
     "and the free space."},
    {SYNCSHELL_E_STATE_IN_USE,
     "Another program uses the state directory: end it, or name another one with --state."},
    {SYNCSHELL_E_STATE_CORRUPT,
     "The state directory is damaged and was left as it is: restore a copy of it, or name "
     "another one with --state and join again."},
    {SYNCSHELL_E_STATE_NEWER,
     "The state directory was written by a newer version: use that version of this program."},
    {SYNCSHELL_E_BUFFER,
     "A text is longer than expected: use the library's own version of this program."},
    {SYNCSHELL_E_UNKNOWN,
     "This state directory knows no such syncshell or session: compare the id with what "
     "\"syncshell members\" and \"syncshell sessions\" show."},
    {SYNCSHELL_E_SYSTEM,
     "The system refused a thread or a descriptor, or the certificates cannot be read: check --ca "
     "and the process limits."},
    {SYNCSHELL_E_TIMEOUT,
     "No answer came in time: check the network, or allow more with --timeout."},
    {SYNCSHELL_E_INVITE,
     "This text is not an invite: copy it again, whole, from where \"syncshell create\" printed it."},
    {SYNCSHELL_E_OTHER_RELAY,
     "The invite is for another relay than this state directory's: join it with another "
     "directory, named with --state."},
    {SYNCSHELL_E_CODE,
     "This text is not a recovery code: compare each letter and digit with what the other device shows."},
    {SYNCSHELL_E_PASSPHRASE, "A passphrase has 12 to 1024 bytes of UTF-8: take a longer one."},
    {SYNCSHELL_E_STOPPED, "The client has stopped: start the program again."},
};

const char *failure_sentence(int32_t error)
{
    for (size_t i = 0; i < sizeof(SENTENCES) / sizeof(SENTENCES[0]); i++)
        if (SENTENCES[i].error == error)
            return SENTENCES[i].sentence;
    return "Something failed that this version has no words for: use the library's own version of this program.";
}

void failure_print(const char *format, ...)
{
    va_list arguments;

    fputs("syncshell: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void failure_print_error(int32_t error)
{
    failure_print("%s (%s)", failure_sentence(error), syncshell_error_name(error));
}
