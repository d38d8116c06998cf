#include "sync/sending.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/transfer.h"

void sending_init(struct sending *sending, const struct folder *folder)
{
    *sending = (struct sending){.folder = folder, .fd = -1};
}

static void close_file(struct sending *sending)
{
    if (sending->fd >= 0)
        close(sending->fd);
    sending->fd = -1;
    sending->begun = false;
    sending->range = 0;
    sending->offset = 0;
}

static void stop(struct sending *sending)
{
    close_file(sending);
    sending->needed = NULL;
    sending->file = 0;
}

void sending_reset(struct sending *sending)
{
    stop(sending);
    sending->sent_bytes = 0;
    sending->acked_bytes = 0;
}

void sending_begin(struct sending *sending, struct link *link, const struct needed *needed)
{
    stop(sending);
    sending->needed = needed;
    sending->changed = false;
    sending->pass_bytes = 0;
    link_send(link,
              json_pack("{s:s, s:s, s:I, s:I}", "type", "begin", "request", needed->request_id,
                        "files", (json_int_t)needed->n_files, "bytes", (json_int_t)needed->bytes));
}

bool sending_ack(struct sending *sending, uint64_t bytes)
{
    if (bytes < sending->acked_bytes || bytes > sending->sent_bytes)
        return false;
    sending->acked_bytes = bytes;
    return true;
}

/* Is the open file what the manifest said? A newer list may have been made since, for another session. */
static bool is_unchanged(const struct sending *sending, const struct needed_file *file)
{
    const struct folder_file *known = g_hash_table_lookup(sending->folder->by_path, file->path);
    struct stat status;

    return known && sending->fd >= 0 && fstat(sending->fd, &status) == 0 &&
           (uint64_t)status.st_size == known->size_bytes && status.st_ino == known->inode &&
           folder_modified_ns(&status) == known->modified_ns &&
           g_ascii_strcasecmp(file->hash, known->hash) == 0;
}

static void begin_file(struct sending *sending, struct link *link, const struct needed_file *file)
{
    sending->begun = true;
    if (file->n_ranges > 0)
        sending->offset = file->ranges[0].begin;
    sending->fd = folder_open_file(sending->folder, file->path);
    if (!is_unchanged(sending, file))
        sending->changed = true;
    link_send(link, json_pack("{s:s, s:I, s:s, s:I, s:s}", "type", "file", "index",
                              (json_int_t)sending->file, "path", file->path, "size",
                              (json_int_t)file->size_bytes, "hash", file->hash));
}

static void end_file(struct sending *sending, struct link *link)
{
    link_send(link, json_pack("{s:s, s:I}", "type", "end", "index", (json_int_t)sending->file));
    close_file(sending);
    sending->file++;
}

/* Sends one piece of the current range. False: no room. */
static bool send_piece(struct sending *sending, struct link *link, const syncshell_range *range)
{
    uint8_t message[TRANSFER_HEADER_BYTES + TRANSFER_PIECE_BYTES];
    uint64_t left = range->end - sending->offset;
    size_t wanted = left < TRANSFER_PIECE_BYTES ? (size_t)left : TRANSFER_PIECE_BYTES;
    ssize_t got;

    if (sending->sent_bytes - sending->acked_bytes + wanted > TRANSFER_WINDOW_BYTES)
        return false;
    got = sending->fd < 0
              ? -1
              : pread(sending->fd, message + TRANSFER_HEADER_BYTES, wanted, (off_t)sending->offset);
    if (got <= 0) { /* the other side finds that bytes are missing and asks again */
        sending->changed = true;
        sending->offset = range->end;
        return true;
    }
    transfer_write_header(message, (uint32_t)sending->file, sending->offset);
    if (link_send_binary(link, message, TRANSFER_HEADER_BYTES + (size_t)got))
        return false;
    sending->offset += (uint64_t)got;
    sending->sent_bytes += (uint64_t)got;
    sending->pass_bytes += (uint64_t)got;
    return true;
}

bool sending_pump(struct sending *sending, struct link *link)
{
    while (sending->needed && link_has_room(link)) {
        const struct needed_file *file;

        if (sending->file == sending->needed->n_files) {
            stop(sending);
            return true;
        }
        file = &sending->needed->files[sending->file];
        if (!sending->begun) {
            begin_file(sending, link, file);
        } else if (sending->range == file->n_ranges) {
            end_file(sending, link);
        } else if (sending->offset < file->ranges[sending->range].end) {
            if (!send_piece(sending, link, &file->ranges[sending->range]))
                return false;
        } else if (++sending->range < file->n_ranges) {
            sending->offset = file->ranges[sending->range].begin;
        }
    }
    return false;
}
