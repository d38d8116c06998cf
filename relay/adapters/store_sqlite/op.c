/* What the operations share beside their rows: see op.h. */
#include "adapters/store_sqlite/op.h"

#include <stdlib.h>

void op_clear_results(struct store_op *op)
{
    store_syncshell_free(op->syncshell);
    op->syncshell = NULL;
    for (size_t i = 0; i < op->n_entries; i++)
        free(op->entries[i].data);
    free(op->entries);
    op->entries = NULL;
    op->n_entries = 0;
    for (size_t i = 0; i < op->n_inbox; i++)
        free(op->inbox[i].frame);
    free(op->inbox);
    op->inbox = NULL;
    op->n_inbox = 0;
    free(op->swept_sessions);
    op->swept_sessions = NULL;
    free(op->swept_syncshells);
    op->swept_syncshells = NULL;
    op->n_swept = 0;
    free(op->settled);
    op->settled = NULL;
    op->n_settled = 0;
    free(op->expired_syncshells);
    op->expired_syncshells = NULL;
    op->n_expired = 0;
    op->code = WIRE_CODE_NONE;
    op->duplicate = op->rekeyed = false;
    op->ret_version = 0;
    op->ret_seq = 0;
    op->complete = false;
}

size_t op_rows_max(const struct store_op *op)
{
    if (op->max_rows == 0)
        return 1;
    return op->max_rows < OP_ROWS_MAX ? op->max_rows : OP_ROWS_MAX;
}

bool page_has_room(const struct store_op *op, size_t n, size_t total, size_t bytes)
{
    if (n == 0)
        return true;
    return n < op_rows_max(op) && total < op->max_bytes && bytes <= op->max_bytes - total;
}

bool share_fits(uint64_t max, uint64_t total, uint64_t own, uint64_t more)
{
    uint64_t left = max > total ? max - total : 0;

    if (max == 0)
        return true;
    return more <= left && (own == 0 || own + more <= left - more);
}

void *array_grow(void *array, size_t n, size_t element_size)
{
    /* Capacities are the powers of two, so the length alone tells when the array is full. */
    if (n != 0 && (n & (n - 1)) != 0)
        return array;
    return realloc(array, (n ? 2 * n : 1) * element_size);
}
