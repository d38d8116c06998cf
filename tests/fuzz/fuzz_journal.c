/* What a client finds in its journal. Records in the order in which a journal hands them over, each one byte of kind, one of the key's
 * size, the key, two of the value's size, the value: taken or refused, and with those that were taken the engine starts. */
#include "fuzz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/frame.h"
#include "model/station.h"

enum { RECORDS_MAX = 64, KINDS = 7 };

static void ignore_dial(struct station *s, const char *url)
{
    (void)s;
    (void)url;
}

static void ignore_hang_up(struct station *s)
{
    (void)s;
}

static void drop(struct station *s, struct frame *takes_frame)
{
    (void)s;
    frame_unref(takes_frame);
}

static char *copy(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    fuzz_check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* 0, or why no more can be loaded. */
static int load(struct station *s, const uint8_t **data, size_t *size, unsigned *kind)
{
    size_t key_size, value_size;
    char *key, *value;
    int r;

    *kind += (*data)[0] % KINDS;
    key_size = (*data)[1] < *size - 2 ? (*data)[1] : *size - 2;
    *data += 2;
    *size -= 2;
    key = copy(*data, key_size);
    *data += key_size;
    *size -= key_size;
    value_size = *size < 2 ? 0 : (size_t)((*data)[0] << 8 | (*data)[1]);
    *data += *size < 2 ? *size : 2;
    *size -= *size < 2 ? *size : 2;
    if (value_size > *size)
        value_size = *size;
    value = copy(*data, value_size);
    *data += value_size;
    *size -= value_size;
    r = *kind < KINDS
            ? engine_load_record(s->engine, engine_record_kinds[*kind], key, value, value_size)
            : -1;
    free(key);
    free(value);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct port port = {.dial = ignore_dial, .hang_up = ignore_hang_up, .send = drop};
    uint64_t now_us = 1000000;
    unsigned kind = 0;
    struct station s;
    struct engine_crypto services;
    int r = 0;

    station_init(&s, 0, &port, NULL, &now_us);
    services = stub_crypto_services(&s.crypto);
    fuzz_check(engine_new(&s.engine, &s.config, &services) == 0);
    for (int i = 0; i < RECORDS_MAX && size > 2 && r == 0; i++)
        r = load(&s, &data, &size, &kind);
    fuzz_check(r == 0 || r == -1 || r == ENGINE_E_RECORD || r == ENGINE_E_RECORD_NEWER);
    if (r == 0 && engine_start(s.engine, now_us, "ws://localhost:1") == 0) {
        (void)station_work(&s);
        now_us += 3600U * 1000000U;
        STATION_CALL(&s, engine_tick(s.engine, now_us));
        (void)station_work(&s);
    }
    station_deinit(&s);
    return 0;
}
