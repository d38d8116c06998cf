/* What the bodies' codecs share: strict loading, strings on the heap, files in JSON. */
#ifndef SHARED_WIRE_BODY_JSON_H
#define SHARED_WIRE_BODY_JSON_H

#include "wire/body.h"

#include <jansson.h>

/* 0 (json_decref() it), BODY_E_INVALID or -ENOMEM. */
int body_json_load(json_t **ret_object, const void *json, size_t size);

/* Appends and releases `takes_object`, which may be NULL when `error` is set; forwards `error`. 0, BODY_E_FULL, -ENOMEM. */
int body_json_finish(struct buf *out, json_t *takes_object, int error);

/* Sets a value that may be NULL for want of memory. 0 or -ENOMEM. */
int body_json_set(json_t *object, const char *key, json_t *takes_value);

/* The same for an array or object that is yet to be filled: borrowed from `object`. */
int body_json_set_part(json_t **ret_part, json_t *object, const char *key, json_t *takes_part);

/* A string of min..max bytes, copied. NULL value: BODY_E_INVALID. 0, BODY_E_INVALID or -ENOMEM. */
int body_json_dup(char **ret_text, const json_t *value, size_t min, size_t max);

/* An integer min..max. NULL value: BODY_E_INVALID. */
int body_json_u64(uint64_t *ret_number, const json_t *value, uint64_t min, uint64_t max);

int body_json_id(struct wire_id *ret_id, const json_t *value);

/* Whether the bytes can be a file's path. */
bool body_path_valid(const char *path);

/* {"path","size","hash"?,"done"?,"ranges"?}; the file must be valid. NULL when there is no memory. */
json_t *body_file_to_json(const struct body_file *f);
int body_file_from_json(struct body_file *ret_file, const json_t *object);

/* "algorithm:hex". */
json_t *body_hash_to_json(const struct body_file *f);
int body_hash_from_json(struct body_file *f, const json_t *value);

/* A set of paths, for refusing a path twice: BODY_E_INVALID. `seen` is an object that the caller made. */
int body_path_first_time(json_t *seen, const char *path);

/* 0, or BODY_E_INVALID when a file is invalid or a path stands twice, or -ENOMEM. */
int body_file_list_check(const struct body_file_list *l);

#endif
