/* A link of network namespaces that takes its time: two TUN devices, each in the namespace that is named, and every packet that goes
 * into one comes out of the other a fixed time later, in order. For tests, where the kernel has no netem.
 *
 *   delay MILLISECONDS NAMESPACE DEVICE NAMESPACE DEVICE
 *
 * Prints "ready" when both devices are there. It ends, and the devices vanish, when its standard input does. */
#define _GNU_SOURCE /* setns, ppoll */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_BYTES_MAX = 2048, QUEUE_PACKETS = 8192, DIRECTIONS = 2, SECOND_NS = 1000000000 };
enum { ARGUMENT_MS = 1, ARGUMENT_FIRST_END, ARGUMENTS = ARGUMENT_FIRST_END + 2 * DIRECTIONS };

struct packet {
    uint64_t due_ns;
    size_t size;
    uint8_t bytes[PACKET_BYTES_MAX];
};

/* One direction. What does not fit in any more is lost, as on a real line. */
struct line {
    int from;
    int to;
    size_t first;
    size_t count;
    struct packet *packets; /* a ring of QUEUE_PACKETS */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* A device of this name, in the namespace at this path, in which the process then is. */
static int device_open(const char *namespace, const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int space = open(namespace, O_RDONLY | O_CLOEXEC);
    int fd = -1;

    if (space >= 0 && setns(space, CLONE_NEWNET) == 0)
        fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (space >= 0)
        close(space);
    if (fd < 0)
        return -errno;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : fd;
}

static void line_take(struct line *line, uint64_t delay_ns)
{
    static uint8_t lost[PACKET_BYTES_MAX];

    for (;;) {
        bool full = line->count == QUEUE_PACKETS;
        struct packet *packet = &line->packets[(line->first + line->count) % QUEUE_PACKETS];
        ssize_t got = read(line->from, full ? lost : packet->bytes, PACKET_BYTES_MAX);

        if (got <= 0)
            return;
        if (full)
            continue;
        packet->size = (size_t)got;
        packet->due_ns = now_ns() + delay_ns;
        line->count++;
    }
}

/* Lets out what is due. A device that is down, or full, loses it. */
static void line_give(struct line *line)
{
    uint64_t now = now_ns();

    while (line->count > 0 && line->packets[line->first].due_ns <= now) {
        const struct packet *packet = &line->packets[line->first];

        if (write(line->to, packet->bytes, packet->size) < 0 && errno == EBADFD)
            return; /* the device is going */
        line->first = (line->first + 1) % QUEUE_PACKETS;
        line->count--;
    }
}

/* Until the next packet is due. False: nothing waits. */
static bool next_due(const struct line lines[static DIRECTIONS], struct timespec *ret_rest)
{
    uint64_t now = now_ns(), due = UINT64_MAX;

    for (int i = 0; i < DIRECTIONS; i++)
        if (lines[i].count > 0 && lines[i].packets[lines[i].first].due_ns < due)
            due = lines[i].packets[lines[i].first].due_ns;
    if (due == UINT64_MAX)
        return false;
    due = due > now ? due - now : 0;
    *ret_rest = (struct timespec){(time_t)(due / SECOND_NS), (long)(due % SECOND_NS)};
    return true;
}

static int carry(struct line lines[static DIRECTIONS], uint64_t delay_ns)
{
    struct pollfd fds[DIRECTIONS + 1] = {
        {lines[0].from, POLLIN, 0}, {lines[1].from, POLLIN, 0}, {STDIN_FILENO, 0, 0}};

    for (;;) {
        struct timespec rest;
        bool waits = next_due(lines, &rest);

        if (ppoll(fds, DIRECTIONS + 1, waits ? &rest : NULL, NULL) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        if (fds[DIRECTIONS].revents)
            return EXIT_SUCCESS;
        for (int i = 0; i < DIRECTIONS; i++) {
            line_take(&lines[i], delay_ns);
            line_give(&lines[i]);
        }
    }
}

int main(int argc, char **argv)
{
    static struct packet packets[DIRECTIONS][QUEUE_PACKETS];
    struct line lines[DIRECTIONS] = {{0}};
    uint64_t delay_ns;
    int ends[DIRECTIONS], status;

    if (argc != ARGUMENTS) {
        fputs("usage: delay MILLISECONDS NAMESPACE DEVICE NAMESPACE DEVICE\n", stderr);
        return EXIT_FAILURE;
    }
    delay_ns = strtoull(argv[ARGUMENT_MS], NULL, 10) * (SECOND_NS / 1000);
    for (int i = 0; i < DIRECTIONS; i++) {
        const char *name = argv[ARGUMENT_FIRST_END + 2 * i + 1];

        ends[i] = device_open(argv[ARGUMENT_FIRST_END + 2 * i], name);
        if (ends[i] < 0) {
            fprintf(stderr, "delay: %s: %s\n", name, strerror(-ends[i]));
            return EXIT_FAILURE;
        }
    }
    for (int i = 0; i < DIRECTIONS; i++)
        lines[i] = (struct line){.from = ends[i], .to = ends[1 - i], .packets = packets[i]};
    puts("ready");
    fflush(stdout);
    status = carry(lines, delay_ns);
    for (int i = 0; i < DIRECTIONS; i++)
        close(ends[i]);
    return status;
}
