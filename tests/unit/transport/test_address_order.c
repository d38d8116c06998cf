/* Which of a host's addresses is dialled first: the order by itself, and a socket that keeps to it. */
#define _GNU_SOURCE /* getaddrinfo_a */

#include "socket_scene.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timeutil.h"
#include "transport/address_order.h"

enum { LIST_MAX = 128 };

/* ---- the order; addresses are written as one line ---- */

static void assert_order(const struct address_order *o, const char *found, const char *expected)
{
    struct resolver_addresses addresses = {.n = 0};
    char line[LIST_MAX], sorted[LIST_MAX] = "", *rest = line;

    (void)snprintf(line, sizeof line, "%s", found);
    for (char *one = strtok_r(rest, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
        (void)snprintf(addresses.text[addresses.n++], RESOLVER_ADDRESS_MAX, "%s", one);
    address_order_apply(o, &addresses);
    for (size_t i = 0; i < addresses.n; i++) {
        size_t at = strlen(sorted);
        (void)snprintf(sorted + at, sizeof sorted - at, i ? " %s" : "%s", addresses.text[i]);
    }
    assert_string_equal(sorted, expected);
}

static void families_take_turns(void **state)
{
    const struct address_order o = {.n_failed = 0};

    (void)state;
    assert_order(&o, "", "");
    assert_order(&o, "::1", "::1");
    assert_order(&o, "::1 ::2 ::3 1.1.1.1 2.2.2.2", "::1 1.1.1.1 ::2 2.2.2.2 ::3");
    assert_order(&o, "1.1.1.1 2.2.2.2 ::1", "1.1.1.1 ::1 2.2.2.2");
    assert_order(&o, "1.1.1.1 2.2.2.2", "1.1.1.1 2.2.2.2");
}

static void what_worked_goes_first(void **state)
{
    struct address_order o = {.n_failed = 0};

    (void)state;
    address_order_worked(&o, "1.1.1.1");
    assert_order(&o, "::1 ::2 1.1.1.1 2.2.2.2", "1.1.1.1 ::1 2.2.2.2 ::2");
    assert_order(&o, "::1 2.2.2.2", "::1 2.2.2.2"); /* it is not the name's any more */
    address_order_failed(&o, "1.1.1.1");
    assert_order(&o, "::1 1.1.1.1 2.2.2.2", "::1 2.2.2.2 1.1.1.1");
}

static void what_failed_goes_last(void **state)
{
    struct address_order o = {.n_failed = 0};

    (void)state;
    address_order_failed(&o, "::1");
    address_order_failed(&o, "::2");
    assert_order(&o, "::1 ::2 ::3 1.1.1.1", "::3 1.1.1.1 ::1 ::2");
    address_order_failed(&o, "::3");
    address_order_failed(&o, "1.1.1.1");
    address_order_failed(&o, "::1"); /* once more: now all others come before it */
    assert_order(&o, "::1 ::2 ::3 1.1.1.1", "::2 ::3 1.1.1.1 ::1");
    address_order_worked(&o, "1.1.1.1");
    assert_order(&o, "::1 ::2 ::3 1.1.1.1", "1.1.1.1 ::2 ::3 ::1");
}

static void old_failures_are_forgotten(void **state)
{
    struct address_order o = {.n_failed = 0};
    char address[16];

    (void)state;
    for (int i = 0; i <= RESOLVER_ADDRESSES_MAX; i++) {
        (void)snprintf(address, sizeof address, "%d.0.0.1", i);
        address_order_failed(&o, address);
    }
    assert_order(&o, "1.0.0.1 0.0.0.1", "0.0.0.1 1.0.0.1");
    for (int i = 0; i < RESOLVER_ADDRESSES_MAX; i++) /* known ones take no more room */
        address_order_failed(&o, "1.0.0.1");
    assert_order(&o, "1.0.0.1 2.0.0.1", "2.0.0.1 1.0.0.1");
}

/* ---- a socket; the name "two.example" has two addresses here, as glibc would find them ---- */

int getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *notice)
{
    struct addrinfo *last = NULL;

    assert_true(mode == GAI_NOWAIT && n == 1 && !notice);
    assert_string_equal(list[0]->ar_name, "two.example");
    assert_int_equal(getaddrinfo("127.0.0.2", NULL, list[0]->ar_request, &list[0]->ar_result), 0);
    assert_int_equal(getaddrinfo("127.0.0.1", NULL, list[0]->ar_request, &last), 0);
    list[0]->ar_result->ai_next = last;
    return 0;
}

int gai_error(struct gaicb *request)
{
    (void)request;
    return 0;
}

int gai_cancel(struct gaicb *request)
{
    (void)request;
    return EAI_ALLDONE;
}

int gai_suspend(const struct gaicb *const list[], int n, const struct timespec *patience)
{
    (void)list;
    (void)n;
    (void)patience;
    return 0;
}

/* Takes connections at the first address, and leaves them lying. */
static int listen_at_first(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &address.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static bool somebody_came(int listen_fd)
{
    struct pollfd p = {.fd = listen_fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void a_reconnection_does_not_begin_with_a_dead_address(void **state)
{
    struct fixture *f = *state;
    int first;

    make_socket(f, NULL);
    fake_relay_start(&f->relay, NULL, NULL, vanish);
    dial(f, "ws", "two.example", f->relay.port);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_connected, 1);
    first = listen_at_first(f->relay.port); /* now it would take seconds until that is noticed */
    dial(f, "ws", "two.example", f->relay.port);
    serve(f, &f->n_disconnected, 2);
    assert_int_equal(f->n_connected, 2);
    assert_false(somebody_came(first));
    (void)close(first);
}

/* The engine gives up the dial as a whole: the next goes on with the address that had no turn. */
static void a_dial_that_was_given_up_goes_on(void **state)
{
    struct fixture *f = *state;
    uint64_t limit_us = time_add_ms(socket_now_us(), LIMIT_MS);
    int first;

    make_socket(f, NULL);
    fake_relay_start(&f->relay, NULL, NULL, echo);
    first = listen_at_first(f->relay.port);
    dial(f, "ws", "two.example", f->relay.port);
    while (!somebody_came(first) && socket_now_us() < limit_us)
        assert_int_equal(socket_service(f->socket, socket_now_us()), 0);
    socket_disconnect(f->socket);
    assert_int_equal(f->n_disconnected, 1);
    dial(f, "ws", "two.example", f->relay.port);
    serve(f, &f->n_connected, 1);
    (void)close(first);
}

#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, socket_setup, socket_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(what_worked_goes_first),
        cmocka_unit_test(what_failed_goes_last),
        cmocka_unit_test(old_failures_are_forgotten),
        WITH_FIXTURE(a_reconnection_does_not_begin_with_a_dead_address),
        WITH_FIXTURE(a_dial_that_was_given_up_goes_on),
    };

    return cmocka_run_group_tests_name("transport_address_order", tests, NULL, NULL);
}
