/* The doctor's recovery: two throw-away members lose each other and find each other again, through one of the relay's URLs. */
#ifndef RELAY_APP_DOCTOR_REHEARSAL_H
#define RELAY_APP_DOCTOR_REHEARSAL_H

#include "app/doctor/examination.h"

/* They are members of a syncshell of their own, which is deleted afterwards, as is the access key that it may have taken. */
void rehearsal_examine(struct examination *x, const char *url);

#endif
