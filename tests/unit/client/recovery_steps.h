/* Steps of a recovery that the tests of both sides take. */
#ifndef TESTS_UNIT_CLIENT_RECOVERY_STEPS_H
#define TESTS_UNIT_CLIENT_RECOVERY_STEPS_H

#include "scene.h"

void come_back(struct scene *s, bool joiner, uint64_t version);
void restart(struct scene *s, bool joiner, uint64_t version);
void report(struct scene *s, struct body_file_list *files);
void store_entry(struct scene *s, enum message_type type);
void ask(struct scene *s, uint64_t ticket);
void manifest(struct scene *s, uint64_t ticket, struct body_file_list *files);
struct body_file wanted(const char *path, const char *hash, uint64_t size_bytes);

/* The manifest a (10), b (20), c (30). */
void manifest_abc(struct scene *s);

void ack(struct scene *s, uint64_t inbox_seq);

#endif
