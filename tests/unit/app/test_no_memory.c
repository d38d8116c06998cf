/* Every allocation of loading a configuration fails in turn: that is told as -ENOMEM, never as settings with something
 * missing, and nothing stays allocated (the sanitizer looks). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failmalloc.h"
#include "loading.h"

static void write_file(const char *text)
{
    FILE *file = fopen("relay.toml", "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Returns how many allocations were made to fail before one load went through with `result`. */
static size_t sweep(const char *file, const char *const *environment,
                    const char *const *assignments, bool for_good, int result)
{
    const struct config_source source = {.file = "relay.toml",
                                         .environment = (char *const *)(uintptr_t)environment,
                                         .assignments = assignments};
    size_t n_good = 0;
    bool failed = true;
    write_file(file);
    for (; failed; n_good++) {
        struct buf faults = BUF_INIT(4096);
        struct settings settings;
        failmalloc_arm(n_good, for_good);
        int r = config_load(&settings, &source, &faults);
        failed = failmalloc_disarm();
        assert_int_equal(r, failed ? -ENOMEM : result);
        if (r == 0)
            settings_deinit(&settings);
        buf_deinit(&faults);
    }
    assert_int_equal(unlink("relay.toml"), 0);
    return n_good - 1;
}

static void test_loading(void **state)
{
    (void)state;
    static const char file[] = "[listen]\naddress = \"::1\"\n[public]\nurls = [\"ws://[::1]\"]\n"
                               "[log]\nlevel = \"info\"\n[timing]\ndrain_ms = 3\n"
                               "[[ice.server]]\nurls = [\"turn:a\", \"stun:a\"]\n"
                               "username = \"u\"\ncredential = \"p\"\n"
                               "[[ice.server]]\nurls = [\"turn:b\"]\n"
                               "secret_file = \"turn.secret\"\n";
    FILE *secret = fopen("turn.secret", "we");
    assert_non_null(secret);
    assert_true(fputs("s\n", secret) >= 0);
    assert_int_equal(fchmod(fileno(secret), 0600), 0);
    assert_int_equal(fclose(secret), 0);
    for (int for_good = 0; for_good < 2; for_good++)
        assert_true(sweep(file, TEXTS("SYNCSHELL_RELAY_PUBLIC_URLS=ws://[::1],wss://localhost"),
                          TEXTS("store.path=x"), for_good, 0) > setting_count / 4);
    assert_int_equal(unlink("turn.secret"), 0);
}

static void test_finding_faults(void **state)
{
    (void)state;
    for (int for_good = 0; for_good < 2; for_good++)
        assert_true(sweep("prot = 1\n", TEXTS("SYNCSHELL_RELAY_X=1"), TEXTS("listen.port=x"),
                          for_good, CONFIG_E_FAULTS) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_finding_faults),
    };
    return cmocka_run_group_tests(tests, loading_enter_folder, loading_leave_folder);
}
