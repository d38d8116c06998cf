/* The plaintext of bodies: what members tell each other and the relay never reads. JSON, camelCase, the seed's names.
 *
 * A file report is one file's state at the joiner. Hashes carry their algorithm ("sha256", "sha1") and compare
 * case-blind. Ranges are half-open byte intervals, sorted, disjoint, non-empty. Everything decoded is owned by the struct
 * and freed by its deinit. Pure; any thread. */
#ifndef SHARED_WIRE_BODY_H
#define SHARED_WIRE_BODY_H

#include "base/buf.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BODY_PATH_MAX = 1024, /* bytes of UTF-8 of a file's path or game path; no NUL, no line feed */
    BODY_HASH_MAX = 128,  /* hex digits */
    BODY_ALGORITHM_MAX = 16, /* [a-z0-9-] */
    BODY_SDP_MAX = 60000,    /* bytes */
    BODY_FILES_MAX = 100000, /* files of one session */
    BODY_RANGES_MAX = 4096,  /* ranges of one file */
    BODY_LABEL_MAX = 256,    /* bytes of UTF-8 of a session's label */
};

struct body_range {
    uint64_t begin;
    uint64_t end; /* exclusive */
};

struct body_file {
    char *path;      /* owned, never NULL */
    char *hash;      /* owned; NULL when not known */
    char *algorithm; /* owned; NULL exactly when hash is */
    uint64_t size_bytes;
    bool done;                 /* complete; ranges are empty then */
    bool mismatched;           /* of a delta, never encoded: the joiner's copy differs */
    struct body_range *ranges; /* owned; received ranges of a partial file */
    size_t n_ranges;
};

struct body_file_list {
    struct body_file *files; /* owned */
    size_t n_files;
    size_t capacity;
};

enum {
    BODY_E_FULL = BUF_E_FULL, /* encoding: the buffer's maximum is reached */
    BODY_E_INVALID = 2, /* not JSON of the expected shape, not a valid struct, or over a limit */
};

void body_file_deinit(struct body_file *f);
int body_file_copy(struct body_file *ret_copy, const struct body_file *f); /* 0 or -ENOMEM */

/* Limits, UTF-8, the algorithm's alphabet, order of the ranges, none of them past the file's size. */
bool body_file_valid(const struct body_file *f);

void body_file_list_deinit(struct body_file_list *l);

/* Moves the file into the list and leaves zeros behind; on an error the file stays the caller's. 0, BODY_E_INVALID when the
 * list is full, or -ENOMEM. */
int body_file_list_append(struct body_file_list *l, struct body_file *takes_file);

/* Offer {"offerSdp"}, answer {"answerSdp"}, candidate {"candidate", "sdpMid", "sdpMLineIndex"}. */
struct body_signal {
    char *sdp;               /* owned; offer, answer; or the candidate line */
    char *sdp_mid;           /* owned; candidates only, may be NULL */
    int32_t sdp_mline_index; /* candidates only; -1 when absent */
};

/* {"requestId", "part", "parts", "completedFiles": [path...], "completedHashes": {path: "algorithm:hex"},
 *  "completedSizes": {path: bytes}, "partialFiles": [{"path","size","hash","ranges":[[b,e]...]}]}: what the joiner has.
 * No path twice. A completed file without an entry in completedSizes has size_bytes 0. A large state is cut into parts
 * (from 1), each at most the wire's body limit. */
struct body_recovery_request {
    struct wire_id request_id;
    uint32_t part;
    uint32_t parts;
    struct body_file_list files;
};

/* {"requestId", "filesToSend", "bytesToSend", "mismatchedFiles": [path...]}: what the provider will send. */
struct body_recovery_response {
    struct wire_id request_id;
    uint64_t files_to_send;
    uint64_t bytes_to_send;
    char **mismatched_paths; /* owned: files whose hash did not match and start over */
    size_t n_mismatched_paths;
};

/* {"files": [{"path","size","hash","done","ranges"}...]}: SessionProgress and SessionCheckpoint; and {"label"} with
 * SessionOpen. No path twice. */
struct body_session_entry {
    char *label; /* owned; SessionOpen only, may be NULL; at most BODY_LABEL_MAX bytes */
    struct body_file_list files;
};

/* Encoders append to `out`: 0, BODY_E_FULL, BODY_E_INVALID (the struct breaks a rule from above) or -ENOMEM. Decoders: 0,
 * BODY_E_INVALID or -ENOMEM. Unknown fields are ignored. */
int body_offer_encode(struct buf *out, const struct body_signal *s);
int body_offer_decode(struct body_signal *ret_signal, const void *json, size_t size);
int body_answer_encode(struct buf *out, const struct body_signal *s);
int body_answer_decode(struct body_signal *ret_signal, const void *json, size_t size);
int body_candidate_encode(struct buf *out, const struct body_signal *s);
int body_candidate_decode(struct body_signal *ret_signal, const void *json, size_t size);
void body_signal_deinit(struct body_signal *s);

int body_recovery_request_encode(struct buf *out, const struct body_recovery_request *r);
int body_recovery_request_decode(struct body_recovery_request *ret_request, const void *json,
                                 size_t size);
void body_recovery_request_deinit(struct body_recovery_request *r);

int body_recovery_response_encode(struct buf *out, const struct body_recovery_response *r);
int body_recovery_response_decode(struct body_recovery_response *ret_response, const void *json,
                                  size_t size);
void body_recovery_response_deinit(struct body_recovery_response *r);

int body_session_entry_encode(struct buf *out, const struct body_session_entry *e);
int body_session_entry_decode(struct body_session_entry *ret_entry, const void *json, size_t size);
void body_session_entry_deinit(struct body_session_entry *e);

/* An estimate from above of a file's share of an encoded list, for cutting lists into parts. */
size_t body_file_encoded_bytes_max(const struct body_file *f);

#endif
