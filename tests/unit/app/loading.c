#define _GNU_SOURCE /* get_current_dir_name */
#include "loading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char *before;
    char path[64];
};

int loading_enter_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    strcpy(f->path, "/tmp/syncshell-config-XXXXXX");
    f->before = get_current_dir_name();
    *state = f;
    return f->before && mkdtemp(f->path) && chdir(f->path) == 0 ? 0 : -1;
}

int loading_leave_folder(void **state)
{
    struct folder *f = *state;
    int r = chdir(f->before) < 0 || rmdir(f->path) < 0 ? -1 : 0;
    free(f->before);
    free(f);
    return r;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void loading_write_secret(const char *name, const char *text)
{
    write_file(name, text, 0600);
}

void loading_run(struct loading *l, const char *file, const char *const *environment,
                 const char *const *assignments)
{
    static const char *const nothing[] = {NULL};
    struct buf faults = BUF_INIT(sizeof l->faults - 1);
    if (file)
        write_file("relay.toml", file, 0644);
    const struct config_source source = {
        .file = file ? "relay.toml" : NULL,
        .environment = (char *const *)(uintptr_t)(environment ? environment : nothing),
        .assignments = assignments,
    };
    l->result = config_load(&l->settings, &source, &faults);
    if (faults.size)
        memcpy(l->faults, faults.data, faults.size);
    l->faults[faults.size] = '\0';
    buf_deinit(&faults);
    if (file)
        assert_int_equal(unlink("relay.toml"), 0);
}

void loading_end(struct loading *l)
{
    if (l->result == 0)
        settings_deinit(&l->settings);
}

void loading_expect_faults(const char *file, const char *const *environment,
                           const char *const *assignments, const char *faults)
{
    struct loading l;
    loading_run(&l, file, environment, assignments);
    assert_string_equal(l.faults, faults);
    assert_int_equal(l.result, CONFIG_E_FAULTS);
}
