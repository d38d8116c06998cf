/* The load generator: one process, one thread, all peers. tests/bench/run starts it; by hand:
 *
 *     load route --adapter ours --port 8787 --pid $(pidof syncshell-relay) --pairs 100 --seconds 5
 *
 * It prints one JSON object. Options are those of the table below; numbers may have fractions where that makes sense. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/server.h"

static const struct adapter *const adapters[] = {
    &adapter_ours,     &adapter_plain, &adapter_json, &adapter_peerjs,
    &adapter_socketio, &adapter_mqtt,  &adapter_nats, &adapter_redis,
};
static const struct scenario *const scenarios[] = {&scenario_route, &scenario_idle,
                                                   &scenario_return};

static double number(const char *name, const char *text)
{
    char *end;
    double n = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !(n >= 0 && n <= 1e9))
        die("%s: a number is needed", name);
    return n;
}

static bool set(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        size_t *count;
        double *number;
    } table[] = {
        {"--pairs", &o->pairs, NULL},       {"--burst", &o->burst, NULL},
        {"--idle", &o->idle, NULL},         {"--members", &o->members, NULL},
        {"--size", &o->size, NULL},         {"--in-flight", &o->in_flight, NULL},
        {"--streams", &o->streams, NULL},   {"--dialling", &o->dialling, NULL},
        {"--warm-up", NULL, &o->warm_up_s}, {"--seconds", NULL, &o->seconds},
        {"--rate", NULL, &o->rate},         {"--sessions", &o->sessions, NULL},
        {"--inbox", &o->inbox, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        if (table[i].count)
            *table[i].count = (size_t)number(name, value);
        else
            *table[i].number = number(name, value);
        return true;
    }
    return false;
}

static struct options parse(int argc, char **argv)
{
    struct options o = {
        .burst = 1, .members = 10, .size = 2500, .warm_up_s = 0.3, .seconds = 2, .dialling = 64};
    if (argc < 2)
        die("usage: load SCENARIO --adapter NAME --port PORT [OPTION VALUE]...");
    o.scenario = argv[1];
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--tls") == 0) {
            o.tls = true;
            continue;
        }
        if (strcmp(name, "--company") == 0) {
            o.company = true;
            continue;
        }
        const char *value = argv[++i]; /* argv ends in NULL */
        if (strcmp(name, "--adapter") == 0)
            o.adapter = value;
        else if (strcmp(name, "--port") == 0)
            o.port = (uint16_t)number(name, value);
        else if (strcmp(name, "--pid") == 0)
            o.pid = (pid_t)number(name, value);
        else if (strcmp(name, "--message") == 0 && value)
            o.kind = strcmp(value, "candidate") == 0 ? KIND_CANDIDATE : KIND_OFFER;
        else if (!set(&o, name, value))
            die("unknown option %s", name);
    }
    if (!o.adapter || !o.port)
        die("--adapter and --port are needed");
    if (o.burst == 0 || o.members == 0 || o.size == 0 || o.dialling == 0)
        die("--burst, --members, --size, --dialling: at least 1");
    return o;
}

static void find(struct load *load, const struct scenario **ret_scenario)
{
    const struct options *o = &load->options;
    *ret_scenario = NULL;
    for (size_t i = 0; i < sizeof adapters / sizeof *adapters; i++) {
        if (strcmp(adapters[i]->name, o->adapter) == 0)
            load->adapter = adapters[i];
    }
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(scenarios[i]->name, o->scenario) == 0)
            *ret_scenario = scenarios[i];
    }
    if (!load->adapter || !*ret_scenario)
        die("unknown %s", load->adapter ? "scenario" : "adapter");
}

static void make_endpoints(struct load *load)
{
    load->endpoints = calloc(load->n_endpoints, sizeof *load->endpoints);
    load->payload = malloc(load->options.size + 1);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!load->endpoints || !load->payload || load->epoll < 0)
        die("no memory, or no epoll");
    for (size_t i = 0; i < load->n_endpoints; i++) {
        struct endpoint *e = &load->endpoints[i];
        e->load = load;
        e->index = i;
        if (load->adapter->state_size && !(e->state = calloc(1, load->adapter->state_size)))
            die("no memory");
    }
    /* Text, so that it goes into JSON as it is, and not all the same, so that nobody gains by compressing it. */
    for (size_t i = 0; i < load->options.size; i++)
        load->payload[i] = (uint8_t)('A' + (i * 7 + i * i % 11) % 26);
    load->payload[load->options.size] = '\0';
}

int main(int argc, char **argv)
{
    static struct load load; /* reachable to the end: the process's exit frees it */
    load.options = parse(argc, argv);
    const struct scenario *scenario;
    find(&load, &scenario);
    scenario->size(&load);
    if (load.n_endpoints == 0)
        die("no connections: --pairs, --idle or --streams");
    make_endpoints(&load);
    if (load.options.tls && !(load.tls = SSL_CTX_new(TLS_client_method())))
        die("no TLS");
    if (load.adapter->prepare)
        load.adapter->prepare(&load);
    load.empty_bytes = server_resident_bytes(load.options.pid);
    load_connect(&load);
    scenario->run(&load);
    return 0;
}
