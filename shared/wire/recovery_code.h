/* The code that hands an open session to another device: made by the joiner's library, told by one user to another, or to
 * themselves, in letters that can be read aloud.
 *
 * 80 random bits as 16 digits of Crockford's base 32 (0-9 A-Z without I, L, O, U) and a check digit, in groups:
 * "7YXW-4KQ0-1N8D-PZ3MB". Reading ignores case, dashes and blanks, and takes I and L for 1, O for 0. The check digit makes the
 * 17 digits d0...d16 a word of a code over GF(32) with x^5 = x^2 + 1: d0 a^16 + d1 a^15 + ... + d16 = 0 for a = x. So one wrong
 * digit and two exchanged ones are always noticed, before a relay is asked. */
#ifndef SHARED_WIRE_RECOVERY_CODE_H
#define SHARED_WIRE_RECOVERY_CODE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECOVERY_CODE_BYTES = 10,
    RECOVERY_CODE_LENGTH = 17, /* as the wire carries it: digits alone */
    RECOVERY_CODE_SHOWN_SIZE = RECOVERY_CODE_LENGTH + 3 + 1,
};

struct recovery_code {
    char text[RECOVERY_CODE_LENGTH + 1];
};

/* Of RECOVERY_CODE_BYTES random bytes. */
void recovery_code_make(struct recovery_code *ret_code, const uint8_t *bytes);

/* In groups, for people. */
void recovery_code_show(const struct recovery_code *code, char ret_text[RECOVERY_CODE_SHOWN_SIZE]);

enum {
    RECOVERY_CODE_E_FORM = 1,  /* not 17 digits */
    RECOVERY_CODE_E_CHECK = 2, /* a digit is wrong, or two are exchanged */
};

/* What somebody typed. 0 or an error. */
int recovery_code_read(struct recovery_code *ret_code, const char *text, size_t length);

/* The wire's form; the check digit is for people and not looked at. */
bool recovery_code_valid(const char *text, size_t length);

/* Appends what is hashed for the relay to keep: "syncshell.v1 recovery-code\n<syncshellId>\n<code>". 0, BUF_E_FULL, -ENOMEM. */
enum { RECOVERY_CODE_HASHED_MAX = 128 };
int recovery_code_hashed(struct buf *out, const char *syncshell_id, const char *code);

#endif
