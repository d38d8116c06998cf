/* `syncshell-relay doctor`: tries what members need, and says what to do about what is wrong. */
#ifndef RELAY_APP_DOCTOR_DOCTOR_COMMAND_H
#define RELAY_APP_DOCTOR_DOCTOR_COMMAND_H

struct settings;

/* `ca_file` NULL: the system's authorities. The exit status: success when nothing is wrong. */
int doctor_command(const struct settings *s, const char *ca_file);

#endif
