/* The signals that end a program. */
#ifndef SHARED_PROGRAM_INTERRUPT_H
#define SHARED_PROGRAM_INTERRUPT_H

#include <stdbool.h>

/* Whoever started the program wants it to go on when this signal comes, as nohup does of SIGHUP, and a shell of SIGINT for what it
 * runs in the background. To be asked before a handler is set. */
bool interrupt_is_ignored(int number);

#endif
