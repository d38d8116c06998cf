#include "cli/help.h"

#include "cli/command.h"

static const char OPTIONS_HELP[] =
    "Options, before or after the arguments:\n"
    "  --state DIR             where this device's key and journal are; one program at a time uses it. Default:\n"
    "                          $XDG_STATE_HOME/syncshell, or ~/.local/state/syncshell\n"
    "  --relay URL             ws://HOST:PORT or wss://HOST:PORT; needed once, then the state directory knows it\n"
    "  --ca FILE               PEM file of the authorities to trust for wss; default: the system's\n"
    "  --pin KEY               the relay's key must be this: SHA-256 of its public key info, base64url. connected: the one that an\n"
    "                          authority vouches for now; none: any of those. Kept, and put into invites\n"
    "  --syncshell ID          which one; default: all, or the only one\n"
    "  --access-key-file FILE  a file with the operator's key for creating syncshells, where the relay asks for one; - is\n"
    "                          the standard input. Default: $SYNCSHELL_ACCESS_KEY, if set\n"
    "  --passphrase-file FILE  create, join: a file with one line, out of which the secret is made; - is the standard input.\n"
    "                          Better do without: the relay's operator can test guesses\n"
    "  --timeout SECONDS       how long to wait for the relay; default 15. peer waits for ever\n"
    "  --json                  print JSON (peer always does)\n"
    "  -h, --help              this text; after a command, that command's\n"
    "  --version               the version\n";

static const char PROGRAM_HELP[] =
    "Usage: syncshell COMMAND [OPTIONS]\n"
    "\n"
    "A member of syncshells: small private groups whose members send each other files directly, and find each other\n"
    "again through a relay when the link drops.\n"
    "\n"
    "  syncshell id            print this device's peer id\n"
    "  syncshell create        create a syncshell, print its invite\n"
    "  syncshell join INVITE   become a member\n"
    "  syncshell invite        print the invite again\n"
    "  syncshell members       who is a member, and who is online\n"
    "  syncshell sessions      the open recovery sessions\n"
    "  syncshell code SESSION  print a code with which a transfer goes on at another device\n"
    "  syncshell redeem CODE   go on here with it\n"
    "  syncshell remove-member PEER     for the owner: take a member out\n"
    "  syncshell rotate-key             for the owner: make a new secret, print the new invite\n"
    "  syncshell hand-over PEER         for the owner: make another member the owner\n"
    "  syncshell delete                 for the owner: end the syncshell for everybody\n"
    "  syncshell peer          a peer for scripts: JSON commands in, JSON events out\n"
    "\n"
    "To begin:\n"
    "  syncshell create --relay wss://relay.example.org     on one device; give the invite to a friend\n"
    "  syncshell join INVITE                                on the friend's device\n"
    "  syncshell members\n"
    "\n";

static const char STATUS_HELP[] =
    "\nExit status: 0 done, 1 failed (stderr says what to do), 2 wrong usage.\n";

