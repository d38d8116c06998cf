/* The doctor's look at one of the relay's public URLs: its name, its port, its certificate. */
#ifndef RELAY_APP_DOCTOR_ADDRESS_H
#define RELAY_APP_DOCTOR_ADDRESS_H

#include <stdbool.h>

#include "app/doctor/examination.h"

/* True when there is something behind it that may be a relay. */
bool address_examine(struct examination *x, const char *url);

#endif
