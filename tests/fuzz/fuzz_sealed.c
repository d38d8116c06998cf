/* Sealed bodies at the real ciphers. The input is one byte of options, one of the associated data's size, that data, the body: opened
 * as it stands; and sealed, opened, and then changed, cut or moved to another place, where it must not open. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "client/engine.h"
#include "transport/group.h"
#include "wire/seal.h"

enum { ROOM = 64 * 1024, BEFORE = 3 };

/* As in tests/unit/transport/test_crypto.c: what was sealed elsewhere under this secret is among the seeds. */
static const char secret[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
static struct engine_group *group;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_check(group_new(&group, secret, "0123456789abcdef") == 0);
    return 0;
}

struct text {
    const uint8_t *data;
    size_t size;
};

/* Opens into a buffer that has something in it; what stands behind that is in ret_plain. */
static int open_text(struct text associated, struct text sealed, size_t room, struct buf *ret_plain)
{
    int r;

    *ret_plain = BUF_INIT(BEFORE + room);
    fuzz_check(buf_append(ret_plain, "abc", BEFORE) == 0);
    r = group_open(group, associated.data, associated.size, sealed.data, sealed.size, ret_plain);
    fuzz_check(r == 0 || ret_plain->size == BEFORE);
    fuzz_check(memcmp(ret_plain->data, "abc", BEFORE) == 0);
    return r;
}

static void opens_not(struct text associated, struct text sealed)
{
    struct buf plain;

    fuzz_check(open_text(associated, sealed, ROOM, &plain) == ENGINE_CRYPTO_E_AUTHENTICATION);
    buf_deinit(&plain);
}

static void as_it_stands(struct text associated, struct text body)
{
    struct buf plain;
    int r = open_text(associated, body, ROOM, &plain);

    fuzz_check(r == 0 || r == ENGINE_CRYPTO_E_AUTHENTICATION);
    fuzz_check(r != 0 || plain.size - BEFORE == body.size - SEAL_OVERHEAD_BYTES);
    buf_deinit(&plain);
}

static void there_and_back(struct text associated, struct text body, unsigned option)
{
    struct buf sealed = BUF_INIT(ROOM);
    uint8_t *elsewhere = malloc(associated.size + 1);
    struct buf plain;
    struct text text;

    fuzz_check(elsewhere != NULL);
    memcpy(elsewhere, associated.data, associated.size);
    elsewhere[associated.size] = (uint8_t)option;
    fuzz_check(group_seal(group, associated.data, associated.size, body.data, body.size, &sealed) ==
               0);
    fuzz_check(sealed.size == body.size + SEAL_OVERHEAD_BYTES);
    text = (struct text){sealed.data, sealed.size};
    fuzz_check(open_text(associated, text, ROOM, &plain) == 0);
    fuzz_check(plain.size - BEFORE == body.size &&
               (body.size == 0 || memcmp(plain.data + BEFORE, body.data, body.size) == 0));
    buf_deinit(&plain);
    if (body.size > 0) {
        fuzz_check(open_text(associated, text, body.size - 1, &plain) != 0);
        buf_deinit(&plain);
    }
    opens_not((struct text){elsewhere, associated.size + 1}, text);
    opens_not(associated, (struct text){sealed.data, option * sealed.size / 256});
    sealed.data[option * sealed.size / 256] ^= (uint8_t)(1 << option % 8);
    opens_not(associated, text);
    buf_deinit(&sealed);
    free(elsewhere);
}

/* Who pastes an invite gives the secret. */
static void as_secret(struct text body)
{
    struct engine_group *made = NULL;
    char *text = malloc(body.size + 1);
    int r;

    fuzz_check(text != NULL);
    memcpy(text, body.data, body.size);
    text[body.size] = '\0';
    r = group_new(&made, text, "0123456789abcdef");
    fuzz_check(r == 0 || r == -EINVAL);
    (void)group_free(made);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text associated, body;

    if (size < 2)
        return 0;
    associated = (struct text){data + 2, data[1] < size - 2 ? data[1] : size - 2};
    body = (struct text){associated.data + associated.size, size - 2 - associated.size};
    as_it_stands(associated, body);
    if (body.size + SEAL_OVERHEAD_BYTES <= ROOM)
        there_and_back(associated, body, data[0]);
    as_secret(body);
    return 0;
}
