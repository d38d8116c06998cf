#include "wire/recovery_code.h"

#include <string.h>

#include "wire/lines.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum {
    DIGIT_BITS = 5,
    N_DIGITS = 32,
    FIELD_POLYNOMIAL = 0x25, /* x^5 + x^2 + 1 */
    GROUP_LENGTH = 4,
};

static unsigned times_a(unsigned value)
{
    value <<= 1;
    return value & N_DIGITS ? value ^ FIELD_POLYNOMIAL : value;
}

void recovery_code_make(struct recovery_code *ret_code, const uint8_t *bytes)
{
    unsigned bits = 0, n_bits = 0, check = 0, n = 0;
    for (size_t i = 0; i < RECOVERY_CODE_BYTES; i++) {
        bits = (bits << 8 | bytes[i]) & 0xfff;
        n_bits += 8;
        while (n_bits >= DIGIT_BITS) {
            n_bits -= DIGIT_BITS;
            unsigned digit = bits >> n_bits & (N_DIGITS - 1);
            ret_code->text[n++] = digits[digit];
            check = times_a(check) ^ digit;
        }
    }
    ret_code->text[n++] = digits[times_a(check)];
    ret_code->text[n] = '\0';
}

void recovery_code_show(const struct recovery_code *code, char ret_text[RECOVERY_CODE_SHOWN_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < RECOVERY_CODE_LENGTH; i++) {
        if (i > 0 && i % GROUP_LENGTH == 0 && i < RECOVERY_CODE_LENGTH - 1)
            ret_text[n++] = '-';
        ret_text[n++] = code->text[i];
    }
    ret_text[n] = '\0';
}

/* N_DIGITS: none. */
static unsigned digit_of(char c)
{
    const char *found;
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    found = c ? strchr(digits, c) : NULL;
    return found ? (unsigned)(found - digits) : N_DIGITS;
}

int recovery_code_read(struct recovery_code *ret_code, const char *text, size_t length)
{
    struct recovery_code code;
    unsigned check = 0;
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        if (strchr("- \t\r\n", text[i]) && text[i])
            continue;
        unsigned digit = digit_of(text[i]);
        if (digit == N_DIGITS || n == RECOVERY_CODE_LENGTH)
            return RECOVERY_CODE_E_FORM;
        check = times_a(check) ^ digit;
        code.text[n++] = digits[digit];
    }
    if (n != RECOVERY_CODE_LENGTH)
        return RECOVERY_CODE_E_FORM;
    if (check != 0)
        return RECOVERY_CODE_E_CHECK;
    code.text[n] = '\0';
    *ret_code = code;
    return 0;
}

bool recovery_code_valid(const char *text, size_t length)
{
    return length == RECOVERY_CODE_LENGTH && strspn(text, digits) == length;
}

int recovery_code_hashed(struct buf *out, const char *syncshell_id, const char *code)
{
    const char *const lines[] = {"syncshell.v1 recovery-code", syncshell_id, code};
    return lines_append(out, lines, sizeof lines / sizeof *lines);
}
