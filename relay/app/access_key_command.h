/* `syncshell-relay access-key add|list|revoke`: what the operator does with access keys, on the database file. */
#ifndef RELAY_APP_ACCESS_KEY_COMMAND_H
#define RELAY_APP_ACCESS_KEY_COMMAND_H

#include <stdint.h>

#include "wire/limits.h"

struct access_keys;
struct access_key_row;

enum { ACCESS_KEY_SIZE = WIRE_ACCESS_KEY_MAX + 1 };

/* What is wrong with the words that follow "access-key", NULL when nothing is. */
const char *access_key_words_problem(char *const *words);

/* Carries them out. `expires_days` 0: never. The exit status, after having said what went wrong. */
int access_key_command(const char *store_path, char *const *words, uint32_t expires_days);

/* Makes one and adds it. `lifetime_ms` 0: it never expires. Its text is in `ret_key`, and nowhere else. 0 or negative. */
int access_key_issue(struct access_keys *keys, const char *name, int64_t lifetime_ms,
                     struct access_key_row *ret_row, char ret_key[ACCESS_KEY_SIZE]);

#endif
