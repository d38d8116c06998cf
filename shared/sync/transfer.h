/* What goes over the channel. Text messages are JSON objects with a "type":
 *
 *   fetcher   {"type":"want","request":ID}           send what that RecoveryRequest lacks; it replaces an earlier one
 *   fetcher   {"type":"ack","bytes":N}               N payload bytes were taken over this link: the sharer's window moves
 *   sharer    {"type":"begin","request":ID,"files":N,"bytes":N}
 *   sharer    {"type":"file","index":N,"path":P,"size":N,"hash":H}     then its pieces
 *   sharer    {"type":"end","index":N}
 *   sharer    {"type":"done","request":ID}
 *   sharer    {"type":"unknown","request":ID}        it does not have that request: ask the relay again
 *   either    {"type":"ping"}, {"type":"pong"}
 *
 * A binary message is one piece of the current file: its index (32 bits) and its offset in the file (64 bits), both most
 * significant byte first, then at most TRANSFER_PIECE_BYTES of it. */
#ifndef SHARED_SYNC_TRANSFER_H
#define SHARED_SYNC_TRANSFER_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFER_SESSION_PREFIX "sync-"

enum {
    TRANSFER_HEADER_BYTES = 12,
    TRANSFER_PIECE_BYTES = 16 * 1024 - TRANSFER_HEADER_BYTES,
    TRANSFER_WINDOW_BYTES = 1024 * 1024,
    TRANSFER_ACK_BYTES = 128 * 1024,
};

static inline void transfer_write_header(uint8_t ret_header[static TRANSFER_HEADER_BYTES],
                                         uint32_t index, uint64_t offset)
{
    for (int i = 0; i < 4; i++)
        ret_header[i] = (uint8_t)(index >> (24 - 8 * i));
    for (int i = 0; i < 8; i++)
        ret_header[4 + i] = (uint8_t)(offset >> (56 - 8 * i));
}

static inline void transfer_read_header(const uint8_t header[static TRANSFER_HEADER_BYTES],
                                        uint32_t *ret_index, uint64_t *ret_offset)
{
    uint64_t offset = 0;
    uint32_t index = 0;

    for (int i = 0; i < 4; i++)
        index = index << 8 | header[i];
    for (int i = 0; i < 8; i++)
        offset = offset << 8 | header[4 + i];
    *ret_index = index;
    *ret_offset = offset;
}

#endif
