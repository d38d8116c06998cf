/* Signals that would end this process while there is something to tidy up: they wait until that is done. */
#ifndef RELAY_APP_DOCTOR_INTERRUPTION_H
#define RELAY_APP_DOCTOR_INTERRUPTION_H

#include <stdbool.h>

/* From here on SIGINT, SIGTERM and SIGHUP wait, for this thread and those that it starts; not what is ignored. */
void interruption_hold(void);
/* One of them waits. */
bool interruption_came(void);
/* They act again; what waited ends the process now. */
void interruption_let(void);

#endif
