#include "app/exposition.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_SIZE = 1024, NUMBER_SIZE = 48 };

__attribute__((format(printf, 2, 3))) static void write_line(struct exposition *e,
                                                             const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (e->error == 0)
        e->error = n < LINE_SIZE ? buf_append(e->out, line, (size_t)n) : BUF_E_FULL;
}

/* A label's value may be anything that a file of the operator's says, such as a URL. */
static void write_label_value(struct exposition *e, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\n')
            write_line(e, "\\n");
        else if (*c == '"' || *c == '\\')
            write_line(e, "\\%c", *c);
        else
            write_line(e, "%c", *c);
    }
}

void exposition_family(struct exposition *e, const char *name, const char *type, const char *help)
{
    e->name = name;
    write_line(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_value(struct exposition *e, const char *label, const char *label_value,
                      uint64_t value)
{
    write_line(e, "%s", e->name);
    if (label) {
        write_line(e, "{%s=\"", label);
        write_label_value(e, label_value);
        write_line(e, "\"}");
    }
    write_line(e, " %" PRIu64 "\n", value);
}

void exposition_value_of_two(struct exposition *e, const char *label, const char *label_value,
                             const char *label_2, const char *label_value_2, uint64_t value)
{
    write_line(e, "%s{%s=\"", e->name, label);
    write_label_value(e, label_value);
    write_line(e, "\",%s=\"", label_2);
    write_label_value(e, label_value_2);
    write_line(e, "\"} %" PRIu64 "\n", value);
}

/* Without floating point, which would depend on the locale. */
static const char *fraction_text(uint64_t value, uint64_t per_unit, char ret_text[NUMBER_SIZE])
{
    int digits = per_unit == EXPOSITION_MICRO ? 6 : 3;
    (void)snprintf(ret_text, NUMBER_SIZE, "%" PRIu64 ".%0*" PRIu64, value / per_unit, digits,
                   value % per_unit);
    return ret_text;
}

void exposition_fraction(struct exposition *e, uint64_t value, uint64_t per_unit)
{
    char text[NUMBER_SIZE];
    write_line(e, "%s %s\n", e->name, fraction_text(value, per_unit, text));
}

void exposition_histogram(struct exposition *e, const struct histogram *h, uint64_t per_unit)
{
    char text[NUMBER_SIZE];
    uint64_t count = 0;
    for (size_t i = 0; i < h->n_bounds; i++) {
        count += h->counts[i];
        write_line(e, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", e->name,
                   fraction_text(h->bounds[i], per_unit, text), count);
    }
    count += h->counts[h->n_bounds];
    write_line(e, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %s\n%s_count %" PRIu64 "\n", e->name,
               count, e->name, fraction_text(h->sum, per_unit, text), e->name, count);
}

void exposition_gauge(struct exposition *e, const char *name, const char *help, uint64_t value)
{
    exposition_family(e, name, "gauge", help);
    exposition_value(e, NULL, NULL, value);
}

void exposition_counter(struct exposition *e, const char *name, const char *help, uint64_t value)
{
    exposition_family(e, name, "counter", help);
    exposition_value(e, NULL, NULL, value);
}
