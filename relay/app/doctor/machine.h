/* The doctor's look at the machine: the clock, the database's folder and its disk. */
#ifndef RELAY_APP_DOCTOR_MACHINE_H
#define RELAY_APP_DOCTOR_MACHINE_H

#include "app/doctor/examination.h"

void machine_examine(struct examination *x);

#endif
