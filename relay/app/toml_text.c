#include "app/toml_text.h"

void toml_print_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            fprintf(out, "\\u%04x", (unsigned)*c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

void toml_print_strings(FILE *out, char *const *texts)
{
    fputc('[', out);
    for (char *const *t = texts; *t; t++) {
        if (t != texts)
            fputs(", ", out);
        toml_print_string(out, *t);
    }
    fputc(']', out);
}
