/* The doctor's look at the configured STUN and TURN servers. */
#ifndef RELAY_APP_DOCTOR_ICE_H
#define RELAY_APP_DOCTOR_ICE_H

#include "app/doctor/examination.h"

void ice_examine(struct examination *x);

#endif
