#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 16 };

static FILE *file_with(const char *text, size_t length)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    rewind(file);
    return file;
}

static char *read_all(FILE *file)
{
    char *text;
    long length;

    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    text = calloc((size_t)length + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    fclose(file);
    return text;
}

/* Files instead of pipes: whatever the sizes, nobody waits for the other. */
void program_run(struct program_result *ret_result, const char *input, size_t input_length,
                 const char *const arguments[])
{
    char *argv[ARGUMENTS_MAX + 2] = {(char[]){SYNCSHELL_PROGRAM}};
    FILE *in = file_with(input ? input : "", input_length), *out = file_with("", 0),
         *err = file_with("", 0);
    int status;
    pid_t pid;

    for (size_t i = 0; arguments[i]; i++) {
        assert_true(i < ARGUMENTS_MAX);
        argv[i + 1] = (char *)(uintptr_t)arguments[i]; /* execv() changes none */
    }
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fileno(in), STDIN_FILENO);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fclose(in);
    ret_result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
    ret_result->output = read_all(out);
    ret_result->errors = read_all(err);
}

void program_result_deinit(struct program_result *result)
{
    free(result->output);
    free(result->errors);
}
