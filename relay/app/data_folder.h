/* The folder of the database. */
#ifndef RELAY_APP_DATA_FOLDER_H
#define RELAY_APP_DATA_FOLDER_H

/* Makes it, readable by us alone; folders above it are the operator's. 0 or negative, after having said why. */
int data_folder_make(const char *store_path);

#endif
