/* MQTT 3.1.1 over WebSocket: every endpoint subscribes to a topic of its own, messages are published there with QoS 0; durable
 * writes are retained messages with QoS 1. One packet per WebSocket message, both ways. */
#include <stdio.h>
#include <string.h>

#include "bench/load/die.h"
#include "bench/load/load.h"

enum { CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBACK = 9, QOS_1_RETAINED = 3 };

struct packet {
    uint8_t data[128];
    size_t size;
};

/* The fixed header, for what follows it. */
static void begin(struct packet *p, unsigned first, size_t remaining)
{
    p->size = 0;
    p->data[p->size++] = (uint8_t)first;
    do {
        uint8_t byte = remaining % 128;
        remaining /= 128;
        p->data[p->size++] = (uint8_t)(byte | (remaining ? 0x80U : 0U));
    } while (remaining);
}

static void add_number(struct packet *p, size_t number)
{
    p->data[p->size++] = (uint8_t)(number >> 8);
    p->data[p->size++] = (uint8_t)number;
}

static void add_text(struct packet *p, const char *text)
{
    size_t n = strlen(text);
    add_number(p, n);
    memcpy(p->data + p->size, text, n);
    p->size += n;
}

static void opened(struct endpoint *e)
{
    struct packet p;
    char name[16];
    snprintf(name, sizeof name, "c%08zu", e->index);
    begin(&p, 0x10, 10 + 2 + strlen(name));
    add_text(&p, "MQTT");
    p.data[p.size++] = 4; /* 3.1.1 */
    p.data[p.size++] = 2; /* clean session */
    add_number(&p, 0);    /* no keep-alive */
    add_text(&p, name);
    ws_write(&e->link, WS_BINARY, p.data, p.size, NULL, 0);
}

static void subscribe(struct endpoint *e)
{
    struct packet p;
    char topic[16];
    snprintf(topic, sizeof topic, "p/%08zu", e->index);
    begin(&p, 0x82, 2 + 2 + strlen(topic) + 1);
    add_number(&p, 1);
    add_text(&p, topic);
    p.data[p.size++] = 0;
    ws_write(&e->link, WS_BINARY, p.data, p.size, NULL, 0);
    link_flush(&e->link);
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    unsigned kind = size >= 2 ? (uint8_t)data[0] >> 4 : 0;
    if (kind == PUBLISH)
        endpoint_routed(e);
    else if (kind == PUBACK && size == 4)
        endpoint_stored(e, (size_t)((uint8_t)data[2] << 8 | (uint8_t)data[3]) - 1);
    else if (kind == CONNACK && size == 4 && data[3] == 0)
        subscribe(e);
    else if (kind == SUBACK)
        endpoint_ready(e);
    else
        die("the broker sends a packet that was not expected: %02x, %zu bytes", data[0] & 0xff,
            size);
}

static void send(struct endpoint *e, size_t lane)
{
    struct packet p;
    char topic[16];
    size_t size = e->load->options.size;
    snprintf(topic, sizeof topic, "p/%08zu", endpoint_partner(e)->index);
    begin(&p, PUBLISH << 4, 2 + strlen(topic) + size);
    add_text(&p, topic);
    ws_write(&e->link, WS_BINARY, p.data, p.size, e->load->payload, size);
}

static void store(struct endpoint *e, size_t lane)
{
    struct packet p;
    char topic[48];
    size_t size = e->load->options.size;
    snprintf(topic, sizeof topic, "s/%08zu/%zu", e->index, lane);
    begin(&p, PUBLISH << 4 | QOS_1_RETAINED, 2 + strlen(topic) + 2 + size);
    add_text(&p, topic);
    add_number(&p, lane + 1);
    ws_write(&e->link, WS_BINARY, p.data, p.size, e->load->payload, size);
}

const struct adapter adapter_mqtt = {.name = "mqtt",
                                     .subprotocol = "mqtt",
                                     .opened = opened,
                                     .received = received,
                                     .send = send,
                                     .store = store};
