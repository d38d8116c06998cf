/* The command `syncshell`. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "cli/failure.h"
#include "cli/handover.h"
#include "cli/help.h"
#include "cli/list.h"
#include "cli/membership.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "cli/peer.h"
#include "program/stream.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

static int run(const struct options *options)
{
    switch (options->subcommand) {
    case SUBCOMMAND_ID:
        return membership_id(options);
    case SUBCOMMAND_CREATE:
        return membership_create(options);
    case SUBCOMMAND_JOIN:
        return membership_join(options);
    case SUBCOMMAND_INVITE:
        return membership_invite(options);
    case SUBCOMMAND_CODE:
        return handover_code(options);
    case SUBCOMMAND_REDEEM:
        return handover_redeem(options);
    case SUBCOMMAND_REMOVE_MEMBER:
        return owner_remove_member(options);
    case SUBCOMMAND_ROTATE_KEY:
        return owner_rotate_key(options);
    case SUBCOMMAND_HAND_OVER:
        return owner_hand_over(options);
    case SUBCOMMAND_DELETE:
        return owner_delete(options);
    case SUBCOMMAND_MEMBERS:
        return list_members(options);
    case SUBCOMMAND_SESSIONS:
        return list_sessions(options);
    case SUBCOMMAND_PEER:
        return peer_run(options);
    case SUBCOMMAND_NONE:
    case N_SUBCOMMANDS:
        break;
    }
    return STATUS_USAGE;
}

/* Output that did not arrive is a failure, too. */
static int finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    failure_print("The output cannot be written (%s): check where it goes to.", strerror(errno));
    return STATUS_FAILED;
}

int main(int argc, char **argv)
{
    char problem[OPTIONS_PROBLEM_SIZE];
    struct options options;

    if (!streams_fill())
        return STATUS_FAILED;
    signal(SIGPIPE, SIG_IGN); /* a reader or a relay that went away is an error code, not the end */
    if (options_parse(&options, argc, argv, problem)) {
        failure_print("%s See: syncshell --help", problem);
        return STATUS_USAGE;
    }
    if (options.version) {
        printf("syncshell %s\n", syncshell_version());
        return finish_output(0);
    }
    if (options.help) {
        help_print(stdout, options.subcommand);
        return finish_output(0);
    }
    return finish_output(run(&options));
}
