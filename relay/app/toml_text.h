/* Writing TOML. */
#ifndef RELAY_APP_TOML_TEXT_H
#define RELAY_APP_TOML_TEXT_H

#include <stdio.h>

void toml_print_string(FILE *out, const char *text);
void toml_print_strings(FILE *out, char *const *texts); /* NULL-terminated */

#endif
