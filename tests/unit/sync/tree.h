/* A folder with all that is in it. Links are removed, not followed. */
#ifndef TESTS_UNIT_SYNC_TREE_H
#define TESTS_UNIT_SYNC_TREE_H

void tree_remove(const char *path);

#endif
