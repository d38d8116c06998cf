/* Whether an access key that was shown is good now. The row is found by the part of the key that is no secret; the hash is
 * compared in a time that does not depend on where it differs. */
#include "adapters/store_sqlite/op.h"

#include <string.h>

#include "adapters/store_sqlite/db.h"

static bool same_hash(const char *a, const char *b)
{
    unsigned difference = 0;

    for (size_t i = 0; i < STORE_SHA256_SIZE; i++)
        difference |= (unsigned)(a[i] ^ b[i]);
    return difference == 0;
}

static int mark_used(struct db *db, const struct store_op *op)
{
    struct statement *st =
        statement_get(db, "UPDATE access_key SET last_used_unix_ms = ? WHERE key_id = ?");

    statement_bind_int(st, op->now.unix_ms);
    statement_bind_text(st, op->access_key.key_id.text);
    return statement_run(st);
}

int access_key_check(struct db *db, struct store_op *op)
{
    static const char sql[] = "SELECT sha256, revoked_unix_ms IS NOT NULL,"
                              " expires_unix_ms IS NOT NULL AND expires_unix_ms <= ?"
                              " FROM access_key WHERE key_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    char stored[STORE_SHA256_SIZE] = "";
    int r;

    statement_bind_int(st, op->now.unix_ms);
    statement_bind_text(st, op->access_key.key_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r == STATEMENT_ROW)
        statement_text(st, 0, stored, sizeof stored);
    if (r != STATEMENT_ROW || !same_hash(stored, op->access_key.sha256))
        op->code = WIRE_CODE_BAD_ACCESS_KEY;
    else if (statement_int(st, 1))
        op->code = WIRE_CODE_ACCESS_KEY_REVOKED;
    else if (statement_int(st, 2))
        op->code = WIRE_CODE_ACCESS_KEY_EXPIRED;
    r = statement_error(st);
    return r < 0 || op->code != WIRE_CODE_NONE ? r : mark_used(db, op);
}
