/* `syncshell-relay access-key add|list|revoke`: what the operator does with access keys, on the database file. */
#ifndef RELAY_APP_ACCESS_KEY_COMMAND_H
#define RELAY_APP_ACCESS_KEY_COMMAND_H

#include <stdint.h>

/* What is wrong with the words that follow "access-key", NULL when nothing is. */
const char *access_key_words_problem(char *const *words);

/* Carries them out. `expires_days` 0: never. The exit status, after having said what went wrong. */
int access_key_command(const char *store_path, char *const *words, uint32_t expires_days);

#endif
