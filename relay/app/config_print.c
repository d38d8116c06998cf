/* The settings as TOML: the commented example and what is in effect. */
#include "app/config.h"

#include <inttypes.h>
#include <string.h>

#include "app/toml_text.h"

enum { COLUMNS = 100 };

static void print_value(FILE *out, const struct settings *s, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        toml_print_string(out, setting_text(s, row));
        return;
    case SETTING_INTEGER:
        fprintf(out, "%" PRIu64, setting_value(s, row));
        return;
    case SETTING_CHOICE:
        toml_print_string(out, row->choices[setting_value(s, row)]);
        return;
    case SETTING_LIST:
        break;
    }
    toml_print_strings(out, setting_list(s, row));
}

/* A comment of whole words, each line at most COLUMNS wide. */
static void print_comment(FILE *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column == 0 || column + 1 + length > COLUMNS) {
            column = (size_t)fprintf(out, column ? "\n#" : "#");
        }
        column += (size_t)fprintf(out, " %.*s", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_range(FILE *out, const struct setting *row)
{
    char name[SETTING_ENVIRONMENT_NAME_SIZE];
    setting_environment_name(row, name);
    fputs("#", out);
    if (row->type == SETTING_INTEGER)
        fprintf(out, " %" PRIu64 " to %" PRIu64 ".", row->min, row->max);
    if (row->type == SETTING_CHOICE) {
        for (size_t i = 0; row->choices[i]; i++)
            fprintf(out, "%s\"%s\"", i ? ", " : " One of ", row->choices[i]);
        fputc('.', out);
    }
    fprintf(out, " %s.%s\n", name, row->reloadable ? "" : " Needs a restart.");
}

static void print_all(FILE *out, const struct settings *s, bool commented)
{
    const char *section = "";
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        const char *dot = strchr(row->key, '.');
        size_t length = (size_t)(dot - row->key);
        if (strncmp(section, row->key, length) != 0 || section[length] != '.')
            fprintf(out, "%s[%.*s]\n", i || commented ? "\n" : "", (int)length, row->key);
        section = row->key;
        if (commented) {
            print_comment(out, row->help);
            print_range(out, row);
        }
        fprintf(out, "%s = ", dot + 1);
        print_value(out, s, row);
        fputc('\n', out);
    }
}

int config_print_example(FILE *out)
{
    struct settings defaults;
    int r = settings_init(&defaults);
    if (r < 0)
        return r;
    fputs(
        "# Every setting of syncshell-relay with its default. Written by `syncshell-relay --print-example`.\n"
        "# Precedence: these defaults, then the file, then the environment, then --set KEY=VALUE.\n",
        out);
    print_all(out, &defaults, true);
    fputs(ice_settings_example, out);
    settings_deinit(&defaults);
    return 0;
}

void config_print(FILE *out, const struct settings *s)
{
    print_all(out, s, false);
    ice_settings_print(out, &s->ice);
}
