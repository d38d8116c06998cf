/* What the doctor finds, a line or two for each. */
#ifndef RELAY_APP_DOCTOR_EXAMINATION_H
#define RELAY_APP_DOCTOR_EXAMINATION_H

struct settings;

enum { EXAMINATION_ERROR_SIZE = 512, EXAMINATION_TEXT_SIZE = 1024 };

struct examination {
    const struct settings *settings;
    const char *ca_file; /* instead of the system's authorities; NULL: those */
    unsigned faults;
};

__attribute__((format(printf, 1, 2))) void examination_well(const char *format, ...);
/* No fault, but worth knowing. */
__attribute__((format(printf, 1, 2))) void examination_note(const char *format, ...);
/* `advice` is a sentence: what to do; `format` makes the one before it. */
__attribute__((format(printf, 3, 4))) void
examination_fault(struct examination *x, const char *advice, const char *format, ...);

#endif
