/* An invite as the string that people paste: "syncshell1." and the base64url of its JSON (wire/invite.h). */
#ifndef SHARED_TRANSPORT_INVITE_TEXT_H
#define SHARED_TRANSPORT_INVITE_TEXT_H

#include "wire/invite.h"

#include <stddef.h>

/* Writes text and NUL; `ret_size`, what is needed with the NUL, is set with INVITE_TEXT_E_BUFFER too. */
enum { INVITE_TEXT_E_BUFFER = 2 };
int invite_text_encode(char *ret_text, size_t size, size_t *ret_size, const struct invite *i);

/* Blanks and line ends around the text are ignored: it was pasted. 0, INVITE_E_INVALID or -ENOMEM. */
int invite_text_decode(struct invite *ret_invite, const char *text, size_t length);

#endif