static const char *const USAGES[N_SUBCOMMANDS] = {
    [SUBCOMMAND_ID] =
        "Usage: syncshell id [OPTIONS]\n\n"
        "Prints this device's peer id, ed25519:..., which other members name it by. The first use of a state\n"
        "directory makes the key. No relay is needed.\n\n"
        "  syncshell id\n\n",
    [SUBCOMMAND_CREATE] =
        "Usage: syncshell create --relay URL [OPTIONS]\n\n"
        "Creates a syncshell at the relay, with this device as its owner, and prints the invite alone on stdout.\n"
        "The invite holds the group's secret: give it only to those who are to join.\n\n"
        "With --passphrase-file the secret is made out of a passphrase of 12 bytes or more, and whoever knows the relay, the\n"
        "syncshell's id and the passphrase can join. It is then as safe as the passphrase, for the relay's operator can test\n"
        "guesses: let a machine pick six random words or more.\n\n"
        "  syncshell create --relay wss://relay.example.org\n\n"
        "With --pin connected the invite names the relay's key, too: members then accept no other, and need no authority.\n\n",
    [SUBCOMMAND_JOIN] =
        "Usage: syncshell join INVITE [OPTIONS]\n"
        "       syncshell join --relay URL --syncshell ID --passphrase-file FILE [OPTIONS]\n\n"
        "Joins the syncshell of the invite and waits until the relay has admitted this device; prints the\n"
        "syncshell's id. The relay's address is in the invite.\n\n"
        "  syncshell join syncshell1.eyJy...\n\n",
    [SUBCOMMAND_INVITE] =
        "Usage: syncshell invite [--syncshell ID] [OPTIONS]\n\n"
        "Prints the invite of a syncshell of this device again. With --syncshell no relay is needed.\n\n"
        "  syncshell invite --syncshell k3J9...\n\n",
    [SUBCOMMAND_MEMBERS] =
        "Usage: syncshell members [--syncshell ID] [OPTIONS]\n\n"
        "Connects and prints the members of this device's syncshells: peer id, presence (online, away), who is\n"
        "the owner and who is you.\n\n"
        "  syncshell members --json\n\n",
    [SUBCOMMAND_SESSIONS] =
        "Usage: syncshell sessions [--syncshell ID] [OPTIONS]\n\n"
        "Connects and prints the open recovery sessions of this device: id, role (joiner receives files,\n"
        "provider sends them), the other side, and the generation of the last attempt.\n\n"
        "  syncshell sessions\n\n",
    [SUBCOMMAND_CODE] =
        "Usage: syncshell code SESSION [OPTIONS]\n\n"
        "For the side that receives files. Makes a recovery code for an open session and prints it alone on stdout. It counts\n"
        "once, for a few minutes, at another device of the same syncshell.\n\n"
        "  syncshell code s1\n\n",
    [SUBCOMMAND_REDEEM] =
        "Usage: syncshell redeem CODE [--syncshell ID] [OPTIONS]\n\n"
        "Takes over the session of the device that shows the code, and prints the session's id. Case, dashes and blanks do not\n"
        "matter.\n\n"
        "  syncshell redeem 7YXW-4KQ0-1N8D-PZ3MB\n\n",
    [SUBCOMMAND_REMOVE_MEMBER] =
        "Usage: syncshell remove-member PEER [--syncshell ID] [OPTIONS]\n\n"
        "For the owner. Takes the member out of the syncshell at once and for ever; its sessions end. It still knows the\n"
        "secret: run rotate-key, too. If the relay cannot be reached in time, the next start carries it out; so it is with\n"
        "all commands for the owner.\n\n"
        "  syncshell remove-member ed25519:Zm8...\n\n",
    [SUBCOMMAND_ROTATE_KEY] =
        "Usage: syncshell rotate-key [--syncshell ID] [OPTIONS]\n\n"
        "For the owner. Makes a new secret and prints the new invite alone on stdout. All others are out until they have\n"
        "joined with it: give it to those who are to stay. Their sessions wait for them.\n\n"
        "  syncshell rotate-key\n\n",
    [SUBCOMMAND_HAND_OVER] = "Usage: syncshell hand-over PEER [--syncshell ID] [OPTIONS]\n\n"
                             "For the owner. Makes another member the owner.\n\n"
                             "  syncshell hand-over ed25519:Zm8...\n\n",
    [SUBCOMMAND_DELETE] = "Usage: syncshell delete --syncshell ID [OPTIONS]\n\n"
                          "For the owner. Ends the syncshell for everybody, with its sessions.\n\n"
                          "  syncshell delete --syncshell k3J9...\n\n",
    [SUBCOMMAND_PEER] =
        "Usage: syncshell peer [--state DIR] [--relay URL] [--syncshell ID] [--ca FILE] [OPTIONS]\n\n"
        "A peer driven by a program: one JSON object a line. Commands come in on stdin, events go out on stdout. It keeps\n"
        "sessions, journal and retries; your part is WebRTC and the bytes. The end of the input, the command quit, SIGTERM,\n"
        "SIGINT and SIGHUP end it in order. Started again with the same state directory, it carries on by itself.\n\n"
        "  echo '{\"command\":\"create\",\"tag\":\"a\"}' | syncshell peer --relay wss://relay.example.org\n\n"
        "would end with its input at once: keep the input open for as long as the peer is to live.\n\n",
};

static const char PEER_REPLIES[] =
    "A command has a \"command\", any \"tag\" (a text, which comes back in the reply) and its fields; [field] may be absent.\n"
    "Each gets one reply. What comes of an accepted one arrives later, as events with its ticket. A bad line is rejected\n"
    "and the program goes on. A line has up to 8 MiB. [syncshell] is --syncshell, or the only one that events named.\n\n"
    "  {\"event\":\"started\",\"peerId\":\"ed25519:Q2x...\",\"version\":\"0.1.0\"}\n"
    "      started: the first line.\n"
    "  {\"event\":\"accepted\",\"ticket\":1,\"tag\":\"a\"}\n"
    "      accepted: the command is on its way. Its events come after this line.\n"
    "  {\"event\":\"rejected\",\"error\":\"E_ARGUMENT\",\"message\":\"...\",\"tag\":\"a\"}\n"
    "      rejected: nothing was done; message says why.\n\n";

/* Prints `text` with each line indented. */
static void print_indented(FILE *stream, const char *text)
{
    fputs("      ", stream);
    for (; *text; text++) {
        fputc(*text, stream);
        if (*text == '\n')
            fputs("      ", stream);
    }
    fputc('\n', stream);
}

static void print_peer_protocol(FILE *stream)
{
    fputs(PEER_REPLIES, stream);
    fputs("Commands:\n", stream);
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        fprintf(stream, "  %s\n", COMMANDS[i].name);
        if (*COMMANDS[i].fields)
            fprintf(stream, "      fields: %s\n", COMMANDS[i].fields);
        fprintf(stream, "      %s\n", COMMANDS[i].example);
        print_indented(stream, COMMANDS[i].meaning);
    }
    fputs("\nEvents (a ticket is there when a command caused it):\n", stream);
    for (size_t i = 0; i < HELP_EVENTS_COUNT; i++) {
        fprintf(stream, "  %s\n      %s\n", HELP_EVENTS[i].name, HELP_EVENTS[i].example);
        print_indented(stream, HELP_EVENTS[i].meaning);
    }
    fputc('\n', stream);
}

void help_print(FILE *stream, enum subcommand subcommand)
{
    fputs(subcommand == SUBCOMMAND_NONE ? PROGRAM_HELP : USAGES[subcommand], stream);
    if (subcommand == SUBCOMMAND_PEER)
        print_peer_protocol(stream);
    fputs(OPTIONS_HELP, stream);
    fputs(STATUS_HELP, stream);
}
