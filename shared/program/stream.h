/* Standard input, output and error of a program. */
#ifndef SHARED_PROGRAM_STREAM_H
#define SHARED_PROGRAM_STREAM_H

#include <stdbool.h>

/* Fills each of the three descriptors that whoever started the program left closed, so that no file or socket of ours gets its
 * number: output and log would be written into that. Using one fails as before. Call it before anything is opened.
 * False: there is nothing to fill one with. */
bool streams_fill(void);

#endif
