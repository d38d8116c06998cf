/* SCTP over DTLS by usrsctp (RFC 8831, RFC 8261): whole messages with a payload protocol identifier, in order and complete.
 *
 * usrsctp is one per process and runs without threads here: sctp_stack_init() once, sctp_stack_tick() about every 10 ms while
 * there is an association, sctp_stack_deinit() at the end. Handlers must not free the association. */
#ifndef SHARED_SYNC_SCTP_H
#define SHARED_SYNC_SCTP_H

#include <stddef.h>
#include <stdint.h>

enum { SCTP_MESSAGE_BYTES_MAX = 262144 };

void sctp_stack_init(void);
void sctp_stack_tick(uint32_t elapsed_ms);
void sctp_stack_deinit(void);

struct sctp;

struct sctp_handler {
    void *userdata;
    void (*send)(void *userdata, const uint8_t *packet, size_t size);
    void (*opened)(void *userdata);
    void (*received)(void *userdata, uint16_t stream, uint32_t ppid, const uint8_t *data,
                     size_t size);
    void (*closed)(void *userdata); /* by the other side, by silence, or because it broke a limit */
};

/* Begins to associate: packets can be sent already. 0 or -EIO. */
int sctp_new(struct sctp **ret_sctp, uint16_t local_port, uint16_t remote_port,
             const struct sctp_handler *handler);
void sctp_free(struct sctp *sctp);

void sctp_input(struct sctp *sctp, const uint8_t *packet, size_t size);

/* The message is taken whole or not at all. 0, -EAGAIN when the buffer is full: try again after a packet came; -EIO. */
int sctp_send(struct sctp *sctp, uint16_t stream, uint32_t ppid, const void *data, size_t size);

#endif
